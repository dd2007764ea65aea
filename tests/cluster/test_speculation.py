"""A slow task is copied to another host: one of the two counts, on HDFS as in local mode."""

from pathlib import Path

import pyarrow.parquet as pq

from repertoire.store import open_warehouse
from repertoire.tables import RECOMMENDATIONS
from tests.cluster.conftest import ROOT, Cluster
from tests.pipeline.attempts import ROWS
from tests.pipeline.test_attempts import assert_each_row_once

_SOON = ("spark.speculation=true", "spark.speculation.interval=200ms", "spark.speculation.multiplier=1.1")


def test_a_copy_of_a_slow_task_writes_nothing_twice(cluster: Cluster, hdfs: str, tmp_path: Path) -> None:
    packaged = cluster.run("package.sh", "--upload")
    assert packaged.returncode == 0, packaged.stdout
    script = ROOT / "tests" / "pipeline" / "attempts.py"
    master = ("--master", cluster.environment["REPERTOIRE_MASTER"])
    soon = [word for text in _SOON for word in ("--conf", text)]
    folder = f"{hdfs}/speculation"
    done = cluster.spark_submit("dist/spark/standalone.conf", *master, *soon, str(script), folder, "dawdles")
    assert done.returncode == 0, done.stdout[-5000:]
    assert str(ROWS) in done.stdout.split()
    assert_each_row_once(open_warehouse(folder).tables.rows(RECOMMENDATIONS))
    cluster.hadoop("-get", f"{folder}/plain", str(tmp_path))
    assert_each_row_once(pq.read_table(tmp_path / "plain"))

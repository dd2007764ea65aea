"""The DAG on the cluster: its stages in YARN's cluster mode, logs and tables on HDFS."""

from pathlib import Path

from repertoire.store import Warehouse, open_warehouse
from repertoire.tables import EVENTS, INTERACTIONS
from tests.cluster.conftest import DAYS, NAMED_BY_PLACE, Cluster
from tests.cluster.conftest import SMALL as SMALL_EXECUTORS
from tests.pipeline.airflow_home import AirflowHome
from tests.pipeline.nightly import contents


def test_dags_test_runs_stages_on_yarn(
    cluster: Cluster,
    hdfs: str,
    shop: list[str],
    local: Warehouse,
    tmp_path: Path,
) -> None:
    assert cluster.run("package.sh", "--upload").returncode == 0
    cluster.hadoop("-touchz", f"{hdfs}/shop/_SUCCESS")
    day, warehouse = DAYS[0], f"{hdfs}/warehouse-airflow"
    environment = {name: cluster.environment[name] for name in ("HADOOP_CONF_DIR", "SPARK_LOCAL_IP")}
    home = AirflowHome(
        tmp_path / "airflow",
        env="cluster",
        set=[*shop, f"run.warehouse={warehouse}"],
        stages={"to": "build_features"},
        logs={"paths": [f"{hdfs}/shop"], "poke_seconds": 1},
        spark={
            "master": "yarn",
            "deploy_mode": "cluster",
            "properties_file": "dist/spark/yarn.conf",
            "conf": dict(text.split("=", 1) for text in SMALL_EXECUTORS),
            "environment": environment,
        },
    )
    home.call("test", day.isoformat())
    there = open_warehouse(warehouse)
    for table in (EVENTS, INTERACTIONS):
        left_out = NAMED_BY_PLACE.get(table.name, ())
        of_day = [row for row in contents(local, table, *left_out) if table is EVENTS or row[0] == day]
        found = contents(there, table, *left_out)
        assert (found == of_day) if table is INTERACTIONS else set(found) <= set(of_day), table.name
        assert found

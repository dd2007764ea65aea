"""What spares Spark's Delta to compute the state of a table that was just made."""

import datetime as dt
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F

from repertoire.store.delta_tables import DeltaTables
from repertoire.store.files import LocalFiles
from repertoire.store.version_checksum import checksum_of_empty
from repertoire.tables import CANDIDATES, PUBLICATIONS

MONDAY, TUESDAY = dt.date(2026, 3, 2), dt.date(2026, 3, 3)


def rows(spark: SparkSession, day: dt.date) -> DataFrame:
    cells = [F.lit(day if c.name == "run_date" else "1").cast(c.type).alias(c.name) for c in CANDIDATES.columns]
    return spark.range(1).select(*cells)


def log_file(tables: DeltaTables, version: int, ending: str) -> Path:
    return Path(tables.path(CANDIDATES), "_delta_log", f"{version:020d}.{ending}")


def test_the_first_write_costs_no_more_spark_jobs_than_the_next_and_delta_sums_it_up_rightly(
    spark: SparkSession, tmp_path: Path, jobs_of: Callable[[Callable[[], Any]], int]
) -> None:
    tables = DeltaTables(str(tmp_path / "tables"), LocalFiles())
    first = jobs_of(lambda: tables.replace_run_date(rows(spark, MONDAY), CANDIDATES, MONDAY, "one"))
    second = jobs_of(lambda: tables.replace_run_date(rows(spark, TUESDAY), CANDIDATES, TUESDAY, "two"))
    assert first <= second
    for version in (1, 2):
        summed = json.loads(log_file(tables, version, "crc").read_text())
        opened = tables.opened(CANDIDATES, version)
        assert opened is not None
        sizes = opened.get_add_actions().column("size_bytes").to_pylist()
        assert (summed["numFiles"], summed["tableSizeBytes"]) == (len(sizes), sum(sizes)) == (version, sum(sizes))
    assert spark.read.format("delta").load(tables.path(CANDIDATES)).count() == 2


def test_the_checksum_says_what_the_first_commit_says_and_only_of_an_empty_table(
    spark: SparkSession, tmp_path: Path
) -> None:
    tables = DeltaTables(str(tmp_path / "tables"), LocalFiles())
    tables.create(CANDIDATES)
    tables.create(PUBLICATIONS)
    commit = log_file(tables, 0, "json").read_text()
    found = json.loads(log_file(tables, 0, "crc").read_text())
    said = {kind: content for line in commit.splitlines() for kind, content in json.loads(line).items()}
    assert (found["metadata"], found["protocol"]) == (said["metaData"], said["protocol"])
    assert (found["numFiles"], found["tableSizeBytes"], found["allFiles"]) == (0, 0, [])
    assert not list(Path(tables.path(PUBLICATIONS), "_delta_log").glob("*.crc"))  # Spark writes none of the ledger's
    assert checksum_of_empty(commit + '\n{"add":{"path":"a"}}') is None

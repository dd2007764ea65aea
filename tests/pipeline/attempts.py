"""A process in which a task has to be tried twice: it writes a table and plain Parquet, and prints how many rows the table got.

python attempts.py FOLDER
"""

import datetime as dt
import sys
from collections.abc import Iterator

import pyarrow as pa
from pyspark import TaskContext
from pyspark.sql import DataFrame, SparkSession

from repertoire.frames.materialise import materialise
from repertoire.session import start_session
from repertoire.settings import SparkSettings
from repertoire.store import open_warehouse
from repertoire.tables import RECOMMENDATIONS

DAY = dt.date(2026, 3, 1)
PARTITIONS, ROWS = 4, 40


def dies_first(batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
    """The first attempt at partition 0 fails once all its rows are out."""
    task = TaskContext.get()
    assert task is not None
    for batch in batches:
        attempt = pa.array([f"attempt-{task.attemptNumber()}"] * batch.num_rows)
        yield batch.set_column(batch.schema.get_field_index("model_version"), "model_version", attempt)
    if task.partitionId() == 0 and task.attemptNumber() == 0:
        raise MemoryError("the first attempt")


def lists(spark: SparkSession) -> DataFrame:
    rows = spark.range(0, ROWS, 1, PARTITIONS).selectExpr(
        f"DATE'{DAY}' AS run_date",
        "concat('u', id) AS user_id",
        "1 AS rank",
        "'i' AS item_id",
        "1D AS score",
        "'' AS model_version",
        "'popular' AS reason",
        "'popular' AS source",
        "2 AS fallback_tier",
        "1D AS propensity",
        "CAST(null AS string) AS arm",
    )
    return rows.mapInArrow(dies_first, rows.schema)


if __name__ == "__main__":
    settings = SparkSettings(master="local[2,2]", driver_memory="1g")  # two attempts a task
    spark = start_session(settings, app="attempts")
    warehouse = open_warehouse(sys.argv[1])
    commit = warehouse.tables.replace_run_date(lists(spark), RECOMMENDATIONS, DAY, "mark")
    materialise(lists(spark), warehouse.folder("plain"))
    print(commit.rows)
    spark.stop()

"""A process in which a task has to be tried twice: it writes a table and plain Parquet, and prints how many rows the table got.

python attempts.py FOLDER dies|dawdles
"""

import datetime as dt
import sys
import time
from collections.abc import Callable, Iterator

import pyarrow as pa
from pyspark import TaskContext
from pyspark.sql import DataFrame, SparkSession

from repertoire.frames.materialise import materialise
from repertoire.session import start_session
from repertoire.settings import SparkSettings
from repertoire.store import open_warehouse
from repertoire.store.files import is_local
from repertoire.tables import RECOMMENDATIONS

DAY = dt.date(2026, 3, 1)
PARTITIONS, ROWS = 4, 40


def twice(how: str) -> Callable[[Iterator[pa.RecordBatch]], Iterator[pa.RecordBatch]]:
    """The first attempt at partition 0 dies, or dawdles, once all its rows are out."""

    def attempt(batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        task = TaskContext.get()
        assert task is not None
        for batch in batches:
            number = pa.array([f"attempt-{task.attemptNumber()}"] * batch.num_rows)
            yield batch.set_column(batch.schema.get_field_index("model_version"), "model_version", number)
        if task.partitionId() == 0 and task.attemptNumber() == 0:
            if how == "dies":
                raise MemoryError("the first attempt")
            time.sleep(120)

    return attempt


def lists(spark: SparkSession, how: str) -> DataFrame:
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
    return rows.mapInArrow(twice(how), rows.schema)


if __name__ == "__main__":
    settings = SparkSettings(master="local[2,2]", driver_memory="1g")  # two attempts a task
    spark = start_session(settings, app="attempts", files_here=is_local(sys.argv[1]))
    folder, how = sys.argv[1:]
    warehouse = open_warehouse(folder, lambda: spark)
    commit = warehouse.tables.replace_run_date(lists(spark, how), RECOMMENDATIONS, DAY, "mark")
    materialise(lists(spark, how), warehouse.folder("plain"))
    print(commit.rows)
    spark.stop()

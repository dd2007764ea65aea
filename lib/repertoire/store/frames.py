"""Frames of Spark as a table's declaration has them."""

import datetime as dt

from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F

from repertoire.errors import TableError
from repertoire.tables import Table
from repertoire.vocabulary import RUN_DATE


def empty_frame(spark: SparkSession, table: Table) -> DataFrame:
    """No rows, in the declared schema."""
    return spark.createDataFrame([], table.ddl)


def conform(frame: DataFrame, table: Table) -> DataFrame:
    """The frame in the declared order of columns.

    Raises TableError where columns are missing, unknown or of another type: a stage must write what it declared.
    """
    found = dict(frame.dtypes)
    declared = {column.name: column.type for column in table.columns}
    wrong = [f"no column {name}" for name in declared if name not in found]
    wrong += [f"column {name} is not declared" for name in found if name not in declared]
    wrong += [
        f"column {name} is {found[name]}, declared {kind}"
        for name, kind in declared.items()
        if name in found and found[name] != kind
    ]
    if wrong:
        raise TableError(f"table {table.name}: {'; '.join(wrong)}")
    return frame.select(*[F.col(name) for name in table.column_names])


def all_of_run_date(frame: DataFrame, table: Table, run_date: dt.date) -> DataFrame:
    """The same rows; one of another run_date fails the job that computes it."""
    found = F.coalesce(F.col(RUN_DATE).cast("string"), F.lit("null"))
    words = F.concat(F.lit(f"table {table.name}: a row of run_date "), found, F.lit(f" among those of {run_date}"))
    same = F.col(RUN_DATE) == F.lit(run_date)
    return frame.withColumn(RUN_DATE, F.when(same, F.col(RUN_DATE)).otherwise(F.raise_error(words).cast("date")))

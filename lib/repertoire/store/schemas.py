"""A table's declaration in the types of Arrow and of Spark."""

import pyarrow as pa
from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F

from repertoire.errors import TableError
from repertoire.tables import Table

_ARROW = {
    "string": pa.string(),
    "double": pa.float64(),
    "int": pa.int32(),
    "bigint": pa.int64(),
    "boolean": pa.bool_(),
    "date": pa.date32(),
    "timestamp": pa.timestamp("us", tz="UTC"),
    "array<string>": pa.list_(pa.string()),
    "map<string,string>": pa.map_(pa.string(), pa.string()),
}


def arrow_schema(table: Table) -> pa.Schema:
    """Columns in the declared order, with their meaning as the comment that Delta shows."""
    return pa.schema(
        [
            pa.field(column.name, _ARROW[column.type], column.nullable, metadata={"comment": column.meaning})
            for column in table.columns
        ]
    )


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

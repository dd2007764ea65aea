"""A table's declaration in the types of Arrow."""

import pyarrow as pa

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

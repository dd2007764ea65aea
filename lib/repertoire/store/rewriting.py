"""Takes a table from an older version of its declaration to the present one, in one commit."""

from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor

import pyarrow as pa
from deltalake import CommitProperties, DeltaTable, QueryBuilder, write_deltalake

from repertoire.errors import TableError
from repertoire.store.delta_tables import DeltaTables
from repertoire.store.exclusive import exclusive
from repertoire.store.migrations import Migration, needs_rewriting
from repertoire.store.schemas import arrow_schema
from repertoire.tables import Table

_MARK = "userMetadata"


def migrate(tables: DeltaTables, table: Table, taken: Sequence[Migration]) -> int:
    """Takes the given steps, all from the table's version to the declared one; gives how many rows were rewritten.

    The commit carries a mark: a run that died before the table's version was noted finds it, and rewrites nothing
    twice. Rows are read and written a batch at a time, by this process alone. Raises TableError where the steps do not
    end in the declared columns.
    """
    if not needs_rewriting(taken):
        tables.create(table)
        return 0
    mark = f"migration of {table.name} to version {table.version}"
    with exclusive(tables.folder, table.name):
        opened = tables.opened(table)
        assert opened is not None
        if not any(entry.get(_MARK) == mark for entry in opened.history()):
            _taken(pa.schema(opened.schema().to_arrow()).empty_table(), table, taken)  # before anything is written
            write_deltalake(
                opened,
                pa.RecordBatchReader.from_batches(arrow_schema(table), _rewritten(opened, table, taken)),
                mode="overwrite",
                schema_mode="overwrite",
                partition_by=list(table.partitioned_by) or None,
                commit_properties=CommitProperties(custom_metadata={_MARK: mark}),
            )
        tables.keeps_version(table)
        rows = tables.opened(table)
        assert rows is not None
        return rows.count()


def _old_rows(opened: DeltaTable) -> Iterator[pa.Table]:
    schema = pa.schema(opened.schema().to_arrow())
    for batch in QueryBuilder().register("old", opened).execute("SELECT * FROM old"):
        yield pa.table(pa.record_batch(batch)).select(schema.names).cast(schema)


def _rewritten(opened: DeltaTable, table: Table, taken: Sequence[Migration]) -> Iterator[pa.RecordBatch]:
    old = _old_rows(opened)
    with ThreadPoolExecutor(1) as reader:  # the writer's own thread cannot wait for a reader of the same library
        while (rows := reader.submit(next, old, None).result()) is not None:
            yield from _taken(rows, table, taken).to_batches()


def _taken(rows: pa.Table, table: Table, taken: Sequence[Migration]) -> pa.Table:
    """Rows after the steps, in the declared schema."""
    declared = arrow_schema(table)
    for step in taken:
        rows = step.rewrite(rows) if step.rewrite else rows
    for field in declared:
        if field.name not in rows.column_names and field.nullable:
            rows = rows.append_column(field, pa.nulls(rows.num_rows, field.type))
    if set(rows.column_names) != set(declared.names):
        raise TableError(
            f"the migration of table {table.name} gives the columns {', '.join(rows.column_names)}; declared are "
            f"{', '.join(declared.names)}. Nothing was written."
        )
    return rows.select(declared.names).cast(declared)

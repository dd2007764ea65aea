"""Delta tables of one warehouse.

Frames go through Spark. What needs no cluster goes through delta-rs, without a Spark job: making a table, asking for
its version or its partitions, and the ledger, whose tables hold a few rows a run.
"""

import datetime as dt
import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pyarrow as pa
from deltalake import DeltaTable, Schema, write_deltalake
from deltalake.exceptions import CommitFailedError, DeltaError, TableNotFoundError
from pyarrow.fs import LocalFileSystem, SubTreeFileSystem

from repertoire.errors import TableError, TableVersionError
from repertoire.store.exclusive import exclusive
from repertoire.store.files import Files, is_local
from repertoire.store.migrations import needs_rewriting, steps
from repertoire.store.schemas import arrow_schema
from repertoire.store.unreachable import unreachable
from repertoire.store.version_checksum import FIRST_CHECKSUM, FIRST_COMMIT, checksum_of_empty
from repertoire.tables import Table, Written

if TYPE_CHECKING:  # what needs no Spark should not pay for its import
    from pyspark.sql import DataFrame, SparkSession

Row = Mapping[str, Any]

_ATTEMPTS = 10
_VERSION = "repertoire.version"
# Delta would forget versions after 30 days, whoever still needs them; maintain_tables trims the log instead.
_LOG_CLEANUP = "delta.enableExpiredLogCleanup"


@dataclass(frozen=True)
class Commit:
    """What a write did: the table's version after it, and how many rows it wrote."""

    version: int
    rows: int


class DeltaTables:
    """Reads and writes the declared tables below a folder.

    Every read of a table takes a version, so that a run sees one state of it however long the run takes.
    """

    def __init__(self, folder: str, files: Files) -> None:
        self.folder, self._files = folder, files

    def path(self, table: Table) -> str:
        return f"{self.folder}/{table.name}"

    # --- without Spark

    def version(self, table: Table) -> int | None:
        """The newest version, or None where the table has not been made."""
        opened = self.opened(table)
        return None if opened is None else opened.version()

    def run_dates(self, table: Table, version: int | None = None) -> set[dt.date]:
        """The run_dates of which a table partitioned by run_date holds rows."""
        return self._partitions(table, "run_date", version)

    def event_dates(self, table: Table) -> set[dt.date]:
        """The event_dates of which a table partitioned by event_date holds rows now."""
        return self._partitions(table, "event_date", None)

    def is_empty(self, table: Table) -> bool:
        """Whether the newest version has no rows, or there is none."""
        opened = self.opened(table)
        return opened is None or not opened.file_uris()

    def rows(self, table: Table, version: int | None = None, where: Sequence[tuple[str, str, Any]] = ()) -> pa.Table:
        """The rows of a table that is small, or of which `where` leaves few; in the declared schema.

        where: conditions (column, operator, value), all of which must hold, such as ("user_id", "=", "u1").
        """
        opened = self._to_read(table, version)
        if opened is None:
            return self.none(table)
        condition = _expression(where)
        if not table.ledger:
            return _as_declared(
                opened.to_pyarrow_dataset(filesystem=self._files_of(table)).to_table(filter=condition), table
            )
        # Files of delta-rs carry statistics as string_view, which Arrow's filters cannot compare with strings.
        found = _as_declared(opened.to_pyarrow_table(filesystem=self._files_of(table)), table).cast(arrow_schema(table))
        return found if condition is None else found.filter(condition)

    def batches(
        self,
        table: Table,
        columns: Sequence[str],
        version: int | None = None,
        where: Sequence[tuple[str, str, Any]] = (),
    ) -> Iterator[pa.RecordBatch]:
        """Some columns of the rows that meet `where`, a batch at a time: for what may be more than fits in memory."""
        opened = self._to_read(table, version)
        if opened is not None:
            rows = opened.to_pyarrow_dataset(filesystem=self._files_of(table)).scanner(
                columns=list(columns), filter=_expression(where)
            )
            yield from rows.to_batches()

    def glance(
        self,
        table: Table,
        columns: Sequence[str],
        version: int | None = None,
        where: Sequence[tuple[str, str, Any]] = (),
        row_groups: int = 16,
    ) -> pa.Table:
        """Some columns of the rows that meet `where` in at most so many row groups, evenly spread over a table's files:
        as quick for a large table as for a small one, which it gives as a whole."""
        opened = self._to_read(table, version)
        if opened is None:
            return self.none(table).select(list(columns))
        dataset, condition = opened.to_pyarrow_dataset(filesystem=self._files_of(table)), _expression(where)
        files = _spread(sorted(dataset.get_fragments(condition), key=lambda file: file.path), row_groups)
        parts = [part for file in files for part in _spread(file.split_by_row_group(), row_groups // len(files))]
        rows = [part.to_table(dataset.schema, columns=list(columns), filter=condition) for part in parts]
        return pa.concat_tables(rows) if rows else self.none(table).select(list(columns))

    def none(self, table: Table) -> pa.Table:
        """No rows, in the declared schema: a table as it was before it was made."""
        return arrow_schema(table).empty_table()

    def create(self, table: Table) -> None:
        """Makes an empty table in its declared schema, if there is none. Nulls in a column that forbids them are
        refused by Delta itself from then on.

        A table that an older version of the declaration made gets the columns that it lacks, null in its rows. Raises
        TableVersionError where its rows have to be rewritten, and where a newer version made it.
        """
        DeltaTable.create(
            self.path(table),
            schema=arrow_schema(table),
            mode="ignore",
            partition_by=list(table.partitioned_by) or None,
            description=table.row,
            configuration=_properties(table),
            raise_if_key_not_exists=False,
        )
        opened = DeltaTable(self.path(table))
        if opened.version() == 0 and not table.ledger:
            self._sum_up(table)
        self._migrate(table, opened)

    def _sum_up(self, table: Table) -> None:
        """Leaves Spark's Delta the checksum of an empty first version; without it, all is slower and as right."""
        log = f"{self.path(table)}/_delta_log"
        if not self._files.exists(f"{log}/{FIRST_CHECKSUM}"):
            commit = self._files.read(f"{log}/{FIRST_COMMIT}")
            text = checksum_of_empty(commit) if commit else None
            if text:
                self._files.create(f"{log}/{FIRST_CHECKSUM}", text)

    def made_version(self, table: Table) -> int | None:
        """The version of the declaration that a table keeps, None where it was never made."""
        opened = self.opened(table)
        return None if opened is None else _made_version(opened)

    def check_version(self, table: Table, *, to_migrate: bool = False) -> None:
        """Raises TableVersionError for a table that this Repertoire cannot write: a newer one made it, or, unless it is
        about to be migrated, an older one whose rows have to be rewritten first."""
        version = self.made_version(table)
        if version is not None and needs_rewriting(taken := steps(table, version)) and not to_migrate:
            raise TableVersionError(
                f"table {table.name} in {self.folder} has version {version}; this Repertoire writes {table.version}, and "
                f"its rows have to be rewritten ({'; '.join(step.about for step in taken)}). Nothing was written. Run "
                "`repertoire migrate` first; --dry-run shows what it does."
            )

    def keeps_version(self, table: Table) -> None:
        """Notes that a table keeps the declared version."""
        properties = {name: value for name, value in _properties(table).items() if value}
        DeltaTable(self.path(table)).alter.set_table_properties(properties, raise_if_not_exists=False)

    def _migrate(self, table: Table, opened: DeltaTable) -> None:
        """Columns first, then the version: interrupted between the two, it is done again."""
        there = {field.name for field in opened.schema().fields}
        missing = [column for column in table.columns if column.name not in there]
        found = opened.metadata().configuration
        lacking = {name: value for name, value in _properties(table).items() if value and found.get(name) != value}
        if not missing and not lacking:
            return
        self.check_version(table)
        if strict := [column.name for column in missing if not column.nullable]:
            raise TableVersionError(
                f"table {table.name} in {self.folder} lacks the columns {', '.join(strict)}, which cannot be null. "
                "It was made by another version of Repertoire; its rows have to be ingested again into a new warehouse."
            )
        if missing:
            of_name = {field.name: field for field in Schema.from_arrow(arrow_schema(table)).fields}
            opened.alter.add_columns([of_name[column.name] for column in missing])
        if lacking:
            opened.alter.set_table_properties(lacking, raise_if_not_exists=False)

    def write_rows(self, table: Table, rows: Sequence[Row], replace: Mapping[str, Any] | None = None) -> Commit:
        """Writes rows of a ledger table: by key, or in place of all rows whose columns equal `replace`."""
        data = _data(table, rows)
        self.create(table)
        for attempt in range(_ATTEMPTS):
            try:
                if replace is not None:
                    predicate = " AND ".join(f"{name} = {_literal(value)}" for name, value in replace.items())
                    write_deltalake(self.path(table), data, mode="overwrite", predicate=predicate)
                else:
                    self._merge_rows(table, data)
                break
            except CommitFailedError:  # another run wrote its own rows meanwhile, or upkeep moved these
                if attempt == _ATTEMPTS - 1:
                    raise
        return Commit(DeltaTable(self.path(table)).version(), data.num_rows)

    def append_rows(self, table: Table, rows: Sequence[Row]) -> None:
        """Adds rows of a ledger table whose keys cannot be there yet, at less than half of what `write_rows` costs."""
        self.create(table)
        write_deltalake(self.path(table), _data(table, rows), mode="append")

    def _merge_rows(self, table: Table, data: pa.Table) -> None:
        same_key = " AND ".join(f"target.{name} = source.{name}" for name in table.key)
        merge = DeltaTable(self.path(table)).merge(data, same_key, source_alias="source", target_alias="target")
        if table.written is Written.UPSERT:
            merge = merge.when_matched_update_all()
        merge.when_not_matched_insert_all().execute()

    # --- with Spark

    def read(
        self, spark: "SparkSession", table: Table, version: int | None, run_date: dt.date | None = None
    ) -> "DataFrame":
        """A version of a table, or of one run_date of it; no rows, in the declared schema, where it was never made.

        delta-rs says which files make up the version, and Spark reads those as Parquet: Delta's own reader starts two
        or three Spark jobs for each query on a table, which on small tables cost more than the query. Tables that use
        features which need that reader (deletion vectors, column mapping) get it.
        """
        from repertoire.store.frames import empty_frame

        opened = None if version is None else self._to_read(table, version)
        if opened is None:
            return empty_frame(spark, table)
        if opened.protocol().reader_features:
            frame = spark.read.format("delta").option("versionAsOf", version).load(self.path(table))
            return frame if run_date is None else frame.where(frame["run_date"] == run_date)
        of_date = [("run_date", "=", run_date)] if run_date else None
        files = opened.file_uris(file_pruning_predicate=of_date)
        self._require(table, opened.version(), files, of_date)
        if not files:
            return empty_frame(spark, table)
        rows = spark.read.schema(table.ddl).option("basePath", self.path(table)).parquet(*files)
        return rows.select(*table.column_names)

    def replace_run_date(self, frame: "DataFrame", table: Table, run_date: dt.date, mark: str) -> Commit:
        """Puts the frame in the place of one run_date's rows, in one commit. Idempotent.

        A row of another run_date fails the write. Must not run twice at once for one run_date: the caller holds a lease. Where
        the date has no rows yet there is nothing to take away, for which Delta would read its whole log: they are appended.
        """
        from repertoire.store.frames import all_of_run_date

        rows = all_of_run_date(_conform(frame, table), table, run_date)
        if table.sorted_by:
            rows = rows.sortWithinPartitions(*table.sorted_by)
        with exclusive(self.folder, table.name):
            self.create(table)
            writer = self._writer(rows, mark)
            if run_date in self.run_dates(table):
                writer = writer.mode("overwrite").option("replaceWhere", f"run_date = '{run_date.isoformat()}'")
            else:
                writer = writer.mode("append")
            writer.save(self.path(table))
            return self._commit(table, mark)

    def insert_new(self, frame: "DataFrame", table: Table, event_dates: Iterable[dt.date], mark: str) -> Commit:
        """Adds the rows whose key is not there yet; touches the given event_dates only, which the frame must not leave.

        Must not run twice at once on one table: the caller holds a lease. Where none of the days has rows yet, nothing
        can be there already, and the rows are appended.
        """
        days = sorted(set(event_dates))
        rows = _conform(frame, table)
        literal = ", ".join(f"DATE'{day.isoformat()}'" for day in days)
        with exclusive(self.folder, table.name):
            self.create(table)
            if not self.event_dates(table) & set(days):
                self._writer(rows, mark).mode("append").save(self.path(table))
                return self._commit(table, mark)
            return self._merge(rows, table, mark, f"target.event_date IN ({literal})", update=False)

    def upsert(self, frame: "DataFrame", table: Table, mark: str) -> Commit:
        """Adds new keys and replaces the rows of known ones. No key may stand twice in the frame."""
        rows = _conform(frame, table)
        with exclusive(self.folder, table.name):
            self.create(table)
            if self.is_empty(table):  # nothing to compare with: a merge would start a dozen Spark jobs
                self._writer(rows, mark).mode("append").save(self.path(table))
                return self._commit(table, mark)
            return self._merge(rows, table, mark, "true", update=True)

    def _merge(self, rows: "DataFrame", table: Table, mark: str, within: str, *, update: bool) -> Commit:
        from delta.tables import DeltaTable as SparkDeltaTable

        spark = rows.sparkSession
        same_key = " AND ".join(f"target.{name} = source.{name}" for name in table.key)
        spark.conf.set("spark.databricks.delta.commitInfo.userMetadata", mark)
        try:
            target = SparkDeltaTable.forPath(spark, self.path(table)).alias("target")
            merge = target.merge(rows.alias("source"), f"{within} AND {same_key}")
            if update:
                merge = merge.whenMatchedUpdateAll()
            merge.whenNotMatchedInsertAll().execute()
        finally:
            spark.conf.unset("spark.databricks.delta.commitInfo.userMetadata")
        return self._commit(table, mark)

    def _writer(self, rows: "DataFrame", mark: str) -> Any:
        return rows.write.format("delta").option("userMetadata", mark)

    def _commit(self, table: Table, mark: str) -> Commit:
        """The newest commit that carries the mark; a merge that found nothing to do leaves none."""
        opened = DeltaTable(self.path(table))
        for entry in opened.history(20):
            if entry.get("userMetadata") == mark:
                metrics = entry.get("operationMetrics") or {}
                if isinstance(metrics, str):
                    metrics = json.loads(metrics)
                rows = metrics.get("numOutputRows") or metrics.get("numTargetRowsInserted") or 0
                return Commit(int(entry["version"]), int(rows))
        return Commit(opened.version(), 0)

    def _require(self, table: Table, version: int, files: Sequence[str], of_date: Any) -> None:
        """Raises TableError where a version's files are there no longer: those that the newest version has are."""
        newest = self.opened(table)
        assert newest is not None
        if version == newest.version():
            return
        others = set(files) - set(newest.file_uris(file_pruning_predicate=of_date))
        gone = [path for path in sorted(others) if not self._files.exists(path.removeprefix("file://"))]
        if gone:
            raise TableError(
                f"version {version} of table {table.name} is kept no longer: {len(gone)} of its {len(files)} files were "
                f"deleted by maintain_tables, such as {gone[0]}. Versions are kept as maintenance.keep_reruns and "
                "maintenance.keep_publications say; --inputs latest reads the newest."
            )

    def _to_read(self, table: Table, version: int | None) -> DeltaTable | None:
        """The table as `opened` has it. Raises TableVersionError where its rows are those of another declaration, in
        which the columns of ours may mean something else or have other names."""
        opened = self.opened(table, version)
        if opened is not None and needs_rewriting(taken := steps(table, _made_version(opened))):
            which = "" if version is None else f", at version {version} of its log,"
            raise TableVersionError(
                f"table {table.name} in {self.folder}{which} has rows of an older Repertoire "
                f"({'; '.join(step.about for step in taken)}). Run `repertoire migrate` if that has not been done; runs that "
                "read older versions read the newest with --inputs latest."
            )
        return opened

    def _partitions(self, table: Table, column: str, version: int | None) -> set[dt.date]:
        opened = self.opened(table, version)
        if opened is None:
            return set()
        return {_as_date(partition[column]) for partition in opened.partitions()}

    def _files_of(self, table: Table) -> SubTreeFileSystem | None:
        """Arrow's own way to local files. By delta-rs's, its threads call Python, and a short command that ends while
        one of them still does is aborted."""
        return SubTreeFileSystem(self.path(table), LocalFileSystem()) if is_local(self.folder) else None

    def opened(self, table: Table, version: int | None = None) -> DeltaTable | None:
        """A version of the table as delta-rs has it, by default the newest; None where the table was never made.

        Raises TableError for a version that the log does not hold any more.
        """
        try:
            return DeltaTable(self.path(table), version=version)
        except TableNotFoundError as error:
            if version is None or not DeltaTable.is_deltatable(self.path(table)):
                return None
            raise TableError(
                f"table {table.name} in {self.folder} cannot be read at version {version}: the log begins later, as "
                "maintain_tables has trimmed it. --inputs latest reads the newest version."
            ) from error
        except OSError as error:
            raise unreachable(self.path(table), error) from error
        except DeltaError as error:
            which = "" if version is None else f" at version {version}"
            raise TableError(
                f"table {table.name} in {self.folder} cannot be read{which}: {error}. "
                "If that version was vacuumed away, --inputs latest reads the newest."
            ) from error


def _data(table: Table, rows: Sequence[Row]) -> pa.Table:
    """Rows in the declared schema; without comments, which tables of an older version word otherwise."""
    data = pa.Table.from_pylist([dict(row) for row in rows], schema=arrow_schema(table))
    return data.cast(pa.schema([field.remove_metadata() for field in data.schema]))


def _conform(frame: "DataFrame", table: Table) -> "DataFrame":
    from repertoire.store.frames import conform

    return conform(frame, table)


def _as_declared(found: pa.Table, table: Table) -> pa.Table:
    """The declared columns in their order; one that an older version of the table lacks is null."""
    schema = arrow_schema(table)
    absent = [field for field in schema if field.name not in found.column_names]
    for field in absent:
        found = found.append_column(field, pa.nulls(found.num_rows, field.type))
    return found.select(list(table.column_names))


def _as_date(value: Any) -> dt.date:
    return value if isinstance(value, dt.date) else dt.date.fromisoformat(str(value))


def _literal(value: Any) -> str:
    text = value.isoformat() if isinstance(value, dt.date) else str(value)
    return "'" + text.replace("'", "''") + "'"


def _spread(parts: Sequence[Any], most: int) -> list[Any]:
    """At most so many of them, at even distances."""
    if len(parts) <= most:
        return list(parts)
    return [parts[place * len(parts) // most] for place in range(most)]


def _properties(table: Table) -> dict[str, str | None]:
    properties: dict[str, str | None] = {_VERSION: str(table.version), _LOG_CLEANUP: "false"}
    if table.skipped_by:
        properties["delta.dataSkippingStatsColumns"] = ",".join(table.skipped_by)
    return properties


def _made_version(opened: DeltaTable) -> int:
    return int(opened.metadata().configuration.get(_VERSION) or 1)


def _expression(where: Sequence[tuple[str, str, Any]]) -> Any:
    import pyarrow.dataset as ds

    compare = {"=": "__eq__", "<": "__lt__", "<=": "__le__", ">": "__gt__", ">=": "__ge__"}
    expression = None
    for name, operator, value in where:
        field = ds.field(name)
        condition = field.isin(value) if operator == "in" else getattr(field, compare[operator])(value)
        expression = condition if expression is None else expression & condition
    return expression

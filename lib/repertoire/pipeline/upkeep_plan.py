"""What upkeep would do to each table, found without changing anything and without Spark."""

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from repertoire.pipeline.kept import Kept, kept
from repertoire.settings import MaintenanceSettings
from repertoire.store import Warehouse
from repertoire.store.exports import exports_of
from repertoire.store.parts import Part, Total, parts, total
from repertoire.store.retention import readable_versions, unneeded_files, version_at
from repertoire.tables import MODELS, PUBLICATIONS, RUNS, TABLES, Table, Written

MB = 1024 * 1024


@dataclass(frozen=True)
class TablePlan:
    """One table. before: its files now. remove: days whose rows go. sort, join: days whose small files are put
    together, with and without sorting; None: the whole of a table without days. keep: versions whose files stay.
    oldest: the oldest version that can still be asked for. unneeded: paths of files that go.
    """

    table: Table
    before: Total
    remove: tuple[dt.date, ...]
    sort: tuple[Part, ...]
    join: tuple[Part, ...]
    keep: tuple[int, ...]
    oldest: int
    unneeded: tuple[str, ...]


@dataclass(frozen=True)
class Plan:
    """tables: a plan for each table that was made. models, exports: folders that go, of dates that are not kept."""

    tables: tuple[TablePlan, ...]
    models: tuple[str, ...]
    exports: tuple[str, ...]


def plan_upkeep(warehouse: Warehouse, settings: MaintenanceSettings, *, run_date: dt.date, now: dt.datetime) -> Plan:
    """run_date: from which ages are counted; it and later dates, and the newest of each table, are left alone. now: UTC."""
    publications = warehouse.tables.rows(PUBLICATIONS).to_pylist()
    leave = kept(publications, warehouse.tables.rows(RUNS).to_pylist(), settings, run_date=run_date, now=now)
    made = [table for table in TABLES.values() if warehouse.tables.version(table) is not None]
    return Plan(
        tables=tuple(plan_table(warehouse, table, settings, leave, run_date=run_date, now=now) for table in made),
        models=_models(warehouse, settings, leave, run_date),
        exports=_exports(warehouse, publications, leave),
    )


def plan_table(
    warehouse: Warehouse,
    table: Table,
    settings: MaintenanceSettings,
    leave: Kept,
    *,
    run_date: dt.date,
    now: dt.datetime,
) -> TablePlan:
    """The plan for a table that has been made."""
    tables = warehouse.tables
    found = parts(tables, table)
    remove = _too_old(_days(warehouse, table, found, settings), settings.days_of(table.name), leave, run_date)
    join = [part for part in found if part.below(settings.small_file_mb * MB) > 1 and part.day not in remove]
    if table.written is Written.REPLACE_RUN_DATE and not table.ledger:
        newest = max((part.day for part in found if part.day), default=run_date)
        join = [part for part in join if part.day is not None and part.day < min(newest, run_date)]
    sort = [part for part in join if table.sorted_by and sum(part.sizes) <= settings.sort_at_most_mb * MB]
    keep = readable_versions(tables, warehouse.files, table, leave.versions.get(table.name, ()))
    recent = version_at(tables, table, now - dt.timedelta(days=settings.keep_files))
    return TablePlan(
        table,
        total(found),
        tuple(remove),
        tuple(sort),
        tuple(part for part in join if part not in sort),
        tuple(keep),
        min([*keep, recent]),
        tuple(unneeded_files(tables, table, keep, settings.keep_files)),
    )


def _days(warehouse: Warehouse, table: Table, found: Sequence[Part], settings: MaintenanceSettings) -> list[dt.date]:
    """The days of which a table holds rows; none where its rows have no age at which they go."""
    if settings.days_of(table.name) is None:
        return []
    if table.partitioned_by:
        return [part.day for part in found if part.day is not None]
    rows = warehouse.tables.rows(table).column("run_date").unique().to_pylist()
    return sorted(rows)


def _too_old(days: Sequence[dt.date], keep: int | None, leave: Kept, run_date: dt.date) -> list[dt.date]:
    if keep is None or not days:
        return []
    newest = max(days)
    return [day for day in days if (run_date - day).days > keep and day not in leave.dates and day != newest]


def _models(warehouse: Warehouse, settings: MaintenanceSettings, leave: Kept, run_date: dt.date) -> tuple[str, ...]:
    """Folders of models of dates too old to keep. Those of dates without a row in `models` are there, too: of a removal
    that was interrupted between the two."""
    days = [_as_date(name) for name in warehouse.files.names(warehouse.folder("models"))]
    old = _too_old([day for day in days if day], settings.days_of(MODELS.name), leave, run_date)
    return tuple(warehouse.folder("models", day.isoformat()) for day in old)


def _exports(warehouse: Warehouse, publications: Sequence[dict[str, Any]], leave: Kept) -> tuple[str, ...]:
    gone = {row["export"] for row in publications if row["run_date"] not in leave.dates}
    return exports_of(warehouse.files, warehouse.root, gone)


def _as_date(name: str) -> dt.date | None:
    try:
        return dt.date.fromisoformat(name)
    except ValueError:
        return None

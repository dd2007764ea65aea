"""Writes what runs leave in a warehouse, row by row and without Spark."""

import datetime as dt
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa
from deltalake import DeltaTable, write_deltalake

from repertoire.store import Warehouse, open_warehouse
from repertoire.store.schemas import arrow_schema
from repertoire.tables import (
    INGESTED_FILES,
    INTERACTIONS,
    ITEMS,
    METRICS,
    PUBLICATIONS,
    RECOMMENDATIONS,
    REJECTED_EVENTS,
    RUNS,
    STAGE_COSTS,
    USERS,
    Table,
)

DAY = dt.date(2026, 3, 1)


def at(day: dt.date, minute: int = 0) -> dt.datetime:
    return dt.datetime(day.year, day.month, day.day, 4, minute, tzinfo=dt.UTC)


class MadeUp:
    """A warehouse and the ways to fill it; whatever a table asks for and is not given is made up."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir(exist_ok=True)
        self.warehouse: Warehouse = open_warehouse(str(folder))

    def _write(self, table: Table, rows: Sequence[dict[str, Any]], day: dt.date | None = None) -> int:
        full = [{name: row.get(name) for name in table.column_names} for row in rows]
        if table.ledger:
            return self.warehouse.tables.write_rows(table, full).version
        # As Spark writes it: statistics of delta-rs's own kind cannot be compared with strings.
        path = self.warehouse.tables.path(table)
        write_deltalake(
            path,
            pa.Table.from_pylist(full, schema=arrow_schema(table)),
            mode="overwrite" if day else "append",
            partition_by=list(table.partitioned_by) or None,
            predicate=f"run_date = '{day}'" if day and DeltaTable.is_deltatable(path) else None,
            configuration={"delta.dataSkippingNumIndexedCols": "0"},
        )
        return DeltaTable(path).version()

    def run(self, day: dt.date, stage: str, status: str = "done", *, minute: int = 0, **other: Any) -> None:
        row = {"run_id": f"{day}-1", "run_date": day, "stage": stage, "status": status, "started_at": at(day, minute)}
        row |= {"settings_id": "s", "input_versions": "{}", "seconds": 1.5, "spark_jobs": 2, "rows_written": '{"t": 3}'}
        self._write(RUNS, [row | other])

    def cost(self, day: dt.date, stage: str, **other: Any) -> None:
        numbers = {c.name: 0 for c in STAGE_COSTS.columns if c.type in ("int", "bigint", "double") and not c.nullable}
        row = {"run_id": f"{day}-1", "run_date": day, "stage": stage, "application_id": "app", "complete": True}
        row |= {"started_at": at(day)}
        self._write(STAGE_COSTS, [numbers | row | other])

    def published(
        self, day: dt.date, version: int = 0, *, action: str = "publish", minute: int = 30, **other: Any
    ) -> None:
        row = {"published_at": at(day, minute), "publication_id": f"{day}-{action}-{minute}", "export": "e"}
        row |= {"action": action, "run_date": day, "run_id": "r", "table_version": version, "rows": 2, "users": 1}
        self._write(PUBLICATIONS, [row | other])

    def lists(self, day: dt.date, lists: dict[str, Sequence[tuple[str, str, int]]]) -> int:
        """user → (item, reason, tier) by rank."""
        return self._write(
            RECOMMENDATIONS,
            [
                {
                    "run_date": day,
                    "user_id": user,
                    "rank": rank,
                    "item_id": item,
                    "reason": reason,
                    "fallback_tier": tier,
                }
                | {"score": 1.0, "model_version": "m", "source": "als", "propensity": 1.0}
                for user, places in lists.items()
                for rank, (item, reason, tier) in enumerate(places, start=1)
            ],
            day,
        )

    def history(self, day: dt.date, rows: Iterable[tuple[str, str, float]]) -> None:
        """user, item, strength."""
        self._write(
            INTERACTIONS,
            [
                {"run_date": day, "user_id": user, "item_id": item, "strength": strength, "negative": 0.0, "events": 1}
                | {"seen": True, "last_ts": at(day)}
                for user, item, strength in rows
            ],
            day,
        )

    def more_history(self, day: dt.date, rows: Iterable[tuple[str, str, float]]) -> None:
        """The same, in a file more."""
        self.warehouse.tables.create(INTERACTIONS)
        made = [
            {"run_date": day, "user_id": user, "item_id": item, "strength": strength, "negative": 0.0, "events": 1}
            | {"seen": True, "first_ts": None, "last_ts": at(day)}
            for user, item, strength in rows
        ]
        table = pa.Table.from_pylist(made, schema=arrow_schema(INTERACTIONS))
        write_deltalake(self.warehouse.tables.path(INTERACTIONS), table, mode="append")

    def titles(self, titles: dict[str, str], *, valid_from: dt.date = dt.date(2020, 1, 1), **other: Any) -> None:
        self._write(ITEMS, [{"item_id": i, "title": t, "valid_from": valid_from} | other for i, t in titles.items()])

    def user(self, user: str, **attributes: Any) -> None:
        self._write(USERS, [{"user_id": user, "valid_from": dt.date(2020, 1, 1)} | attributes])

    def metric(self, day: dt.date, stage: str, model: str, name: str, value: float, **other: Any) -> None:
        row = {"run_id": "r", "run_date": day, "stage": stage, "model": model, "metric": name, "k": 10, "value": value}
        self._write(METRICS, [row | other])

    def file(self, day: dt.date, path: str, **counts: int) -> None:
        row = {"content_id": path, "path": path, "kind": "events", "run_date": day, "bytes": 1}
        row |= {"rows_read": 0, "rows_accepted": 0, "rows_rejected": 0, "rows_duplicate": 0}
        self._write(INGESTED_FILES, [row | counts])

    def rejected(self, day: dt.date, rows: Iterable[tuple[str, str]]) -> None:
        """rule, raw text."""
        self._write(
            REJECTED_EVENTS,
            [
                {"run_date": day, "source": "log.csv", "row_hash": f"{n:06}", "raw": raw, "rule": rule}
                for n, (rule, raw) in enumerate(rows)
            ],
            day,
        )

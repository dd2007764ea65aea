"""The ledger: what every stage of every run read, wrote, took and said."""

import datetime as dt
import json
from collections.abc import Container, Mapping
from dataclasses import asdict, dataclass, replace
from typing import Any

from repertoire.pipeline.stage_cost import StageCost
from repertoire.store import Warehouse
from repertoire.tables import RUNS, STAGE_COSTS

Versions = Mapping[str, int | str | None]

RUNNING, DONE, FAILED, REFUSED = "running", "done", "failed", "refused"

# Stages that look after the warehouse: their entries say nothing of what became of a date.
MAINTAIN_TABLES, MIGRATE_TABLES = "maintain_tables", "migrate_tables"


@dataclass(frozen=True)
class Entry:
    """One stage of one run."""

    run_id: str
    run_date: dt.date
    stage: str
    status: str
    started_at: dt.datetime
    settings_id: str
    input_versions: Versions
    ended_at: dt.datetime | None = None
    seconds: float | None = None
    spark_jobs: int | None = None
    output_versions: Versions | None = None
    rows_written: Mapping[str, int] | None = None
    exit_code: int | None = None
    message: str | None = None

    def row(self) -> dict[str, Any]:
        values = {name: getattr(self, name) for name in RUNS.column_names}
        for name in ("input_versions", "output_versions", "rows_written"):
            values[name] = None if values[name] is None else json.dumps(values[name], sort_keys=True)
        return values

    @classmethod
    def from_row(cls, row: Mapping[str, Any]) -> "Entry":
        values = dict(row)
        for name in ("input_versions", "output_versions", "rows_written"):
            values[name] = None if values[name] is None else json.loads(values[name])
        return cls(**values)


class Ledger:
    """The table `runs` for one run_date, and what its stages cost."""

    def __init__(self, warehouse: Warehouse, run_date: dt.date) -> None:
        self._warehouse, self._run_date = warehouse, run_date

    def entries(self) -> list[Entry]:
        """All entries of the date, oldest first."""
        rows = self._warehouse.tables.rows(RUNS, where=[("run_date", "=", self._run_date)]).to_pylist()
        return sorted((Entry.from_row(row) for row in rows), key=lambda entry: entry.started_at)

    def write(self, entry: Entry) -> None:
        self._warehouse.tables.write_rows(RUNS, [entry.row()])

    def write_cost(self, entry: Entry, cost: StageCost) -> None:
        """What a closed stage cost, into the table `stage_costs`."""
        shared = ("run_id", "run_date", "stage", "started_at", "seconds")
        row = asdict(cost) | {name: getattr(entry, name) for name in shared}
        self._warehouse.tables.append_rows(STAGE_COSTS, [row])

    def close_abandoned(self, now: dt.datetime, stages: Container[str]) -> list[Entry]:
        """Marks as failed what a dead run left behind as running. To be called with the lease of those stages in hand:
        nobody else can be running them."""
        abandoned = [entry for entry in self.entries() if entry.status == RUNNING and entry.stage in stages]
        for entry in abandoned:
            died = "the run died; a later run went on from here"
            self.write(replace(entry, status=FAILED, ended_at=now, exit_code=1, message=died))
        return abandoned

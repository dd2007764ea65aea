"""The figures by which a warehouse's job is watched, gathered without Spark. None of them names a user or a work."""

import datetime as dt
from collections import Counter
from zoneinfo import ZoneInfo

from repertoire import __version__
from repertoire.monitoring.exposition import Family, sample
from repertoire.pipeline.cutoff import cutoff_of
from repertoire.pipeline.lease import held_leases
from repertoire.pipeline.list_metrics import MEASURED, RANK, input_metrics, live_metrics, quality_metrics
from repertoire.pipeline.live_publication import live_publication
from repertoire.pipeline.stage_metrics import Row, stage_metrics
from repertoire.store import Warehouse
from repertoire.tables import INGESTED_FILES, METRICS, PUBLICATIONS, REJECTED_EVENTS, RUNS, STAGE_COSTS


def run_metrics(warehouse: Warehouse, zone: ZoneInfo, now: dt.datetime) -> list[Family]:
    """All figures as they are now. zone: in which a day ends."""

    def ends(day: dt.date) -> dt.datetime:
        return cutoff_of(day, zone)

    tables = warehouse.tables
    runs = tables.rows(RUNS).to_pylist()
    files = tables.rows(INGESTED_FILES).to_pylist()
    newest = max((row["run_date"] for row in files), default=None)
    leases = held_leases(warehouse.files, warehouse.folder("leases"), now)
    return [
        Family("repertoire_info", "the version that wrote these figures", sample(1, version=__version__)),
        Family("repertoire_metrics_written_timestamp_seconds", "when these figures were written", sample(now)),
        *stage_metrics(runs, tables.rows(STAGE_COSTS).to_pylist(), leases, ends),
        *input_metrics([row for row in files if row["run_date"] == newest], _rejected(warehouse, newest), ends),
        *live_metrics(live_publication(tables.rows(PUBLICATIONS).to_pylist()), runs, ends),
        *quality_metrics(_measured(warehouse, runs)),
    ]


def _rejected(warehouse: Warehouse, day: dt.date | None) -> Counter[str]:
    """The day's refused rows by rule, read a batch at a time."""
    rejected: Counter[str] = Counter()
    where = [("run_date", "=", day)]
    for batch in warehouse.tables.batches(REJECTED_EVENTS, ("rule",), where=where) if day else ():
        for found in batch.column("rule").value_counts():
            rejected[found["values"].as_py()] += found["counts"].as_py()
    return rejected


def _measured(warehouse: Warehouse, runs: list[Row]) -> list[Row]:
    """The rows of metrics of the newest run date of each stage that measures."""
    days: dict[str, dt.date] = {}
    for row in runs:
        if row["stage"] in (RANK, *MEASURED) and row["status"] == "done":
            days[row["stage"]] = max(row["run_date"], days.get(row["stage"], row["run_date"]))
    found = warehouse.tables.rows(METRICS, where=[("run_date", "in", sorted(set(days.values())))]) if days else None
    return [] if found is None else [row for row in found.to_pylist() if row["run_date"] == days.get(row["stage"])]

"""What became of each stage, what it cost, and who holds a lease: for whoever watches the job."""

import datetime as dt
import json
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from repertoire.monitoring.exposition import Family, Sample, sample
from repertoire.pipeline import ledger as status
from repertoire.pipeline.lease import HeldLease

Row = Mapping[str, Any]

DIED = "died"
_OUTCOMES = (status.RUNNING, status.DONE, status.FAILED, status.REFUSED, DIED)
_COSTS = {
    "spark_jobs": "Spark jobs of the stage's newest run",
    "tasks": "tasks that were done in the stage's newest run",
    "failed_tasks": "attempts at tasks that failed in the stage's newest run",
    "executor_seconds": "seconds of all tasks of the stage's newest run together",
    "gc_seconds": "of repertoire_stage_executor_seconds, those in which the JVM collected garbage",
    "input_bytes": "bytes that the stage's newest run read from files",
    "output_bytes": "bytes that the stage's newest run wrote to files",
    "shuffle_read_bytes": "bytes that tasks of the stage's newest run read from other tasks",
    "shuffle_written_bytes": "bytes that tasks of the stage's newest run wrote for other tasks",
    "spilled_bytes": "bytes that the stage's newest run put on disk because memory did not suffice",
    "complete": "whether Spark still had all accounts of the stage's newest run; 0: the costs are too low",
}
_PEAKS = {
    "driver_heap": "driver_heap_bytes",
    "driver_python": "driver_python_bytes",
    "executor_heap": "executor_heap_bytes",
    "executor_python": "executor_python_bytes",
    "executor": "executor_rss_bytes",
}
_LIMITS = {
    "driver_heap": "driver_heap_limit_bytes",
    "executor_heap": "executor_heap_limit_bytes",
    "executor": "executor_limit_bytes",
}


def stage_metrics(
    runs: Sequence[Row], costs: Sequence[Row], leases: Sequence[HeldLease], ends: Callable[[dt.date], dt.datetime]
) -> list[Family]:
    """runs, costs: rows of the tables of these names. ends: the midnight that ends a run date.

    A stage that the ledger has as running, and for whose date nobody holds a lease, has died.
    """
    at_work = {lease.name for lease in leases}
    newest: dict[str, Row] = {}
    done: dict[str, dt.datetime] = {}
    counted: Counter[tuple[str, str]] = Counter()
    for row in sorted(runs, key=lambda row: row["started_at"]):
        newest[row["stage"]] = row
        counted[row["stage"], _outcome(row, at_work)] += 1
        if row["status"] == status.DONE:
            done[row["stage"]] = row["ended_at"]

    def each(name: str, about: str, value: Callable[[Row], Any]) -> Family:
        found = (sample(value(row), stage=stage) for stage, row in newest.items())
        return Family(f"repertoire_stage_{name}", about, sum(found, ()))

    def rows_written(row: Row) -> dict[str, int]:
        written: dict[str, int] = json.loads(row["rows_written"] or "{}")
        return written

    return [
        Family(
            "repertoire_stage_outcome",
            "how the stage's newest run ended, or that it runs: 1 for what is so",
            tuple(
                Sample(float(_outcome(row, at_work) == outcome), {"stage": stage, "outcome": outcome})
                for stage, row in newest.items()
                for outcome in _OUTCOMES
            ),
        ),
        each("exit_code", "exit code of the stage's newest run; none while it runs", lambda row: row["exit_code"]),
        each("seconds", "wall seconds of the stage's newest run", lambda row: row["seconds"]),
        each("started_timestamp_seconds", "when the stage's newest run started", lambda row: row["started_at"]),
        each("ended_timestamp_seconds", "when the stage's newest run ended", lambda row: row["ended_at"]),
        each(
            "last_done_timestamp_seconds",
            "when a run of the stage was last done",
            lambda row: done.get(row["stage"]),
        ),
        each(
            "cutoff_timestamp_seconds",
            "the midnight that ends the run date of the stage's newest run",
            lambda row: ends(row["run_date"]),
        ),
        Family(
            "repertoire_stage_rows_written",
            "rows that the stage's newest run wrote, by table",
            sum(
                (
                    sample(rows, stage=stage, table=table)
                    for stage, row in newest.items()
                    for table, rows in rows_written(row).items()
                ),
                (),
            ),
        ),
        Family(
            "repertoire_stage_runs_total",
            "runs of the stage in the ledger, by outcome",
            tuple(Sample(n, {"stage": stage, "outcome": outcome}) for (stage, outcome), n in sorted(counted.items())),
            kind="counter",
        ),
        *_costs([row for row in costs if _attempt(row) == _attempt(newest[row["stage"]])]),
        Family("repertoire_leases_held", "leases that somebody alive holds", sample(len(leases))),
        Family(
            "repertoire_lease_taken_timestamp_seconds",
            "when a lease that is held was taken",
            sum((sample(lease.taken_at, lease=lease.name) for lease in leases), ()),
        ),
    ]


def _costs(costs: Sequence[Row]) -> list[Family]:
    families = [
        Family(f"repertoire_stage_{name}", about, sum((sample(row[name], stage=row["stage"]) for row in costs), ()))
        for name, about in _COSTS.items()
    ]
    for what, about, columns in (
        ("peak", "most memory of the stage's newest run, by process", _PEAKS),
        ("limit", "memory that a process of the stage's newest run may take; executor: JVM, Python and all", _LIMITS),
    ):
        found = (
            sample(row[column], stage=row["stage"], process=process)
            for row in costs
            for process, column in columns.items()
        )
        families.append(Family(f"repertoire_stage_memory_{what}_bytes", about, sum(found, ())))
    return families


def _attempt(row: Row) -> tuple[str, dt.datetime]:
    return (row["run_id"], row["started_at"])


def _outcome(row: Row, at_work: set[str]) -> str:
    dead = row["status"] == status.RUNNING and f"run_date {row['run_date'].isoformat()}" not in at_work
    return DIED if dead else str(row["status"])

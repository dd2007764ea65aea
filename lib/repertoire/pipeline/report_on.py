"""What the report shows of a warehouse, gathered without Spark and in bounded memory, however many users there are."""

import datetime as dt
import json
from collections.abc import Mapping
from dataclasses import fields
from typing import Any, TypeVar

import pyarrow.compute as pc

from repertoire.errors import InputError
from repertoire.pipeline.ledger import MAINTAIN_TABLES, MIGRATE_TABLES
from repertoire.pipeline.live_publication import live_publication
from repertoire.pipeline.report_people import report_people
from repertoire.report.contents import (
    IngestedFile,
    Metric,
    Publication,
    RejectedRow,
    Rejections,
    Report,
    StageRun,
)
from repertoire.store import Warehouse
from repertoire.tables import INGESTED_FILES, METRICS, PUBLICATIONS, REJECTED_EVENTS, RUNS

IN_FULL, SEARCHABLE = 12, 2_000
_EXAMPLES = 2

Row = Mapping[str, Any]
Value = TypeVar("Value")


def report_on(warehouse: Warehouse, run_date: dt.date | None = None, days: int = 30) -> Report:
    """The report of a run date and of the run dates before it, `days` in all.

    run_date: by default that of the live lists; where nothing is live, the newest that ran. The same warehouse gives
    the same report. Raises InputError where nothing has run, or nothing for the date.
    """
    tables = warehouse.tables
    entries = tables.rows(RUNS).to_pylist()
    runs = [_stage_run(row) for row in entries if row["stage"] not in (MAINTAIN_TABLES, MIGRATE_TABLES)]
    published = tables.rows(PUBLICATIONS).to_pylist()
    live = live_publication(published)
    known = sorted({run.run_date for run in runs} | {row["run_date"] for row in published})
    if not known:
        raise InputError(
            f"nothing has run in {warehouse.root} yet: run `repertoire run --run-date DATE` first, or name another "
            "folder with --warehouse"
        )
    day = run_date or (live["run_date"] if live else known[-1])
    if day not in known:
        newest = ", ".join(str(date) for date in known[-3:])
        raise InputError(f"--run-date {day}: nothing ran for that day in {warehouse.root}. Newest run dates: {newest}")
    dates = tuple(date for date in known if date <= day)[-days:]
    within = set(dates)
    of_dates = [("run_date", "in", list(dates))]
    metrics = [_value(Metric, row) for row in _metric_rows(warehouse, dates)]
    files = [_value(IngestedFile, row) for row in tables.rows(INGESTED_FILES, where=of_dates).to_pylist()]
    return Report(
        warehouse=warehouse.root,
        dates=dates,
        stages=tuple(sorted((run for run in runs if run.run_date in within), key=_when)),
        later=tuple(sorted((run for run in runs if run.run_date > day), key=_when)),
        metrics=tuple(
            sorted(metrics, key=lambda one: (one.run_date, one.stage, one.model, one.metric, one.k, one.segment or ""))
        ),
        files=tuple(sorted(files, key=lambda file: (file.run_date, file.kind, file.path))),
        rejections=_rejections(warehouse, day),
        publications=tuple(_value(Publication, row) for row in published if row["run_date"] in within or row is live),
        live=_value(Publication, live) if live else None,
        people=report_people(warehouse, day, _version(day, published, live), in_full=IN_FULL, searchable=SEARCHABLE),
        in_full=IN_FULL,
    )


def _metric_rows(warehouse: Warehouse, dates: tuple[dt.date, ...]) -> list[dict[str, Any]]:
    """Figures about all users of every date; those about groups, which are most of the table, of the last date only."""
    of_dates = warehouse.tables.rows(METRICS, where=[("run_date", "in", list(dates))])
    segment, day = of_dates.column("segment"), of_dates.column("run_date")
    rows: list[dict[str, Any]] = of_dates.filter(pc.or_(pc.is_null(segment), pc.equal(day, dates[-1]))).to_pylist()
    return rows


def _version(day: dt.date, published: list[dict[str, Any]], live: dict[str, Any] | None) -> int | None:
    """The version of the table recommendations in which the day's published lists stand; None, the newest, where they
    were not published."""
    if live and live["run_date"] == day:
        return int(live["table_version"])
    of_day = live_publication(row for row in published if row["run_date"] == day)
    return int(of_day["table_version"]) if of_day else None


def _rejections(warehouse: Warehouse, day: dt.date) -> tuple[Rejections, ...]:
    """The day's refused rows by rule, each with the first few as examples; read a batch at a time."""
    columns = ("rule", "row_hash", "source", "raw", "field", "value")
    counts: dict[str, int] = {}
    examples: dict[str, list[Row]] = {}
    for batch in warehouse.tables.batches(REJECTED_EVENTS, columns, where=[("run_date", "=", day)]):
        for found in batch.column("rule").value_counts():
            counts[found["values"].as_py()] = counts.get(found["values"].as_py(), 0) + found["counts"].as_py()
        for rule, rows in _first_of_each(batch.to_pylist()).items():
            examples[rule] = sorted([*examples.get(rule, ()), *rows], key=_place)[:_EXAMPLES]
    return tuple(
        Rejections(rule, counts[rule], tuple(_value(RejectedRow, row) for row in examples[rule]))
        for rule in sorted(counts)
    )


def _first_of_each(rows: list[dict[str, Any]]) -> dict[str, list[Row]]:
    by_rule: dict[str, list[Row]] = {}
    for row in sorted(rows, key=_place):
        found = by_rule.setdefault(row["rule"], [])
        if len(found) < _EXAMPLES:
            found.append(row)
    return by_rule


def _place(row: Row) -> tuple[str, str]:
    return (row["source"], row["row_hash"])


def _stage_run(row: Row) -> StageRun:
    written = json.loads(row["rows_written"]) if row["rows_written"] else {}
    return _value(StageRun, {**row, "rows_written": written})


def _value(kind: type[Value], row: Row) -> Value:
    """The dataclass with the row's columns of the same names."""
    return kind(**{field.name: row[field.name] for field in fields(kind)})  # type: ignore[arg-type]


def _when(run: StageRun) -> tuple[dt.datetime, str]:
    return (run.started_at, run.stage)

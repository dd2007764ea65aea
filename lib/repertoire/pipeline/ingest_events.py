"""Stage: files become events, reviews, impressions, items and users; what breaks a rule is kept apart and counted."""

from collections.abc import Sequence
from functools import reduce
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from pyspark.sql import DataFrame

from repertoire.errors import InputError, SettingsError
from repertoire.events.attributes import IngestedAttributes, read_items, read_users
from repertoire.events.counts import FileCounts
from repertoire.events.history import first_history, history
from repertoire.events.ingest import LOG_KINDS, read_log
from repertoire.events.input_files import InputFile
from repertoire.events.sources import KINDS, Sources, find_sources
from repertoire.pipeline.stage import Inputs, Merge, Outputs, RunContext, Stage
from repertoire.settings import IngestSettings
from repertoire.tables import EVENTS, IMPRESSIONS, INGESTED_FILES, ITEMS, REJECTED_EVENTS, REVIEWS, USERS, Table

Files = dict[str, tuple[InputFile, ...]]


def run(inputs: Inputs, settings: SimpleNamespace, context: RunContext) -> Outputs:
    ingest: IngestSettings = settings.ingest
    files = _new_files(find_sources(context.spark, ingest), inputs, context)
    if not any(files.values()):
        context.say("nothing new: every file has been taken in before")
        return Outputs()
    frames: dict[Any, DataFrame | Merge] = {}
    rejected: list[DataFrame] = []
    counted: dict[str, Sequence[FileCounts]] = {}
    for log in LOG_KINDS.values():
        if files[log.name]:
            rows = read_log(
                context.spark,
                files[log.name],
                ingest,
                log,
                run_date=context.run_date,
                timezone=settings.run.timezone,
                scratch=f"{context.scratch}/{log.name}",
                known=inputs.frame(log.table) if inputs.has(log.table) else None,
                keeps=context.keeps_events,
            )
            frames[log.table] = Merge(rows.accepted, rows.event_dates)
            rejected.append(rows.rejected)
            counted[log.name] = rows.counts
            _tell(context, log.name, rows.counts, rows.notes)
    for kind, table, read in (("items", ITEMS, read_items), ("users", USERS, read_users)):
        if files[kind]:
            scratch = f"{context.scratch}/{kind}"
            found = read(context.spark, files[kind], ingest, run_date=context.run_date, scratch=scratch)
            frames[table] = Merge(_history(inputs, found, table, kind, context))
            rejected.append(found.rejected)
            counted[kind] = found.counts
            _tell(context, kind, found.counts, found.notes)
    if any(count.rejected for counts in counted.values() for count in counts):
        # An earlier batch of this date keeps its rows: the table is replaced by date, and holds both then.
        frames[REJECTED_EVENTS] = reduce(DataFrame.unionByName, rejected, inputs.frame(REJECTED_EVENTS))
    return Outputs(frames, rows={INGESTED_FILES: _manifest(counted, context)})


def _new_files(found: Sources, inputs: Inputs, context: RunContext) -> Files:
    """Those whose content has not been taken in. A rerun takes those that the date's first run took."""
    known = {(row["kind"], row["content_id"]) for row in inputs.rows(INGESTED_FILES)}
    taken = {
        (row["kind"], row["content_id"])
        for row in inputs.rows_now(INGESTED_FILES)
        if row["run_date"] == context.run_date
    }
    new: Files = {}
    for kind in KINDS:
        files = found.of_kind(kind)
        fresh = [file for file in files if (kind, file.content_id) not in known]
        if again := len(files) - len(fresh):
            context.say(f"{kind}: {again:,} of {len(files):,} files were ingested before and are left out")
        if inputs.rerun:
            late = [file for file in fresh if (kind, file.content_id) not in taken]
            if late:
                context.say(f"{kind}: {len(late):,} files came after this date's first run; --inputs latest takes them")
            fresh = [file for file in fresh if file not in late]
        new[kind] = tuple(fresh)
    return new


def _history(inputs: Inputs, read: IngestedAttributes, table: Table, kind: str, context: RunContext) -> DataFrame:
    """The rows that change in the history, which a later date may already have written further."""
    later = [
        row["run_date"]
        for row in inputs.rows_now(INGESTED_FILES)
        if row["kind"] == kind and row["run_date"] > context.run_date
    ]
    restated = min(later, default=None)
    if not inputs.has(table):
        return first_history(read.rows, restated=restated).select(*table.column_names)
    rows = history(inputs.frame(table), read.rows, context.run_date, table.key[0], restated=restated)
    return rows.select(*table.column_names)


def _tell(context: RunContext, kind: str, counts: Sequence[FileCounts], notes: Sequence[str]) -> None:
    total = {
        name: sum(getattr(count, name) for count in counts) for name in ("read", "accepted", "rejected", "duplicate")
    }
    context.say(
        f"{kind}: {total['read']:,} rows read = {total['accepted']:,} accepted + {total['rejected']:,} rejected "
        f"+ {total['duplicate']:,} duplicate, {len(counts):,} file{'s' if len(counts) != 1 else ''}"
    )
    rules: dict[str, int] = {}
    for count in counts:
        for rule, rows in count.rules.items():
            rules[rule] = rules.get(rule, 0) + rows
    if rules:
        by_size = sorted(rules.items(), key=lambda pair: (-pair[1], pair[0]))
        context.say("rejected: " + ", ".join(f"{rule} {rows:,}" for rule, rows in by_size))
    for note in notes:
        context.say(note)


def _manifest(counted: dict[str, Sequence[FileCounts]], context: RunContext) -> list[dict[str, Any]]:
    return [
        {
            "content_id": count.file.content_id,
            "path": count.file.path,
            "kind": kind,
            "run_date": context.run_date,
            "bytes": count.file.bytes,
            "rows_read": count.read,
            "rows_accepted": count.accepted,
            "rows_rejected": count.rejected,
            "rows_duplicate": count.duplicate,
        }
        for kind, counts in counted.items()
        for count in counts
    ]


def check(settings: SimpleNamespace) -> None:
    """Raises SettingsError where no log is named, InputError where a local one is not there."""
    ingest: IngestSettings = settings.ingest
    if not any(getattr(ingest, name) for name in LOG_KINDS):
        raise SettingsError(
            "ingest.events, ingest.reviews and ingest.impressions name no log: --set ingest.events=PATH, or put one of them "
            "into an overlay in conf/"
        )
    for name in KINDS:
        path = getattr(ingest, name)
        if path and "://" not in path and not Path(path).exists():
            raise InputError(f'ingest.{name}: there is no "{path}". Allowed: a file or a folder, local or on hdfs://.')


STAGE = Stage(
    name="ingest_events",
    about="files become events, reviews, impressions, items and users; what breaks a rule is kept apart and counted",
    run=run,
    reads_if_there=(EVENTS, REVIEWS, IMPRESSIONS, ITEMS, USERS, REJECTED_EVENTS, INGESTED_FILES),
    writes=(EVENTS, REVIEWS, IMPRESSIONS, ITEMS, USERS, REJECTED_EVENTS, INGESTED_FILES),
    settings=("ingest", "run"),
    check=check,
    takes_files=True,
)

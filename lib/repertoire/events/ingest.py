"""Behaviour logs in, checked events out: the composition of reading, mapping, checking and counting."""

import datetime as dt
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import reduce

import pyarrow as pa
from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F

from repertoire.errors import InputError
from repertoire.events import identity
from repertoire.events.columns import EVENT_FIELDS, map_columns
from repertoire.events.counts import FileCounts
from repertoire.events.default_type import decide_event_type
from repertoire.events.find_layouts import group_by_layout
from repertoire.events.input_files import InputFile, check_unchanged, distinct_contents
from repertoire.events.layout import Layout
from repertoire.events.materialise import materialise
from repertoire.events.read_rows import FILE, path_of, read_rows
from repertoire.events.rejection import check_share, rejected_rows
from repertoire.events.summary import Summary, summarise
from repertoire.events.validate import RULE, TYPED_SCHEMA, allowed, check_types, typed_events
from repertoire.settings import IngestSettings
from repertoire.tables import EVENTS
from repertoire.vocabulary import EVENT_DATE, EVENT_ID, EVENT_TYPE, SOURCE

_PIECES_A_DAY = 3
_ROWS_A_FILE = 2_000_000
_FEWEST_TASKS = 8


@dataclass(frozen=True)
class IngestedEvents:
    """The outcome of a batch.

    accepted: rows of tables.EVENTS. rejected: rows of tables.REJECTED_EVENTS. Both read what lies in the scratch folder,
    which must outlive them. counts: one for each file that was read. event_dates: no accepted event lies on another
    day. notes: what a person should be told, a line each.
    """

    accepted: DataFrame
    rejected: DataFrame
    counts: tuple[FileCounts, ...]
    event_dates: frozenset[dt.date]
    notes: tuple[str, ...]


def read_events(
    spark: SparkSession,
    files: Sequence[InputFile],
    settings: IngestSettings,
    *,
    run_date: dt.date,
    timezone: str,
    scratch: str,
    known_event_ids: DataFrame | None = None,
) -> IngestedEvents:
    """Reads a batch of log files. The text is parsed once, into `scratch`; nothing is written elsewhere.

    timezone: IANA name of the zone in which a day begins. known_event_ids: event_id and event_date of the events that
    are stored already (the whole table: only the batch's days of it are read); a row that is among them is a
    duplicate. Pass the version that the run recorded as its input, so that a rerun counts as the run did.

    Raises InputError for files that cannot be read, columns that cannot be told, and for more refused rows than
    ingest.max_rejected_share allows.
    """
    batch, notes = distinct_contents(files)
    by_uri = {file.uri: file for file in batch}
    typed_rows, mapping_notes = _typed(spark, batch, settings, run_date, timezone)
    typed = materialise(typed_rows, f"{scratch}/typed")
    check_unchanged(spark, batch)
    summary = summarise(typed)
    assert summary.read.keys() <= by_uri.keys(), f"rows of unknown files: {summary.read.keys() - by_uri.keys()}"
    rules: Counter[str] = Counter()
    for (_, rule), rows in summary.rejected.items():
        rules[rule] += rows
    check_share(typed, summary.read.total(), rules, by_uri, allowed(settings, run_date), settings.max_rejected_share)
    event_type, type_notes = _default_event_type(settings, summary)
    sound = typed.where(F.col(RULE).isNull()).fillna({EVENT_TYPE: event_type})
    events, dropped = _without_repeats(sound, summary.sound, scratch)
    events = _gathered(events, summary)
    if summary.untimed:
        events = _with_content_id(spark, events, batch)
    else:
        events = events.withColumn(identity.CONTENT_ID, F.lit(""))
    events = events.withColumn(EVENT_ID, identity.event_id())
    if known_event_ids is not None:
        events, stored = _without_known(events, known_event_ids, frozenset(summary.rows_by_day), f"{scratch}/stored")
        dropped += stored
    return IngestedEvents(
        accepted=events.withColumn(SOURCE, path_of(batch)).select(*EVENTS.column_names),
        rejected=rejected_rows(typed, path_of(batch), run_date),
        counts=tuple(_counts(file, summary, dropped[file.uri]) for file in batch),
        event_dates=frozenset(summary.rows_by_day),
        notes=(*notes, *mapping_notes, *type_notes),
    )


def _typed(
    spark: SparkSession, files: Sequence[InputFile], settings: IngestSettings, run_date: dt.date, timezone: str
) -> tuple[DataFrame, list[str]]:
    """All rows of all files in TYPED_SCHEMA, and what was assumed about their columns."""
    ours = [field.name for field in EVENT_FIELDS]
    chosen = {name: theirs for name, theirs in settings.columns.items() if name in ours}
    groups = group_by_layout(spark, files, settings, [*chosen.values(), *settings.context_columns], "events")
    _check_chosen(groups, chosen)
    frames, notes = [], []
    for layout, members in groups:
        mapped = map_columns(layout.names, EVENT_FIELDS, {**layout.mapped, **chosen}, members[0].path)
        names = dict(mapped.names)
        if layout.format == "jsonl":  # a later row may have what the first ones lack
            more = [name for name in ours if name not in names and name not in chosen]
            layout = replace(layout, columns=(*layout.columns, *more))
            names |= {name: name for name in more}
        check_types(layout, names, members[0].path)
        raw = read_rows(spark, layout, members, [*names.values(), *settings.context_columns])
        frames.append(typed_events(raw, names, settings, run_date=run_date, timezone=timezone))
        notes += [f"{_several(members)}: {note}" for note in mapped.notes]
    if not frames:
        return spark.createDataFrame([], TYPED_SCHEMA), notes
    return reduce(DataFrame.unionAll, frames), notes


def _check_chosen(groups: Sequence[tuple[Layout, Sequence[InputFile]]], chosen: Mapping[str, str]) -> None:
    for ours, theirs in chosen.items():
        if groups and all(theirs not in layout.names for layout, _ in groups):
            layout, members = groups[0]
            raise InputError(
                f'ingest.columns.{ours} names "{theirs}", which no file has. '
                f"{members[0].path} has: {', '.join(layout.names)}."
            )


def _default_event_type(settings: IngestSettings, summary: Summary) -> tuple[str, tuple[str, ...]]:
    """The type of events that name none, and a line on how it was found where it was."""
    if settings.default_event_type != "auto":
        return settings.default_event_type, ()
    event_type, why = decide_event_type(summary.untyped, summary.greatest_untyped, summary.untyped_on_scale)
    return event_type, (f"{why} (ingest.default_event_type says otherwise)",) if summary.untyped else ()


def _without_repeats(sound: DataFrame, rows: int, scratch: str) -> tuple[DataFrame, Counter[str]]:
    """The sound rows, one for each event, with `occurrence`; and how many of each file repeat another."""
    shared = materialise(identity.shared_hashes(sound, rows), f"{scratch}/shared")
    alone = sound.withColumn(identity.OCCURRENCE, F.lit(1))
    if shared.isEmpty():
        return alone, Counter()
    repeated = materialise(identity.repeated_rows(sound, shared), f"{scratch}/repeated")
    counts = repeated.where(~F.col(identity.KEPT)).groupBy(FILE).count().collect()
    kept = repeated.where(identity.KEPT).drop(identity.KEPT)
    events = alone.join(shared, identity.KEY_HASH, "left_anti").unionByName(kept)
    return events, Counter({row[FILE]: row["count"] for row in counts})


def _gathered(events: DataFrame, summary: Summary) -> DataFrame:
    """The events in tasks of a few days each, so that each day becomes a few files and no task has all days to write; as
    they are, where a log in the order of time lies that way already."""
    days = len(summary.rows_by_day)
    if summary.pieces <= _PIECES_A_DAY * days and (summary.tasks >= _FEWEST_TASKS or days < _FEWEST_TASKS):
        return events
    buckets = 1 + max(summary.rows_by_day.values()) // _ROWS_A_FILE
    tasks = max(_FEWEST_TASKS, 1 + summary.sound // _ROWS_A_FILE)
    return events.repartition(tasks, EVENT_DATE, F.pmod(identity.KEY_HASH, F.lit(buckets)))


def _with_content_id(spark: SparkSession, events: DataFrame, files: Sequence[InputFile]) -> DataFrame:
    contents = pa.table({FILE: [file.uri for file in files], identity.CONTENT_ID: [file.content_id for file in files]})
    return events.join(F.broadcast(spark.createDataFrame(contents)), FILE)


def _without_known(
    events: DataFrame, known: DataFrame, days: frozenset[dt.date], scratch: str
) -> tuple[DataFrame, Counter[str]]:
    """The events that are not stored yet, and how many of each file are. The days are literals: no other day is read."""
    there = known.where(F.col(EVENT_DATE).isin(*sorted(days))).select(EVENT_ID)
    if not days or there.isEmpty():
        return events, Counter()
    stored = materialise(events.select(EVENT_ID, FILE).join(there, EVENT_ID, "left_semi"), scratch)
    counts = Counter({row[FILE]: row["count"] for row in stored.groupBy(FILE).count().collect()})
    return (events.join(stored, EVENT_ID, "left_anti") if counts else events), counts


def _counts(file: InputFile, summary: Summary, duplicate: int) -> FileCounts:
    read = summary.read[file.uri]
    rules = {rule: rows for (uri, rule), rows in sorted(summary.rejected.items()) if uri == file.uri}
    rejected = sum(rules.values())
    return FileCounts(file, read, read - rejected - duplicate, rejected, duplicate, rules)


def _several(files: Sequence[InputFile]) -> str:
    return files[0].name if len(files) == 1 else f"{files[0].name} and {len(files) - 1:,} more"

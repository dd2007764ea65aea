"""Logs in, checked events, reviews or impressions out: the composition of reading, checking, counting and telling apart."""

import datetime as dt
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F

from repertoire.events.counts import FileCounts
from repertoire.events.event_kind import EVENT_KIND
from repertoire.events.identity import CONTENT_ID, KEY_HASH, row_id
from repertoire.events.impression_kind import IMPRESSION_KIND
from repertoire.events.input_files import InputFile, check_unchanged, distinct_contents
from repertoire.events.log_kind import LogKind
from repertoire.events.materialise import materialise
from repertoire.events.read_rows import RawRows, path_of
from repertoire.events.rejection import check_share, rejected_rows
from repertoire.events.repeats import with_content_id, without_known, without_repeats
from repertoire.events.review_kind import REVIEW_KIND
from repertoire.events.rules import RULE, ParsedRows, allowed
from repertoire.events.summary import Summary, summarise
from repertoire.events.typed_rows import typed_rows
from repertoire.settings import IngestSettings
from repertoire.vocabulary import EVENT_DATE, SOURCE

LOG_KINDS: dict[str, LogKind] = {kind.name: kind for kind in (EVENT_KIND, REVIEW_KIND, IMPRESSION_KIND)}
"""By the setting that names their files."""

_PIECES_A_DAY = 3
_ROWS_A_FILE = 2_000_000
_FEWEST_TASKS = 8


@dataclass(frozen=True)
class IngestedLog:
    """The outcome of a batch.

    accepted: rows of the kind's table. rejected: rows of tables.REJECTED_EVENTS. Both read what lies in the scratch
    folder, which must outlive them. counts: one for each file that was read. event_dates: no accepted row lies on
    another day. notes: what a person should be told, a line each.
    """

    accepted: DataFrame
    rejected: DataFrame
    counts: tuple[FileCounts, ...]
    event_dates: frozenset[dt.date]
    notes: tuple[str, ...]


def read_log(
    spark: SparkSession,
    files: Sequence[InputFile],
    settings: IngestSettings,
    kind: LogKind,
    *,
    run_date: dt.date,
    timezone: str,
    scratch: str,
    known: DataFrame | None = None,
    keeps: bool = True,
) -> IngestedLog:
    """Reads a batch of log files. The text is parsed once, into `scratch`; nothing is written elsewhere.

    kind: events, reviews or impressions. timezone: IANA name of the zone in which a day begins. known: the ids and
    event_date of the rows that are stored already (the whole table: only the batch's days of it are read); a row that is
    among them is a duplicate. Pass the version that the run recorded as its input, so that a rerun counts as the run did.
    keeps: whether the rows go into the kind's table; where not, accepted has neither the kind's key nor its source, and is
    not laid out by day.

    Raises InputError for files that cannot be read, columns that cannot be told, and for more refused rows than
    ingest.max_rejected_share allows.
    """
    batch, notes = distinct_contents(files)
    by_uri = {file.uri: file for file in batch}

    def make(raw: RawRows, names: Mapping[str, str]) -> DataFrame:
        return kind.typed(ParsedRows(raw, names, settings, run_date, timezone))

    read, mapping_notes = typed_rows(spark, batch, settings, kind, make, kind.schema, settings.context_columns)
    typed = materialise(read, f"{scratch}/typed")
    check_unchanged(spark, batch)
    summary = summarise(typed, kind.later.asked() if kind.later else ())
    counts = summary.counts
    assert counts.read.keys() <= by_uri.keys(), f"rows of unknown files: {counts.read.keys() - by_uri.keys()}"
    check_share(typed, counts, by_uri, allowed(settings, run_date), settings.max_rejected_share)
    sound = typed.where(F.col(RULE).isNull())
    settled, settled_notes = kind.later.settle(summary.totals, settings) if kind.later else ({}, ())
    if settled:
        sound = sound.fillna(dict(settled))
    days = frozenset(summary.rows_by_day)
    accepted, dropped = sound, Counter[str]()
    if keeps or summary.untimed < counts.sound:  # rows without a time never repeat each other
        accepted, dropped = without_repeats(sound, counts.sound, kind.identity, scratch)
    if keeps:
        accepted, stored = _kept(accepted, summary, batch, kind, known, days, scratch)
        dropped += stored
    columns = [name for name in kind.table.column_names if keeps or name not in (kind.key, SOURCE)]
    return IngestedLog(
        accepted=accepted.select(*columns),
        rejected=rejected_rows(typed, path_of(batch), run_date, kind.name),
        counts=tuple(counts.of_file(file, dropped[file.uri]) for file in batch),
        event_dates=days,
        notes=(*notes, *mapping_notes, *settled_notes),
    )


def _kept(
    rows: DataFrame,
    summary: Summary,
    batch: Sequence[InputFile],
    kind: LogKind,
    known: DataFrame | None,
    days: frozenset[dt.date],
    scratch: str,
) -> tuple[DataFrame, Counter[str]]:
    """The rows with their ids, laid out for the table, without those that it has; and how many of each file it has."""
    rows = _gathered(rows, summary)
    rows = with_content_id(rows, batch) if summary.untimed else rows.withColumn(CONTENT_ID, F.lit(""))
    rows = rows.withColumn(kind.key, row_id(kind.identity))
    stored: Counter[str] = Counter()
    if known is not None:
        rows, stored = without_known(rows, kind.key, known, days, f"{scratch}/stored")
    return rows.withColumn(SOURCE, path_of(batch)), stored


def _gathered(rows: DataFrame, summary: Summary) -> DataFrame:
    """The rows in tasks of a few days each, so that each day becomes a few files and no task has all days to write; as
    they are, where a log in the order of time lies that way already."""
    days = len(summary.rows_by_day)
    if summary.pieces <= _PIECES_A_DAY * days and (summary.tasks >= _FEWEST_TASKS or days < _FEWEST_TASKS):
        return rows
    buckets = 1 + max(summary.rows_by_day.values()) // _ROWS_A_FILE
    tasks = max(_FEWEST_TASKS, 1 + summary.counts.sound // _ROWS_A_FILE)
    return rows.repartition(tasks, EVENT_DATE, F.pmod(KEY_HASH, F.lit(buckets)))

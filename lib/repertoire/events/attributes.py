"""Catalogues and user lists in, one row for each work or user out."""

import datetime as dt
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from pyspark.sql import Column, DataFrame, Row, SparkSession, Window
from pyspark.sql import functions as F

from repertoire.events.attribute_columns import ITEM_KIND, USER_KIND, AttributeKind, attribute_columns
from repertoire.events.counts import FileCounts, count_rows
from repertoire.events.input_files import InputFile, check_unchanged, distinct_contents
from repertoire.events.materialise import materialise
from repertoire.events.read_rows import BLOCK, FILE, ROW, RawRows, path_of
from repertoire.events.rejection import check_share, rejected_rows
from repertoire.events.rules import (
    FIELD,
    OFFENDER,
    RAW,
    RULE,
    ParsedRows,
    aliased,
    allowed,
    first_broken,
    malformed,
    missing,
    too_long,
)
from repertoire.events.typed_rows import typed_rows
from repertoire.settings import IngestSettings

_KEPT = "kept"
_UNREAD = "unread"


@dataclass(frozen=True)
class IngestedAttributes:
    """The outcome for items or users.

    rows: the columns of tables.ITEMS or USERS without valid_from and valid_to, one row for each id: the last one, by
    file and place in it. rejected: rows of tables.REJECTED_EVENTS. Both read what lies in the scratch folder, which must
    outlive them. counts: one for each file that was read. notes: what a person should be told, a line each.
    """

    rows: DataFrame
    rejected: DataFrame
    counts: tuple[FileCounts, ...]
    notes: tuple[str, ...]


def read_items(
    spark: SparkSession, files: Sequence[InputFile], settings: IngestSettings, *, run_date: dt.date, scratch: str
) -> IngestedAttributes:
    """Reads a catalogue. A cell that cannot be read is left empty, and counted in the notes.

    Raises InputError as `ingest.read_log` does.
    """
    return _read(spark, files, settings, ITEM_KIND, run_date, f"{scratch}/items")


def read_users(
    spark: SparkSession, files: Sequence[InputFile], settings: IngestSettings, *, run_date: dt.date, scratch: str
) -> IngestedAttributes:
    """Reads a list of users; as `read_items`."""
    return _read(spark, files, settings, USER_KIND, run_date, f"{scratch}/users")


def _read(
    spark: SparkSession,
    files: Sequence[InputFile],
    settings: IngestSettings,
    kind: AttributeKind,
    run_date: dt.date,
    scratch: str,
) -> IngestedAttributes:
    batch, notes = distinct_contents(files)

    def make(raw: RawRows, names: Mapping[str, str]) -> DataFrame:
        return _checked(ParsedRows(raw, names, settings, run_date, "UTC"), kind)

    read, mapping_notes = typed_rows(spark, batch, settings, kind, make, _schema(kind))
    last_first = [F.col(name).desc() for name in (FILE, BLOCK, ROW)]
    place = F.row_number().over(Window.partitionBy(kind.key, RULE).orderBy(*last_first))
    typed = materialise(read.withColumn(_KEPT, F.col(RULE).isNull() & (place == 1)), scratch)
    check_unchanged(spark, batch)
    groups = typed.groupBy(FILE, RULE, _KEPT).agg(F.count("*").alias("rows"), *_unread_counts(kind)).collect()
    counts = count_rows(groups, FILE, RULE)
    by_uri = {file.uri: file for file in batch}
    check_share(typed, counts, by_uri, allowed(settings, run_date), settings.max_rejected_share)
    dropped: Counter[str] = Counter()
    for group in groups:
        dropped[group[FILE]] += group["rows"] if group[RULE] is None and not group[_KEPT] else 0
    return IngestedAttributes(
        rows=typed.where(_KEPT).select(kind.key, *kind.attributes),
        rejected=rejected_rows(typed, path_of(batch), run_date, kind.name),
        counts=tuple(counts.of_file(file, dropped[file.uri]) for file in batch),
        notes=(*notes, *mapping_notes, *_unread_notes(groups, kind)),
    )


def _schema(kind: AttributeKind) -> str:
    verdict = dict.fromkeys((RULE, FIELD, OFFENDER, RAW), "string")
    place = {FILE: "string", BLOCK: "bigint", ROW: "bigint"}
    columns = place | {kind.key: "string"} | kind.attributes | {_UNREAD: "array<string>"} | verdict
    return ", ".join(f"{name} {type_}" for name, type_ in columns.items())


def _checked(rows: ParsedRows, kind: AttributeKind) -> DataFrame:
    """Every raw row once: key, attributes, which of them were given and could not be read, verdict, place in the file."""
    raw = rows.raw
    parsed = raw.frame.select("*", *aliased(attribute_columns(raw, rows.names, kind)))
    broken = first_broken([malformed(raw), *missing(rows, kind.key), *too_long(rows, kind.key)])
    checked = parsed.withColumn("_verdict", broken)
    unread = [F.when(rows.is_unread(name), name) for name in _parsed_attributes(kind) if name in rows.names]
    verdict = F.col("_verdict")
    made = {
        **{name: rows.ours(name) for name in (kind.key, *kind.attributes)},
        _UNREAD: F.array_compact(F.array(*unread)) if unread else F.lit(None).cast("array<string>"),
        **{name: verdict[name] for name in (RULE, FIELD, OFFENDER)},
        RAW: F.when(verdict.isNotNull(), raw.raw),
    }
    return checked.select(FILE, BLOCK, ROW, *[column.alias(name) for name, column in made.items()])


def _unread_counts(kind: AttributeKind) -> list[Column]:
    return [F.count_if(F.array_contains(_UNREAD, name)).alias(f"{_UNREAD}_{name}") for name in _parsed_attributes(kind)]


def _unread_notes(groups: Sequence[Row], kind: AttributeKind) -> list[str]:
    notes = []
    for name in _parsed_attributes(kind):
        rows = sum(group[f"{_UNREAD}_{name}"] for group in groups)
        if rows:
            notes.append(f"{name} could not be read as {kind.attributes[name]} in {rows:,} rows and is empty there")
    return notes


def _parsed_attributes(kind: AttributeKind) -> list[str]:
    """Those that are not taken as they stand."""
    return [name for name, type_ in kind.attributes.items() if type_ in ("double", "boolean", "date")]

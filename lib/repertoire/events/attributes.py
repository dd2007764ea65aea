"""Catalogues and user lists in, one row for each work or user out."""

import datetime as dt
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from functools import reduce

from pyspark.sql import Column, DataFrame, Row, SparkSession, Window
from pyspark.sql import functions as F

from repertoire.events import cells
from repertoire.events.attribute_columns import ITEM_KIND, MEANINGS, USER_KIND, Kind, attribute_columns
from repertoire.events.columns import map_columns
from repertoire.events.counts import FileCounts
from repertoire.events.find_layouts import group_by_layout
from repertoire.events.input_files import InputFile, check_unchanged, distinct_contents
from repertoire.events.materialise import materialise
from repertoire.events.read_rows import BLOCK, FILE, ROW, RawRows, path_of, read_rows
from repertoire.events.rejection import check_share, rejected_rows
from repertoire.events.validate import FIELD, OFFENDER, RAW, RULE, Rule, allowed, first_broken
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

    Raises InputError as `ingest.read_events` does.
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
    kind: Kind,
    run_date: dt.date,
    scratch: str,
) -> IngestedAttributes:
    batch, notes = distinct_contents(files)
    typed_rows, mapping_notes = _typed(spark, batch, settings, kind)
    last_first = [F.col(name).desc() for name in (FILE, BLOCK, ROW)]
    place = F.row_number().over(Window.partitionBy(kind.key, RULE).orderBy(*last_first))
    typed = materialise(typed_rows.withColumn(_KEPT, F.col(RULE).isNull() & (place == 1)), scratch)
    check_unchanged(spark, batch)
    groups = typed.groupBy(FILE, RULE, _KEPT).agg(F.count("*").alias("rows"), *_unread_counts(kind)).collect()
    rules: Counter[str] = Counter()
    for group in groups:
        if group[RULE] is not None:
            rules[group[RULE]] += group["rows"]
    read = sum(group["rows"] for group in groups)
    by_uri = {file.uri: file for file in batch}
    check_share(typed, read, rules, by_uri, allowed(settings, run_date), settings.max_rejected_share)
    return IngestedAttributes(
        rows=typed.where(_KEPT).select(kind.key, *kind.attributes),
        rejected=rejected_rows(typed, path_of(batch), run_date),
        counts=tuple(_counts(file, [group for group in groups if group[FILE] == file.uri]) for file in batch),
        notes=(*notes, *mapping_notes, *_unread_notes(groups, kind)),
    )


def _typed(
    spark: SparkSession, files: Sequence[InputFile], settings: IngestSettings, kind: Kind
) -> tuple[DataFrame, list[str]]:
    """All rows of all files: key, attributes, verdict, place in the file; and what was assumed about the columns."""
    schema = ", ".join(f"{name} {type_}" for name, type_ in _schema(kind).items())
    frames, notes = [], []
    for layout, members in group_by_layout(spark, files, settings, (), kind.name):
        # A column that settings name may be one of the log's; here it counts only where the file has it.
        said = layout.mapped | settings.columns
        chosen = {ours: theirs for ours, theirs in said.items() if theirs in layout.names}
        mapped = map_columns(layout.names, kind.fields, chosen, members[0].path)
        for ours, theirs in mapped.names.items():
            meaning = "id" if ours == kind.key else MEANINGS[kind.attributes[ours]]
            cells.check_type(layout, theirs, ours, meaning, members[0].path)
        raw = read_rows(spark, layout, members, list(mapped.names.values()))
        columns = attribute_columns(raw, mapped.names, kind)
        frames.append(_checked(raw, dict(mapped.names), columns, settings, kind))
        notes += [f"{members[0].name}: {note}" for note in mapped.notes]
    if not frames:
        return spark.createDataFrame([], schema), notes
    return reduce(DataFrame.unionAll, frames), notes


def _schema(kind: Kind) -> dict[str, str]:
    verdict = dict.fromkeys((RULE, FIELD, OFFENDER, RAW), "string")
    place = {FILE: "string", BLOCK: "bigint", ROW: "bigint"}
    return place | {kind.key: "string"} | kind.attributes | {_UNREAD: "array<string>"} | verdict


def _checked(
    raw: RawRows, names: dict[str, str], columns: dict[str, Column], settings: IngestSettings, kind: Kind
) -> DataFrame:
    said = cells.text(raw, names[kind.key])
    parsed = raw.frame.select("*", cells.id_or_words(raw, names[kind.key]).alias("_key"), *_aliased(columns))
    key = F.col("_key")
    rules = (
        Rule("malformed_row", None, raw.malformed, F.lit(None).cast("string")),
        Rule(f"missing_{kind.key}", kind.key, key.isNull(), said),
        Rule("id_too_long", kind.key, F.length(key) > settings.max_id_length, said),
    )
    checked = parsed.withColumn("_verdict", first_broken(rules))
    unread = [
        F.when(cells.is_given(raw, names[name]) & F.col(f"_a_{name}").isNull(), name)
        for name in _parsed_attributes(kind)
        if name in names
    ]
    verdict = F.col("_verdict")
    made = {
        kind.key: key,
        **{name: F.col(f"_a_{name}") for name in kind.attributes},
        _UNREAD: F.array_compact(F.array(*unread)) if unread else F.lit(None).cast("array<string>"),
        **{name: verdict[name] for name in (RULE, FIELD, OFFENDER)},
        RAW: F.when(verdict.isNotNull(), raw.raw),
    }
    return checked.select(FILE, BLOCK, ROW, *[column.alias(name) for name, column in made.items()])


def _aliased(columns: dict[str, Column]) -> list[Column]:
    return [column.alias(f"_a_{name}") for name, column in columns.items()]


def _unread_counts(kind: Kind) -> list[Column]:
    return [F.count_if(F.array_contains(_UNREAD, name)).alias(f"{_UNREAD}_{name}") for name in _parsed_attributes(kind)]


def _unread_notes(groups: Sequence[Row], kind: Kind) -> list[str]:
    notes = []
    for name in _parsed_attributes(kind):
        rows = sum(group[f"{_UNREAD}_{name}"] for group in groups)
        if rows:
            notes.append(f"{name} could not be read as {kind.attributes[name]} in {rows:,} rows and is empty there")
    return notes


def _parsed_attributes(kind: Kind) -> list[str]:
    """Those that are not taken as they stand."""
    return [name for name, type_ in kind.attributes.items() if type_ in ("double", "boolean", "date")]


def _counts(file: InputFile, groups: Sequence[Row]) -> FileCounts:
    rules: Counter[str] = Counter()
    for group in groups:
        if group[RULE] is not None:
            rules[group[RULE]] += group["rows"]
    kept = sum(group["rows"] for group in groups if group[_KEPT])
    read = sum(group["rows"] for group in groups)
    return FileCounts(file, read, kept, rules.total(), read - kept - rules.total(), dict(sorted(rules.items())))

"""Catalogue and people: files of attributes in, rows of `items` and `users` out, one an id."""

import datetime as dt
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import reduce

from pyspark.sql import Column, DataFrame, SparkSession, Window
from pyspark.sql import functions as F

from repertoire.events import cells
from repertoire.events.columns import ITEM, USER, Field, map_columns
from repertoire.events.counts import FileCounts
from repertoire.events.input_files import InputFile, distinct_contents
from repertoire.events.layouts import group_by_layout
from repertoire.events.materialise import materialise
from repertoire.events.movielens_attributes import movielens_attributes
from repertoire.events.read_rows import BLOCK, FILE, ROW, RawRows, path_of, read_rows
from repertoire.events.rejection import check_share, rejected_rows
from repertoire.events.validate import FIELD, OFFENDER, RAW, RULE
from repertoire.settings import IngestSettings
from repertoire.tables import ITEMS, USERS, Table
from repertoire.vocabulary import ITEM_ID, USER_ID

_NOT_FROM_FILES = ("valid_from", "valid_to")


@dataclass(frozen=True)
class Kind:
    """What items and users differ in. key: the id's column; fields: the columns, with other names for them."""

    name: str
    table: Table
    key: str
    fields: tuple[Field, ...]


ITEM_KIND = Kind(
    "items",
    ITEMS,
    ITEM_ID,
    (
        ITEM,
        Field("title", aliases=frozenset({"name", "itemtitle", "movietitle", "productname"})),
        Field("category", aliases=frozenset({"categorycode", "type", "kind"})),
        Field("creator_id", aliases=frozenset({"creator", "artist", "author", "brand", "director", "publisher"})),
        Field("tags", aliases=frozenset({"genres", "genre", "keywords", "tag"})),
        Field("description", aliases=frozenset({"text", "overview", "summary"})),
        Field("price"),
        Field("released", aliases=frozenset({"releasedate", "published", "publicationdate"})),
        Field("available", aliases=frozenset({"instock", "active"})),
    ),
)
USER_KIND = Kind(
    "users",
    USERS,
    USER_ID,
    (
        USER,
        Field("age_band", aliases=frozenset({"agegroup", "age"})),
        Field("gender", aliases=frozenset({"sex"})),
        Field("country", aliases=frozenset({"countrycode"})),
        Field("occupation", aliases=frozenset({"job", "profession"})),
        Field("consent", aliases=frozenset({"optin"})),
        Field("joined", aliases=frozenset({"signupdate", "created", "registered"})),
    ),
)

_ALLOWED = {
    "malformed_row": "as many fields as the first line names, or one whole JSON object",
    "missing_id": "anything but nothing",
    "id_too_long": "a shorter one (ingest.max_id_length)",
    "bad_price": "a number such as 9.99, or nothing",
    "bad_released": "a day such as 2026-03-01, or nothing",
    "bad_joined": "a day such as 2026-03-01, or nothing",
    "bad_available": "true or false, or nothing",
    "bad_consent": "true or false, or nothing",
}


@dataclass(frozen=True)
class IngestedAttributes:
    """accepted: the table's columns but valid_from and valid_to, no id twice; rejected: rows of tables.REJECTED_EVENTS.

    Both read what lies in the scratch folder. counts: one for each file; notes: what a person should be told.
    """

    accepted: DataFrame
    rejected: DataFrame
    counts: tuple[FileCounts, ...]
    notes: tuple[str, ...]


def read_attributes(
    spark: SparkSession,
    files: Sequence[InputFile],
    kind: Kind,
    settings: IngestSettings,
    *,
    run_date: dt.date,
    scratch: str,
) -> IngestedAttributes:
    """Reads files of items or users. Of several rows with one id the last one counts, by file and place in it.

    A row without an id, or with a value that is not what its column holds, is rejected. Columns that are not ours are
    passed over. MovieLens' files are known by their names. Raises InputError for files that cannot be read, a missing
    id column, and more rejected rows than ingest.max_rejected_share allows.
    """
    batch, notes = distinct_contents(files)
    chosen = {field.name: settings.columns[field.name] for field in kind.fields if field.name in settings.columns}
    order = {file.uri: number for number, file in enumerate(batch)}
    frames, said = [], []
    for layout, members in group_by_layout(spark, batch, settings, list(chosen.values())):
        known = movielens_attributes(layout.names, kind.name)
        if known is None:
            mapped = map_columns(layout.names, kind.fields, chosen, members[0].path)
            said += [f"{members[0].name}: {note}" for note in mapped.notes]
            raw = read_rows(spark, layout, members, list(mapped.names.values()))
            columns = {name: _parsed(raw, name, theirs) for name, theirs in mapped.names.items()}
            texts = {name: cells.id_or_words(raw, theirs) for name, theirs in mapped.names.items()}
        else:
            raw = read_rows(spark, layout, members, layout.names)
            columns = known(raw)
            texts = {kind.key: cells.id_or_words(raw, layout.names[0])}
        frames.append(_checked(raw, kind, columns, texts, settings, order))
    if not frames:
        frames = [spark.createDataFrame([], _schema(kind))]
    typed = materialise(reduce(DataFrame.unionAll, frames), f"{scratch}/{kind.name}")
    last = Window.partitionBy(kind.key).orderBy(F.desc("_file_number"), F.desc(BLOCK), F.desc(ROW))
    sound = typed.where(F.col(RULE).isNull()).withColumn("_last", F.row_number().over(last) == 1)
    counts = _counts(batch, typed, sound)
    rules = sum((Counter(count.rules) for count in counts), Counter())
    by_uri = {file.uri: file for file in batch}
    read = sum(count.read for count in counts)
    check_share(typed, read, rules, by_uri, _ALLOWED, settings.max_rejected_share)
    names = [name for name in kind.table.column_names if name not in _NOT_FROM_FILES]
    return IngestedAttributes(
        accepted=sound.where("_last").select(*names),
        rejected=rejected_rows(typed, path_of(batch), run_date),
        counts=counts,
        notes=(*notes, *said),
    )


def _parsed(raw: RawRows, ours: str, theirs: str) -> Column:
    """A column of ours from a column of the file; null where nothing can be made of it."""
    if ours == "age_band":
        return cells.age_band(cells.id_or_words(raw, theirs))
    if ours == "price":
        price = cells.number(raw, theirs)
        return F.when((price >= 0) & (price < float("inf")), price)
    parse = {"tags": cells.tags, "released": cells.day, "joined": cells.day}
    parse |= {"available": cells.truth, "consent": cells.truth}
    return parse.get(ours, cells.id_or_words)(raw, theirs)


def _checked(
    raw: RawRows,
    kind: Kind,
    columns: Mapping[str, Column],
    texts: Mapping[str, Column],
    settings: IngestSettings,
    order: Mapping[str, int],
) -> DataFrame:
    """All rows in the table's types, with the first rule that they broke."""
    types = {column.name: column.type for column in kind.table.columns}
    made = {
        name: columns.get(name, F.lit(None)).cast(kind_of)
        for name, kind_of in types.items()
        if name not in _NOT_FROM_FILES
    }
    key = made[kind.key]
    nothing = F.lit(None).cast("string")
    rules = [
        ("malformed_row", nothing, raw.malformed),
        ("missing_id", F.lit(kind.key), key.isNull()),
        ("id_too_long", F.lit(kind.key), F.length(key) > settings.max_id_length),
        *(
            (f"bad_{name}", F.lit(name), made[name].isNull() & texts[name].isNotNull())
            for name in ("price", "released", "available", "consent", "joined")
            if name in texts
        ),
    ]
    rule, field = nothing, nothing
    for name, column, broken in reversed(rules):
        rule, field = F.when(broken, F.lit(name)).otherwise(rule), F.when(broken, column).otherwise(field)
    offender = reduce(
        lambda chain, name: F.when(F.col(FIELD) == name, F.col(f"_text_{name}")).otherwise(chain), texts, nothing
    )
    numbers = F.create_map(*[F.lit(part) for pair in order.items() for part in pair])
    return (
        raw.frame.select(
            "*",
            *[column.alias(name) for name, column in made.items()],
            *[text.alias(f"_text_{name}") for name, text in texts.items()],
            rule.alias(RULE),
            field.alias(FIELD),
            F.when(rule.isNotNull(), raw.raw).alias(RAW),
        )
        .withColumn(OFFENDER, offender)
        .withColumn("_file_number", numbers[F.col(FILE)])
        .select(*made, FILE, "_file_number", BLOCK, ROW, RULE, FIELD, OFFENDER, RAW)
    )


def _schema(kind: Kind) -> str:
    ours = [f"{c.name} {c.type}" for c in kind.table.columns if c.name not in _NOT_FROM_FILES]
    place = [f"{FILE} string", "_file_number int", f"{BLOCK} bigint", f"{ROW} bigint"]
    return ", ".join([*ours, *place, *[f"{name} string" for name in (RULE, FIELD, OFFENDER, RAW)]])


def _counts(files: Sequence[InputFile], typed: DataFrame, sound: DataFrame) -> tuple[FileCounts, ...]:
    found = typed.groupBy(FILE, RULE).count().collect()
    kept = {row[FILE]: row["count"] for row in sound.where("_last").groupBy(FILE).count().collect()}
    counts = []
    for file in files:
        rules = {row[RULE]: row["count"] for row in found if row[FILE] == file.uri and row[RULE] is not None}
        read = sum(row["count"] for row in found if row[FILE] == file.uri)
        accepted = kept.get(file.uri, 0)
        rejected = sum(rules.values())
        counts.append(FileCounts(file, read, accepted, rejected, read - accepted - rejected, rules))
    return tuple(counts)

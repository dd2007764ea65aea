"""What stands in a column of raw rows: as text, id, number, time, truth, day or tags. Null where nothing can be made of it."""

import itertools
from collections.abc import Sequence

from pyspark.sql import Column
from pyspark.sql import functions as F

from repertoire.errors import InputError
from repertoire.events.layout import Layout
from repertoire.events.read_rows import RawRows
from repertoire.events.timestamps import Unit, timestamp_of_text, timestamp_of_typed

_WORDS = frozenset({"string", "int", "bigint"})
_PLAIN = _WORDS | {"float", "double", "decimal"}
_TIMES = frozenset({"timestamp", "timestamp_ntz", "nanos", "nanos_ntz", "date"})
ALLOWED_TYPES = {
    "id": _PLAIN,
    "text": _PLAIN | {"boolean"},
    "word": _WORDS,
    "number": _PLAIN | {"boolean"},
    "time": _PLAIN | _TIMES,
    "truth": _WORDS | {"boolean"},
    "day": frozenset({"string"}) | _TIMES,
    "tags": frozenset({"string", "array<string>"}),
}
"""As what a column of Parquet may be read, by its type."""


def check_type(layout: Layout, name: str, ours: str, meaning: str, file: str) -> None:
    """Raises InputError where a column of Parquet has a type that cannot be what it is said to be."""
    place = layout.names.index(name)
    kind = layout.types[place].split("(")[0] if place < len(layout.types) else "string"
    if kind not in ALLOWED_TYPES[meaning]:
        raise InputError(
            f"{file}: column {name} is of type {kind} and cannot be read as {ours}. "
            f"Allowed: {', '.join(sorted(ALLOWED_TYPES[meaning]))}. "
            f"Say which column it is: --set ingest.columns.{ours}=COLUMN"
        )


def text(raw: RawRows, name: str | None) -> Column:
    """As it stands, for a message."""
    return _nothing("string") if name is None else raw.column(name).cast("string")


def is_given(raw: RawRows, name: str | None) -> Column:
    """Whether anything stands there but spaces."""
    return F.lit(False) if name is None else F.trim(text(raw, name)) != ""


def id_or_words(raw: RawRows, name: str | None) -> Column:
    """Text without spaces around it; null where nothing is left. 7.0 in a column of floats is the id 7."""
    if name is None:
        return _nothing("string")
    column = raw.column(name)
    if raw.type(name) in ("float", "double"):
        whole = (column == F.floor(column)) & (F.abs(column) < 2**53)
        return F.when(whole, column.cast("bigint").cast("string")).when(~F.isnan(column), column.cast("string"))
    return F.nullif(F.trim(column.cast("string")), F.lit(""))


def number(raw: RawRows, name: str | None) -> Column:
    """As double. Java's suffixes (1d, 2f) make no number; adding 0 turns -0 into 0."""
    if name is None:
        return _nothing("double")
    column = raw.column(name)
    if raw.type(name) != "string":
        return column.try_cast("double") + F.lit(0.0)
    trimmed = F.trim(column)
    found = trimmed.try_cast("double")
    has_suffix = F.lower(F.right(trimmed, F.lit(1))).isin("d", "f") & (F.abs(found) != F.lit(float("inf")))
    return F.when((trimmed != "") & ~has_suffix, found + F.lit(0.0))  # parsing nothing as a number is slow


def finite_number(raw: RawRows, name: str | None) -> Column:
    """As `number`; null for what is not finite."""
    found = number(raw, name)
    return F.when(~F.isnan(found) & (F.abs(found) != F.lit(float("inf"))), found)


def time(raw: RawRows, name: str | None, unit: Unit, zone: str) -> Column:
    """As timestamp. zone: of the times that name none."""
    if name is None:
        return _nothing("timestamp")
    column, kind = raw.column(name), raw.type(name)
    if kind != "string":
        return timestamp_of_typed(column, kind, unit, zone)
    return F.when(F.trim(column) != "", timestamp_of_text(column, unit, zone))


def truth(raw: RawRows, name: str | None) -> Column:
    """true, t, yes, y, 1 and false, f, no, n, 0, whatever the case."""
    return _nothing("boolean") if name is None else text(raw, name).try_cast("boolean")


def day(raw: RawRows, name: str | None) -> Column:
    """As date: 2024-03-01, 2024-03, 2024, or the day of an ISO time."""
    if name is None:
        return _nothing("date")
    if raw.type(name) == "string":
        return F.trim(raw.column(name)).try_cast("date")
    return timestamp_of_typed(raw.column(name), raw.type(name), "auto", "UTC").cast("date")


def tags(raw: RawRows, name: str | None) -> Column:
    """Sorted, each once: from a|b, else from a, b, or from a JSON array."""
    if name is None:
        return _nothing("array<string>")
    column = raw.column(name)
    if raw.type(name) != "array<string>":
        divider = F.when(F.contains(column, F.lit("|")), F.lit("[|]")).otherwise(F.lit(","))
        array = F.when(F.startswith(F.trim(column), F.lit("[")), F.from_json(column, "array<string>"))
        column = F.coalesce(array, F.split(column, divider))
    trimmed = F.transform(column, lambda tag: F.trim(tag))
    return sorted_tags(F.filter(trimmed, lambda tag: tag.isNotNull() & (tag != "") & (tag != _NO_GENRES)))


def sorted_tags(array: Column) -> Column:
    """Each once, in order; null where there are none."""
    return F.when(F.size(array) > 0, F.array_sort(F.array_distinct(array)))


_NO_GENRES = "(no genres listed)"  # so MovieLens says none


def age_band(text: Column) -> Column:
    """MovieLens' bands for an age in years; anything else that stands there as it is."""
    years = text.try_cast("int")
    band = F.when(years >= _BANDS[-1], f"{_BANDS[-1]}+")
    for low, above in reversed(list(itertools.pairwise(_BANDS))):
        band = band.when(years >= low, f"{low}-{above - 1}")
    band = band.when(years >= 0, f"under {_BANDS[0]}")
    return F.when(years.isNull(), text).otherwise(band)


_BANDS: Sequence[int] = (18, 25, 35, 45, 50, 56)


def _nothing(kind: str) -> Column:
    return F.lit(None).cast(kind)

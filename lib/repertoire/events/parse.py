"""Columns of a file as columns of ours: ids, numbers, days, truth values, tags. What cannot be read becomes null."""

from pyspark.sql import Column
from pyspark.sql import functions as F

from repertoire.events.read_rows import RawRows

_TRUE = ("true", "t", "yes", "y", "1", "1.0")
_FALSE = ("false", "f", "no", "n", "0", "0.0")
_DAY_FORMATS = ("yyyy-MM-dd", "dd-MMM-yyyy", "yyyyMMdd")
_AGE_BANDS = ((18, "under 18"), (25, "18-24"), (35, "25-34"), (45, "35-44"), (50, "45-49"), (56, "50-55"))


def text_of(raw: RawRows, name: str) -> Column:
    """The text without spaces around it; null where nothing is left."""
    text = F.trim(raw.column(name).cast("string"))
    return F.when(text != "", text)


def is_given(text: Column) -> Column:
    """Whether anything stands there."""
    return F.coalesce(F.trim(text) != "", F.lit(False))


def id_of(raw: RawRows, name: str) -> Column:
    """An id as text. 7.0 in a column of floats is the id 7."""
    if raw.type(name) not in ("float", "double"):
        return text_of(raw, name)
    column = raw.column(name)
    whole = (column == F.floor(column)) & (F.abs(column) < 2**53)
    return F.when(whole, column.cast("bigint").cast("string")).when(~F.isnan(column), column.cast("string"))


def number_of(raw: RawRows, name: str) -> Column:
    """A finite number of 0 or more."""
    number = text_of(raw, name).try_cast("double")
    return F.when((number >= 0) & (number < float("inf")), number)


def date_of(raw: RawRows, name: str) -> Column:
    """A day: 2026-03-01 (with a time after it or not), 01-Mar-2026, 20260301, or a column of dates or times."""
    if raw.type(name) in ("date", "timestamp", "timestamp_ntz"):
        return raw.column(name).cast("date")
    text = text_of(raw, name)
    parsed = [F.try_to_timestamp(text, F.lit(form)).cast("date") for form in _DAY_FORMATS]
    return F.coalesce(text.try_cast("date"), *parsed)


def boolean_of(raw: RawRows, name: str) -> Column:
    """true, yes, y, t, 1, or their opposites, in any case."""
    word = F.lower(text_of(raw, name))
    return F.when(word.isin(*_TRUE), F.lit(True)).when(word.isin(*_FALSE), F.lit(False))


def tags_of(raw: RawRows, name: str) -> Column:
    """Distinct tags in order: a list, a JSON list, or a text with | or, where there is none, commas between."""
    if raw.type(name).startswith("array"):
        tags = raw.column(name).cast("array<string>")
    else:
        text = text_of(raw, name)
        as_json = F.from_json(text, "array<string>")
        bars = F.split(text, r"\|")
        tags = F.when(F.startswith(text, F.lit("[")), as_json).otherwise(
            F.when(F.contains(text, F.lit("|")), bars).otherwise(F.split(text, ","))
        )
    trimmed = F.transform(tags, lambda tag: F.trim(tag))
    return F.array_sort(F.array_distinct(F.filter(trimmed, lambda tag: tag.isNotNull() & (tag != ""))))


def age_band_of(raw: RawRows, name: str) -> Column:
    """A band such as 25-34 (those of MovieLens 1M) from an age in years; any other text as it stands."""
    text = text_of(raw, name)
    years = text.try_cast("double")
    band = F.lit("56+")
    for below, label in reversed(_AGE_BANDS):
        band = F.when(years < below, F.lit(label)).otherwise(band)
    return F.when(years.isNotNull(), band).otherwise(text)

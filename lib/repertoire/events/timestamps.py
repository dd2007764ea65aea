"""Times as logs write them: ISO 8601 in its several forms, or a number of seconds, milli- or microseconds since 1970."""

from typing import Literal

from pyspark.sql import Column
from pyspark.sql import functions as F

Unit = Literal["auto", "iso", "s", "ms", "us"]

_YEAR_10000 = 253_402_300_800  # seconds since 1970; what lies beyond is no time
_MICROS = {"s": 1_000_000, "ms": 1_000, "us": 1}
_HAS_ZONE = r"([Zz]|[A-Za-z]{3,}|[+-]\d{2}:?\d{2}|[ T]\S*[+-]\d{1,2})$"


def timestamp_of_text(text: Column, unit: Unit, zone: str) -> Column:
    """The time that a text stands for, or null where it stands for none.

    zone: IANA name, for ISO times that name none. With unit auto each text is taken as what it looks like.
    """
    trimmed = F.trim(text)
    if unit == "iso":
        return F.when(_looks_iso(trimmed), _iso(trimmed, zone))
    number = _epoch(trimmed.try_cast("double"), unit)
    return number if unit != "auto" else F.when(_looks_iso(trimmed), _iso(trimmed, zone)).otherwise(number)


def timestamp_of_typed(column: Column, kind: str, unit: Unit, zone: str) -> Column:
    """The time in a column of Parquet of a given type (see `Layout.types`); texts as `timestamp_of_text`."""
    if kind == "string":
        return timestamp_of_text(column, unit, zone)
    if kind == "timestamp":
        return column
    if kind in ("timestamp_ntz", "date"):
        return _in_zone(column.cast("timestamp"), zone)
    if kind.startswith("nanos"):
        time = F.timestamp_micros(F.call_function("div", column, F.lit(1000)))
        return _in_zone(time, zone) if kind == "nanos_ntz" else time
    return _epoch(column.cast("double"), "auto" if unit == "iso" else unit)


def _looks_iso(text: Column) -> Column:
    """2024-…: what begins otherwise is a number, or would be taken by Spark as an hour of today (12:30)."""
    return F.instr(text, "-") == 5


def _iso(text: Column, zone: str) -> Column:
    time = text.try_cast("timestamp")
    return time if zone == "UTC" else F.when(text.rlike(_HAS_ZONE), time).otherwise(_in_zone(time, zone))


def _in_zone(time: Column, zone: str) -> Column:
    return time if zone == "UTC" else F.to_utc_timestamp(time, zone)


def _epoch(number: Column, unit: Unit) -> Column:
    """By magnitude where the unit is auto: below 1e11 seconds (until the year 5138), below 1e14 milliseconds."""
    size = F.abs(number)
    if unit == "auto":
        micros = F.when(size < 1e11, number * 1e6).when(size < 1e14, number * 1e3)
        micros = micros.when(size < _YEAR_10000 * 1e6, number)
    else:
        micros = F.when(size < _YEAR_10000 * 1e6 / _MICROS[unit], number * _MICROS[unit])
    return F.timestamp_micros(F.rint(micros).cast("bigint"))

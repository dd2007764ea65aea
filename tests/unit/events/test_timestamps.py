import datetime as dt

import pytest
from pyspark.sql import SparkSession
from pyspark.sql import functions as F

from repertoire.events.timestamps import Unit, timestamp_of_text, timestamp_of_typed


def read(spark: SparkSession, texts: list[str], unit: Unit = "auto", zone: str = "UTC") -> list[str | None]:
    """As ISO text in UTC; microseconds only where there are some."""
    frame = spark.createDataFrame([(n, text) for n, text in enumerate(texts)], "n int, text string")
    times = frame.select("n", F.unix_micros(timestamp_of_text(F.col("text"), unit, zone)).alias("micros"))
    epoch = dt.datetime(1970, 1, 1)
    found = {row["n"]: row["micros"] for row in times.collect()}
    return [
        None if found[n] is None else (epoch + dt.timedelta(microseconds=found[n])).isoformat()
        for n in range(len(texts))
    ]


ISO = {
    "2024-03-01T10:20:30Z": "2024-03-01T10:20:30",
    "2024-03-01 10:20:30": "2024-03-01T10:20:30",
    "2024-03-01T10:20:30.5Z": "2024-03-01T10:20:30.500000",
    "2024-03-01T10:20:30.123456789Z": "2024-03-01T10:20:30.123456",
    "2024-03-01T10:20:30+01:00": "2024-03-01T09:20:30",
    "2024-03-01T10:20:30-0330": "2024-03-01T13:50:30",
    "2024-03-01 10:20:30 UTC": "2024-03-01T10:20:30",
    "2024-07-01 10:20:30 Europe/Berlin": "2024-07-01T08:20:30",
    "2024-03-01T10:20": "2024-03-01T10:20:00",
    "2024-03-01": "2024-03-01T00:00:00",
    " 2024-03-01 ": "2024-03-01T00:00:00",
    "2024-3-1": "2024-03-01T00:00:00",
    "2024-03": "2024-03-01T00:00:00",
}


def test_iso_8601_in_its_forms(spark: SparkSession) -> None:
    assert read(spark, list(ISO)) == list(ISO.values())
    assert read(spark, list(ISO), "iso") == list(ISO.values())


def test_what_is_no_time_is_null(spark: SparkSession) -> None:
    texts = ["2026-13-01", "2024-02-30", "2024-03-01T25:00:00Z", "yesterday", "01/02/2024", "2024-03-01X", "", "now"]
    assert read(spark, texts) == [None] * len(texts)


def test_an_hour_alone_is_no_time_of_today(spark: SparkSession) -> None:
    texts = ["12:30", "T12:30", "12:30:00-01:00", "1:30-01:00", "1:2", "12:30:00 -1"]
    assert read(spark, texts) == [None] * len(texts)
    assert read(spark, texts, "iso") == [None] * len(texts)


def test_numbers_are_taken_by_their_magnitude(spark: SparkSession) -> None:
    texts = ["881250949", "881250949.25", "881250949000", "881250949123456", "8.81250949e8", "0", "-1"]
    assert read(spark, texts) == [
        "1997-12-04T15:55:49",
        "1997-12-04T15:55:49.250000",
        "1997-12-04T15:55:49",
        "1997-12-04T15:55:49.123456",
        "1997-12-04T15:55:49",
        "1970-01-01T00:00:00",
        "1969-12-31T23:59:59",
    ]


@pytest.mark.parametrize("unit, text", [("s", "86400"), ("ms", "86400000"), ("us", "86400000000")])
def test_a_given_unit_holds_for_any_magnitude(spark: SparkSession, unit: Unit, text: str) -> None:
    assert read(spark, [text], unit) == ["1970-01-02T00:00:00"]


@pytest.mark.parametrize("unit", ["auto", "s", "ms", "us"])
def test_numbers_beyond_the_year_9999_and_no_numbers_are_null(spark: SparkSession, unit: Unit) -> None:
    texts = ["1e300", "-1e300", "NaN", "Infinity", "99999999999999999999"]
    assert read(spark, texts, unit) == [None] * len(texts)


def test_a_unit_excludes_iso_and_iso_excludes_numbers(spark: SparkSession) -> None:
    assert read(spark, ["2024-03-01"], "s") == [None]
    assert read(spark, ["881250949"], "iso") == [None]


def test_the_zone_is_of_times_that_name_none(spark: SparkSession) -> None:
    texts = ["2024-07-01 10:00:00", "2024-07-01", "2024-07-01T10:00:00Z", "2024-07-01T10:00:00+05:00", "881250949"]
    texts += ["2024-07-01T10:00:00+05", "2024-07-01 10:00:00 UTC"]
    assert read(spark, texts, zone="Europe/Berlin") == [
        "2024-07-01T08:00:00",
        "2024-06-30T22:00:00",
        "2024-07-01T10:00:00",
        "2024-07-01T05:00:00",
        "1997-12-04T15:55:49",
        "2024-07-01T05:00:00",
        "2024-07-01T10:00:00",
    ]


@pytest.mark.parametrize(
    "kind, expression, zone, expected",
    [
        ("timestamp", "timestamp'2024-07-01 10:00:00'", "Europe/Berlin", "2024-07-01 10:00:00"),
        ("timestamp_ntz", "timestamp_ntz'2024-07-01 10:00:00'", "Europe/Berlin", "2024-07-01 08:00:00"),
        ("date", "date'2024-07-01'", "UTC", "2024-07-01 00:00:00"),
        ("nanos", "1719828000123456789", "Europe/Berlin", "2024-07-01 10:00:00.123456"),
        ("nanos_ntz", "1719828000123456789", "Europe/Berlin", "2024-07-01 08:00:00.123456"),
        ("bigint", "1719828000000", "UTC", "2024-07-01 10:00:00"),
        ("double", "1719828000.5D", "UTC", "2024-07-01 10:00:00.5"),
    ],
)
def test_typed_columns(spark: SparkSession, kind: str, expression: str, zone: str, expected: str) -> None:
    time = timestamp_of_typed(F.expr(expression), kind, "auto", zone)
    (row,) = spark.range(1).select(time.cast("string").alias("time")).collect()
    assert row["time"] == expected

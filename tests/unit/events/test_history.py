"""What was known when: new ids, changes, corrections, and days in the past."""

import datetime as dt

from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F

from repertoire.events.history import ALWAYS, history
from repertoire.tables import USERS

MONDAY, TUESDAY, WEDNESDAY = (dt.date(2026, 3, day) for day in (2, 3, 4))
Known = tuple[str, str, dt.date, dt.date | None]


def table(spark: SparkSession, *rows: Known) -> DataFrame:
    frame = spark.createDataFrame(list(rows), "user_id string, country string, valid_from date, valid_to date")
    missing = [column for column in USERS.columns if column.name not in frame.columns]
    filled = frame.withColumns({column.name: F.lit(None).cast(column.type) for column in missing})
    return filled.select(*USERS.column_names)


def incoming(spark: SparkSession, *rows: tuple[str, str]) -> DataFrame:
    known = table(spark, *((user, country, ALWAYS, None) for user, country in rows))
    return known.drop("valid_from", "valid_to")


def changes(known: DataFrame, new: DataFrame, day: dt.date, restated: dt.date | None = None) -> list[Known]:
    found = history(known, new, day, "user_id", restated=restated)
    assert set(found.columns) == set(USERS.column_names)
    return sorted((row.user_id, row.country, row.valid_from, row.valid_to) for row in found.collect())


def test_what_is_first_heard_of_an_id_has_held_always(spark: SparkSession) -> None:
    assert changes(table(spark), incoming(spark, ("ann", "DE")), MONDAY) == [("ann", "DE", ALWAYS, None)]


def test_a_change_closes_the_old_row_and_opens_a_new_one(spark: SparkSession) -> None:
    history = table(spark, ("ann", "DE", ALWAYS, None), ("bob", "IT", ALWAYS, None))
    assert changes(history, incoming(spark, ("ann", "FR"), ("bob", "IT")), TUESDAY) == [
        ("ann", "DE", ALWAYS, TUESDAY),
        ("ann", "FR", TUESDAY, None),
    ]


def test_what_has_not_changed_gives_no_row(spark: SparkSession) -> None:
    history = table(spark, ("ann", "DE", MONDAY, None))
    assert changes(history, incoming(spark, ("ann", "DE")), TUESDAY) == []


def test_a_second_change_on_one_day_replaces_the_first(spark: SparkSession) -> None:
    known = table(spark, ("ann", "DE", ALWAYS, TUESDAY), ("ann", "FR", TUESDAY, None))
    assert changes(known, incoming(spark, ("ann", "ES")), TUESDAY) == [("ann", "ES", TUESDAY, None)]


def test_a_day_in_the_past_adds_what_was_known_then_and_leaves_what_came_later(spark: SparkSession) -> None:
    known = table(spark, ("ann", "DE", ALWAYS, WEDNESDAY), ("ann", "FR", WEDNESDAY, None))
    assert changes(known, incoming(spark, ("ann", "ES")), TUESDAY) == [
        ("ann", "DE", ALWAYS, TUESDAY),
        ("ann", "ES", TUESDAY, WEDNESDAY),
    ]


def test_a_later_file_that_said_the_same_as_before_takes_over_again(spark: SparkSession) -> None:
    known = table(spark, ("ann", "DE", ALWAYS, None))
    assert changes(known, incoming(spark, ("ann", "ES")), MONDAY, restated=WEDNESDAY) == [
        ("ann", "DE", ALWAYS, MONDAY),
        ("ann", "DE", WEDNESDAY, None),
        ("ann", "ES", MONDAY, WEDNESDAY),
    ]

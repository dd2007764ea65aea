"""Features of users: a log that a reader can count, what is null where nothing is known, and the laws of any log."""

import datetime as dt
import random
from collections.abc import Callable
from math import log, log1p
from zoneinfo import ZoneInfo

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pyspark.sql import Row, SparkSession
from tests.unit.features import feature_log
from tests.unit.features.feature_log import CUTOFF, Event, accounts, by_id, catalogue, event, of_users, random_logs

from repertoire.tables import USER_FEATURES

# The cutoff is the midnight of a Saturday to a Sunday. Ratings run from 2 to 4, so that v refuses a: negative 5.
EVENTS = (
    event("u", "a", "purchase", 0.25, 10.0),
    event("u", "a", "view", 0.5),
    event("u", "b", "play", 0.75, 3.0),
    event("u", "d", "skip", 3),
    event("u", "b", "play", 10, 2.0),
    event("u", "c", "rating", 40.25, 4.0),
    event("v", "a", "rating", 1, 2.0),
    event("v", "b", "view", 1),
)
ITEMS = (
    {"item_id": "a", "category": "film", "creator_id": "x"},
    {"item_id": "b", "category": "film"},
    {"item_id": "c", "category": "book", "creator_id": "y"},
    {"item_id": "d", "category": "game", "creator_id": "z"},
)
USERS = (
    {"user_id": "u", "age_band": "25-34", "gender": "f", "country": "FR", "occupation": "pilot"},
    {"user_id": "new", "country": "DE"},
)


@pytest.fixture(scope="module")
def rows(spark: SparkSession) -> dict[str, Row]:
    return by_id(of_users(feature_log.log(spark, *EVENTS), accounts(spark, *USERS), catalogue(spark, *ITEMS)))


def close(value: float) -> object:
    return pytest.approx(value, abs=1e-9)


def test_the_frame_is_the_table_but_for_the_run_date(spark: SparkSession) -> None:
    declared = [(column.name, column.type) for column in USER_FEATURES.columns if column.name != "run_date"]
    assert of_users(feature_log.log(spark, *EVENTS)).dtypes == declared


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("wanted_items", 3),
        ("tenure_days", 40.25),
        ("idle_days", 0.25),
        ("active_days", 4),
        ("events_7d", 4),
        ("events_30d", 5),
        ("events_per_active_day", 1.5),
        ("last_session_events", 2),
        ("total_usage", 5),
        ("spend", 10),
        ("variety_categories", 2),
        ("variety_creators", 2),
    ],
)
def test_what_is_counted_is_given_as_log1p(rows: dict[str, Row], name: str, expected: float) -> None:
    assert rows["u"][name] == close(log1p(expected))


def test_an_item_is_as_popular_as_it_has_users_who_want_it(rows: dict[str, Row]) -> None:
    """b is wanted by both, a and c by u alone."""
    assert rows["u"]["mean_popularity"] == rows["u"]["mean_popularity_last_10"] == close(log(2) / 3)
    assert rows["v"]["mean_popularity"] == close(log(2))


def test_ratings_and_refusals_are_drawn_to_the_mean(rows: dict[str, Row]) -> None:
    assert {user: row["mean_rating"] for user, row in rows.items()} == {"u": 13 / 4, "v": 11 / 4, "new": 3}
    refused = {"u": close(2 / 14), "v": 0.6, "new": 0.125}
    assert {user: row["refused_share"] for user, row in rows.items()} == refused


def test_parts_of_the_day_are_shares(rows: dict[str, Row]) -> None:
    """At 18, 12, 6 and 0 o'clock on a Saturday, a Thursday, a Thursday, and at 18 on a Monday."""
    names = ("night_share", "morning_share", "afternoon_share", "evening_share", "weekend_share")
    assert [rows["u"][name] for name in names] == [close(share / 6) for share in (2, 1, 1, 2, 3)]
    assert [rows["new"][name] for name in names] == [None] * 5


def test_an_account_without_events_has_a_row(rows: dict[str, Row]) -> None:
    assert [rows["u"][name] for name in ("age_band", "gender", "country", "occupation")] == [
        "25-34",
        "f",
        "FR",
        "pilot",
    ]
    new = rows["new"].asDict()
    assert (new["country"], new["gender"], rows["v"]["country"]) == ("DE", None, None)
    nothing = ("wanted_items", "active_days", "events_7d", "last_session_events", "total_usage", "spend")
    assert [new[name] for name in (*nothing, "variety_categories")] == [0] * 7
    unknown = ("tenure_days", "idle_days", "events_per_active_day", "mean_popularity", "mean_popularity_last_10")
    assert [new[name] for name in unknown] == [None] * 5


def test_the_hour_is_that_of_the_runs_zone(spark: SparkSession) -> None:
    """A quarter of a day before a Tokyo midnight it is evening there, and morning in Greenwich."""
    cutoff = dt.datetime(2024, 3, 10, tzinfo=ZoneInfo("Asia/Tokyo"))
    events = feature_log.log(spark, ("u", "a", "view", cutoff - dt.timedelta(days=0.25), None, dt.date(2024, 3, 9)))
    (row,) = of_users(events, cutoff=cutoff, zone="Asia/Tokyo").collect()
    assert (row["evening_share"], row["morning_share"], row["weekend_share"]) == (1, 0, 1)


def test_the_ten_latest_are_told_by_their_last_event_and_then_by_their_id(spark: SparkSession) -> None:
    """Twelve items, the last three wanted by two users. i9 and i10 are equally old: i10 comes first, as texts do."""
    ages = {f"i{n}": float(n + 1) for n in range(12)} | {"i10": 10.0}
    events = [event("u", item, "view", age) for item, age in ages.items()]
    events += [event("u", "i0", "view", 30), *(event("v", item, "view", 1) for item in ("i9", "i10", "i11"))]
    row = by_id(of_users(feature_log.log(spark, *events)))["u"]
    assert row["mean_popularity"] == close(3 * log(2) / 12)
    assert row["mean_popularity_last_10"] == close(log(2) / 10)


def test_a_poor_log_gives_nulls(spark: SparkSession) -> None:
    (row,) = of_users(feature_log.log(spark, event("u", "a", "view", 1), event("u", "a", "purchase", 2))).collect()
    unknown = ("mean_rating", "total_usage", "spend", "variety_categories", "variety_creators", "age_band", "country")
    assert [row[name] for name in unknown] == [None] * len(unknown)
    assert of_users(feature_log.log(spark)).collect() == []


def test_events_without_a_time_go_by_their_day(spark: SparkSession) -> None:
    events = [event("u", "a", "view", 3, timed=False), event("u", "b", "view", 3, timed=False)]
    events += [event("u", "c", "view", 8, timed=False), event("v", "c", "view", 1, timed=False)]
    row = by_id(of_users(feature_log.log(spark, *events)))["u"]
    assert (row["tenure_days"], row["idle_days"]) == (close(log1p(8)), close(log1p(3)))
    assert (row["active_days"], row["last_session_events"]) == (close(log1p(2)), close(log1p(2)))
    assert (row["events_7d"], row["mean_popularity_last_10"]) == (close(log1p(2)), close(log(2) / 3))
    assert (row["night_share"], row["weekend_share"]) == (None, None)


few = settings(max_examples=2, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


@few
@given(random_logs(), st.randoms(use_true_random=False))
def test_neither_order_nor_partitions_change_anything(
    spark: SparkSession, events: list[Event], shuffler: random.Random
) -> None:
    items = catalogue(spark, {"item_id": "i0", "category": "x"}, {"item_id": "i1", "category": "y"})
    one = by_id(of_users(feature_log.log(spark, *events).coalesce(1), items=items))
    shuffler.shuffle(events)
    assert by_id(of_users(feature_log.log(spark, *events).repartition(5), items=items)) == one


@few
@given(random_logs(), random_logs(first_day=-40.0, last_day=-0.001))
def test_nothing_at_or_after_the_cutoff_changes_anything(
    spark: SparkSession, before: list[Event], after: list[Event]
) -> None:
    after += [event("u0", "i0", "rating", 0, 1e6), event("late", "i0", "view", 0, timed=False)]
    without = by_id(of_users(feature_log.log(spark, *before)))
    assert by_id(of_users(feature_log.log(spark, *before, *after))) == without


def test_few_jobs_are_started_and_none_before_the_frame_is_read(
    spark: SparkSession, jobs_of: Callable[..., int]
) -> None:
    """Adaptive execution runs each shuffle and each broadcast as a job."""
    events, items, users = feature_log.log(spark, *EVENTS), catalogue(spark, *ITEMS), accounts(spark, *USERS)
    pairs = spark.createDataFrame(feature_log.interactions(events).toPandas(), feature_log.interactions(events).schema)

    def built() -> object:
        return feature_log.build_user_features(
            pairs, events, users, items, cutoff=CUTOFF, zone=ZoneInfo("UTC"), settings=feature_log.PLAIN
        )

    assert jobs_of(built) == 0
    assert jobs_of(lambda: built().collect()) <= 12  # type: ignore[attr-defined]

"""Interactions: every rule by hand, and the laws that hold for any log."""

import datetime as dt
import math
import random
from collections.abc import Callable
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pyspark.sql import DataFrame, Row, SparkSession

from repertoire.features.interactions import build_interactions
from repertoire.features.interactions_report import CutValues
from repertoire.settings import FeatureSettings
from repertoire.tables import INTERACTIONS

DDL = "user_id string, item_id string, event_type string, event_ts timestamp, value double, event_date date"
CUTOFF = dt.datetime(2024, 3, 10, tzinfo=dt.UTC)
PLAIN = {"log_strength": False}

Event = tuple[str, str, str, dt.datetime | None, float | None, dt.date]


def event(
    event_type: str,
    value: float | None = None,
    *,
    days_ago: float = 1,
    user: str = "u",
    item: str = "a",
    timed: bool = True,
) -> Event:
    moment = CUTOFF - dt.timedelta(days=days_ago)
    number = None if value is None else float(value)
    return user, item, event_type, moment if timed else None, number, moment.date()


def log(spark: SparkSession, *events: Event) -> DataFrame:
    return spark.createDataFrame(list(events), DDL)


def built(spark: SparkSession, *events: Event, cutoff: dt.datetime | None = CUTOFF, **options: Any) -> dict[str, Row]:
    """The interactions by item, for a log of one user; without logarithm unless asked for."""
    frame = build_interactions(log(spark, *events), cutoff=cutoff, settings=FeatureSettings(**PLAIN | options)).frame
    rows = {row["item_id"]: row for row in frame.collect()}
    assert len(rows) == frame.count()
    return rows


def test_the_frame_is_the_table_but_for_the_run_date(spark: SparkSession) -> None:
    frame = build_interactions(log(spark, event("view")), cutoff=CUTOFF, settings=FeatureSettings()).frame
    declared = [(column.name, column.type) for column in INTERACTIONS.columns if column.name != "run_date"]
    assert frame.dtypes == declared


@pytest.mark.quick
def test_weights_add_up_by_type_and_others_have_none(spark: SparkSession) -> None:
    rows = built(
        spark,
        event("view", days_ago=3),
        event("view", days_ago=2),
        event("purchase"),
        event("cart", item="b"),
        event_weights={"view": 1.5, "purchase": 4},
    )
    a, b = rows["a"], rows["b"]
    assert (a["strength"], a["negative"], a["events"]) == (1.5 + 1.5 + 4, 0, 3)
    assert [a[name].astimezone(dt.UTC) for name in ("first_ts", "last_ts")] == [
        CUTOFF - dt.timedelta(days=3),
        CUTOFF - dt.timedelta(days=1),
    ]
    assert (b["strength"], b["negative"], b["events"]) == (0, 0, 1)


@pytest.mark.quick
def test_the_types_of_a_pair_are_named_where_the_log_has_several(spark: SparkSession) -> None:
    rows = built(
        spark, event("view"), event("purchase"), event("view"), event("skip", item="b"), event("cart", item="c")
    )
    assert {item: row["event_types"] for item, row in rows.items()} == {
        "a": ["purchase", "view"],
        "b": ["skip"],
        "c": ["cart"],
    }
    assert built(spark, event("view"), event("view", item="b"))["a"]["event_types"] is None


@pytest.mark.quick
def test_refusals_are_kept_apart(spark: SparkSession) -> None:
    row = built(spark, event("like"), event("skip"), event("dislike"), event("skip"))["a"]
    assert (row["strength"], row["negative"]) == (5, 1 + 5 + 1)


def test_ratings_go_by_their_place_on_the_scale(spark: SparkSession) -> None:
    """1 to 5 occur, so 4 is at .75 and 2 at .25, below .3; the rating's weight is 5."""
    ratings = {"best": 5, "good": 4, "poor": 2, "worst": 1}
    rows = built(
        spark, *[event("rating", value, item=item) for item, value in ratings.items()], event("rating", item="?")
    )
    assert {item: (row["strength"], row["negative"]) for item, row in rows.items()} == {
        "best": (5, 0),
        "good": (3.75, 0),
        "poor": (0, 3.75),
        "worst": (0, 5),
        "?": (5, 0),
    }
    assert all(row["seen"] for row in rows.values())


def test_a_declared_scale_comes_first_and_ratings_off_it_count_as_its_end(spark: SparkSession) -> None:
    ratings = {"a": 4, "b": 11, "c": -3}
    rows = built(spark, *[event("rating", value, item=item) for item, value in ratings.items()], rating_scale=(0, 10))
    assert {item: (row["strength"], row["negative"]) for item, row in rows.items()} == {
        "a": (2, 0),
        "b": (5, 0),
        "c": (0, 5),
    }


def test_where_every_rating_is_the_same_it_says_yes(spark: SparkSession) -> None:
    row = built(spark, event("rating", 3.0))["a"]
    assert (row["strength"], row["negative"]) == (5, 0)


def test_a_rating_that_is_not_low_says_a_tenth_at_least(spark: SparkSession) -> None:
    rows = built(spark, event("rating", 1.0), event("rating", 5.0, item="b"), low_rating=0)
    assert (rows["a"]["strength"], rows["a"]["negative"]) == (0.5, 0)


def test_the_strength_of_plays_grows_with_their_value(spark: SparkSession) -> None:
    """The median of 0, 2, 2, 2, 6 is 2: log2(1 + 6/2) is 2, and at the median it is 1. A play's weight is 4."""
    plays = {"none": 0.0, "a": 2.0, "b": 2.0, "c": 2.0, "long": 6.0, "unknown": None, "nan": math.nan, "back": -1.0}
    plays["back too"] = -2.0
    plays["longer"], plays["longest"] = 6.0, 6.0
    rows = built(spark, *[event("play", value, item=item) for item, value in plays.items()])
    assert {item: row["strength"] for item, row in rows.items()} == {
        "none": 0,
        "a": 4,
        "b": 4,
        "c": 4,
        "long": 8,
        "longer": 8,
        "longest": 8,
        "unknown": 4,
        "nan": 4,
        "back": 0,
        "back too": 0,
    }


def test_values_above_the_quantile_are_cut_to_it_and_counted(spark: SparkSession) -> None:
    """Of nine plays of 2 and one of 1,000, the 80 % quantile is 2. Reads are another type: their 9 is nobody's cut."""
    events = [event("play", 2.0, item=f"i{n}") for n in range(9)]
    events += [event("play", 1000.0, item="long"), event("read", 9.0, item="book")]
    result = build_interactions(
        log(spark, *events), cutoff=CUTOFF, settings=FeatureSettings(log_strength=False, value_quantile=0.8)
    )
    strengths = {row["item_id"]: row["strength"] for row in result.frame.collect()}
    assert (strengths["long"], strengths["i0"], strengths["book"]) == (4, 4, 4)
    assert result.report.valued == {"play": CutValues(2, 2, values_cut=1), "read": CutValues(9, 9, values_cut=0)}
    assert "play: median value 2, 1 values above 2 cut" in result.report.lines()


def test_an_event_loses_half_of_its_strength_in_a_half_life(spark: SparkSession) -> None:
    """Untimed events count from the start of their day: one of the day before the cutoff is a day old."""
    rows = built(
        spark,
        event("view", days_ago=0.5),
        event("view", days_ago=10, item="b"),
        event("dislike", days_ago=20, item="b"),
        event("view", days_ago=10, item="c", timed=False),
        half_life_days=10,
    )
    assert rows["a"]["strength"] == pytest.approx(0.5**0.05, abs=1e-9)
    assert (rows["b"]["strength"], rows["b"]["negative"]) == (0.5, 1.25)
    assert rows["c"]["strength"] == 0.5
    assert (rows["c"]["first_ts"], rows["c"]["last_ts"]) == (None, None)


def test_without_a_cutoff_ages_run_to_the_end_of_the_newest_day(spark: SparkSession) -> None:
    """The newest event is on 9 March, 18:00, so that the end of its day is the cutoff of the other tests."""
    events = [event("view", days_ago=0.25), event("view", days_ago=10, item="b")]
    rows = built(spark, *events, cutoff=None, half_life_days=10)
    assert rows["b"]["strength"] == 0.5
    assert rows == built(spark, *events, half_life_days=10)


def test_a_pair_is_cut_and_then_logarithmic(spark: SparkSession) -> None:
    events = [event("purchase"), event("purchase", days_ago=2), event("view", item="b"), event("dislike", item="b")]
    rows = built(spark, *events, max_strength=7, log_strength=True)
    assert rows["a"]["strength"] == pytest.approx(math.log(8), abs=1e-9)
    assert rows["b"]["strength"] == pytest.approx(math.log(2), abs=1e-9)
    assert rows["b"]["negative"] == pytest.approx(math.log(6), abs=1e-9)
    assert built(spark, *events, max_strength=4)["b"]["negative"] == 4


def test_a_day_above_the_cap_counts_as_the_cap(spark: SparkSession) -> None:
    """u has 6 events on a day, 3 count: each counts half. u's other day and v's are not above."""
    events = [event("view", item=item) for item in "aaaab"] + [event("dislike", item="b")]
    events += [event("view", days_ago=2), event("view", user="v", item="c")]
    result = build_interactions(
        log(spark, *events), cutoff=CUTOFF, settings=FeatureSettings(log_strength=False, max_events_per_day=3)
    )
    rows = {row["item_id"]: row for row in result.frame.collect()}
    assert (rows["a"]["strength"], rows["a"]["events"]) == (4 / 2 + 1, 5)
    assert (rows["b"]["strength"], rows["b"]["negative"]) == (0.5, 2.5)
    assert rows["c"]["strength"] == 1
    report = result.report
    assert (report.events, report.max_events_per_day) == (8, 3)
    assert (report.users_capped, report.days_capped, report.events_cut) == (1, 1, 3)
    assert "3 events cut: 1 users had more than 3 events on 1 days" in report.lines()


def test_the_cap_finds_a_bot_by_itself(spark: SparkSession) -> None:
    """Of 201 user-days all but one have one event, so that a hundred count of the bot's 400."""
    people = [event("view", user=f"u{n}") for n in range(200)]
    bot = [event("view", user="bot", item=f"i{n}") for n in range(400)]
    result = build_interactions(log(spark, *people, *bot), cutoff=CUTOFF, settings=FeatureSettings(**PLAIN))
    assert (result.report.max_events_per_day, result.report.users_capped, result.report.events_cut) == (100, 1, 300)
    strengths = {(row["user_id"], row["item_id"]): row["strength"] for row in result.frame.collect()}
    assert (strengths["bot", "i7"], strengths["u7", "a"]) == (0.25, 1)


def test_a_consumed_item_is_seen_and_where_nothing_is_consumed_any_item(spark: SparkSession) -> None:
    views = [event("view"), event("cart", item="b")]
    rows = built(spark, *views, event("purchase", item="b"), event("dislike", item="c"))
    assert {item: row["seen"] for item, row in rows.items()} == {"a": False, "b": True, "c": True}
    assert {item: row["seen"] for item, row in built(spark, *views).items()} == {"a": True, "b": True}
    rows = built(spark, *views, consuming_events=["cart"])
    assert {item: row["seen"] for item, row in rows.items()} == {"a": False, "b": True}


def test_the_report_says_what_was_taken_for_granted(spark: SparkSession) -> None:
    def lines(*events: Event) -> list[str]:
        return build_interactions(log(spark, *events), cutoff=CUTOFF, settings=FeatureSettings()).report.lines()

    assert lines(event("rating", 4.0), event("rating", 0.5), event("view")) == [
        "3 events before the cutoff",
        "ratings from 0.5 to 4",
        "seen is what has an event of type rating",
    ]
    assert lines(event("view")) == ["1 events before the cutoff", "seen is what has an event of type any"]


def test_the_cutoff_is_not_in_and_untimed_events_go_by_their_day(spark: SparkSession) -> None:
    events = [
        event("view", days_ago=1e-6 / 86_400, item="a microsecond before"),
        event("view", days_ago=0, item="at the cutoff"),
        event("view", days_ago=1, item="ingested the day before", timed=False),
        event("view", days_ago=0, item="ingested that day", timed=False),
    ]
    assert set(built(spark, *events)) == {"a microsecond before", "ingested the day before"}
    assert len(built(spark, *events, cutoff=None)) == 4


def test_the_day_of_untimed_events_is_counted_in_the_zone_of_the_cutoff(spark: SparkSession) -> None:
    """In Berlin, 9 March ends at 23:00 UTC: an event of half past is not in, a file ingested on the 9th is."""
    berlin = dt.datetime(2024, 3, 10, tzinfo=ZoneInfo("Europe/Berlin"))
    events = [event("view", days_ago=0.5 / 24, item="late"), event("view", item="untimed", timed=False)]
    assert set(built(spark, *events, cutoff=berlin)) == {"untimed"}


def test_a_cutoff_without_a_zone_is_refused(spark: SparkSession) -> None:
    with pytest.raises(ValueError, match="time zone"):
        build_interactions(log(spark, event("view")), cutoff=dt.datetime(2024, 3, 10), settings=FeatureSettings())


def test_no_events_give_no_interactions(spark: SparkSession) -> None:
    result = build_interactions(log(spark), cutoff=CUTOFF, settings=FeatureSettings(half_life_days=5))
    assert result.frame.collect() == []
    assert result.report.events == 0


few = settings(max_examples=5, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
BUSY = FeatureSettings(half_life_days=3.3, max_events_per_day=5, value_quantile=0.9)


@st.composite
def random_logs(draw: st.DrawFn, first_day: float = 0.001, last_day: float = 4.0) -> list[Event]:
    random_source = random.Random(draw(st.integers(0, 2**32)))
    return [
        event(
            random_source.choice(["view", "play", "rating", "dislike", "read", "purchase"]),
            random_source.choice([None, random_source.lognormvariate(1, 1)]),
            days_ago=random_source.uniform(first_day, last_day),
            user=f"u{random_source.randrange(4)}",
            item=f"i{random_source.randrange(5)}",
            timed=random_source.random() < 0.8,
        )
        for _ in range(draw(st.integers(1, 120)))
    ]


def rows_of(frame: DataFrame) -> list[Row]:
    return sorted(frame.collect(), key=lambda row: (row["user_id"], row["item_id"]))


@few
@given(random_logs(), st.randoms(use_true_random=False))
def test_neither_order_nor_partitions_change_anything(
    spark: SparkSession, events: list[Event], shuffler: random.Random
) -> None:
    one = build_interactions(log(spark, *events).coalesce(1), cutoff=CUTOFF, settings=BUSY)
    shuffler.shuffle(events)
    other = build_interactions(log(spark, *events).repartition(7), cutoff=CUTOFF, settings=BUSY)
    assert rows_of(one.frame) == rows_of(other.frame)
    assert one.report == other.report


@few
@given(random_logs(), random_logs(first_day=-4.0, last_day=-0.001))
def test_nothing_at_or_after_the_cutoff_changes_anything(
    spark: SparkSession, before: list[Event], after: list[Event]
) -> None:
    after += [event("play", 1e6, days_ago=0)]
    without = build_interactions(log(spark, *before), cutoff=CUTOFF, settings=BUSY)
    with_them = build_interactions(log(spark, *before, *after), cutoff=CUTOFF, settings=BUSY)
    assert rows_of(without.frame) == rows_of(with_them.frame)
    assert without.report == with_them.report


def test_the_profile_is_the_only_query_where_nothing_is_cut(spark: SparkSession, jobs_of: Callable[..., int]) -> None:
    """Adaptive execution runs each of the profile's three shuffles as a job; cuts cost a query each."""
    calm = log(spark, event("play", 2.0), event("view"))
    assert jobs_of(lambda: build_interactions(calm, cutoff=CUTOFF, settings=FeatureSettings())) <= 4
    busy = log(spark, *[event("play", float(n)) for n in range(1, 50)])
    assert jobs_of(lambda: build_interactions(busy, cutoff=CUTOFF, settings=BUSY)) <= 4 + 4 + 2

"""Splits: nothing leaks, nothing is lost, and the order of the rows does not matter."""

import datetime as dt
from zoneinfo import ZoneInfo

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pyspark.sql import DataFrame, SparkSession

from repertoire.evaluation.leave_last_split import leave_last
from repertoire.evaluation.temporal_split import split_at
from repertoire.evaluation.user_hash_split import hold_back

CUTOFF = dt.datetime(2024, 3, 10, tzinfo=dt.UTC)
DDL = "id int, user_id string, item_id string, event_ts timestamp, event_date date"

few = settings(max_examples=8, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


def ids(frame: DataFrame) -> set[int]:
    return {row["id"] for row in frame.select("id").collect()}


def at(*moment: int) -> dt.datetime:
    return dt.datetime(2024, 3, *moment, tzinfo=dt.UTC)


def timed(spark: SparkSession) -> DataFrame:
    rows = [
        (1, "u", "a", at(9, 23, 59, 59, 999_999), dt.date(2024, 3, 9)),
        (2, "u", "b", at(10), dt.date(2024, 3, 10)),
        (3, "v", "a", at(11), dt.date(2024, 3, 11)),
        (4, "v", "b", None, dt.date(2024, 3, 9)),
        (5, "v", "c", None, dt.date(2024, 3, 10)),
    ]
    return spark.createDataFrame(rows, DDL)


@pytest.mark.quick
def test_the_cutoff_itself_is_held_back_and_untimed_events_are_on_neither_side(spark: SparkSession) -> None:
    split = split_at(timed(spark), CUTOFF)
    assert (ids(split.train), ids(split.holdout)) == ({1}, {2, 3})


def test_untimed_events_of_earlier_days_are_learnt_from_on_request(spark: SparkSession) -> None:
    split = split_at(timed(spark), CUTOFF, keep_untimed=True)
    assert (ids(split.train), ids(split.holdout)) == ({1, 4}, {2, 3})


def test_the_day_of_untimed_events_is_counted_in_the_zone_of_the_cutoff(spark: SparkSession) -> None:
    # Midnight in Berlin is 23:00 UTC of the day before; untimed events of 9 March were ingested before it.
    berlin = dt.datetime(2024, 3, 10, tzinfo=ZoneInfo("Europe/Berlin"))
    split = split_at(timed(spark), berlin, keep_untimed=True)
    assert (ids(split.train), ids(split.holdout)) == ({4}, {1, 2, 3})


def test_a_cutoff_without_a_zone_is_refused(spark: SparkSession) -> None:
    with pytest.raises(ValueError, match="time zone"):
        split_at(timed(spark), dt.datetime(2024, 3, 10))


moments = st.none() | st.datetimes(dt.datetime(2024, 3, 9, 22), dt.datetime(2024, 3, 10, 2), timezones=st.just(dt.UTC))


@few
@given(st.lists(moments, max_size=30), st.booleans())
def test_no_held_back_event_is_earlier_than_one_that_is_learnt_from(
    spark: SparkSession, times: list[dt.datetime | None], keep: bool
) -> None:
    rows = [(n, "u", "a", time, (time or at(9)).date()) for n, time in enumerate(times)]
    split = split_at(spark.createDataFrame(rows, DDL), CUTOFF, keep_untimed=keep)
    train, holdout = split.train.collect(), split.holdout.collect()
    placed = [row["id"] for row in (*train, *holdout)]
    wanted = [n for n, time in enumerate(times) if time or keep]
    assert sorted(placed) == wanted
    latest = max((row["event_ts"] for row in train if row["event_ts"]), default=None)
    assert latest is None or all(row["event_ts"] > latest for row in holdout)


logs = st.lists(st.tuples(st.sampled_from("uvw"), st.integers(0, 12).map(str)), min_size=1, max_size=60)


@few
@given(logs, st.sampled_from([0.1, 0.2, 0.5, 0.9]), st.integers(0, 2**31))
def test_a_share_of_every_users_pairs_is_held_back_whole(
    spark: SparkSession, log: list[tuple[str, str]], share: float, seed: int
) -> None:
    events = spark.createDataFrame([(n, *pair) for n, pair in enumerate(log)], "id int, user_id string, item_id string")
    split = hold_back(events, share=share, seed=seed)
    rows = [frame.collect() for frame in split]
    assert sorted(row["id"] for row in rows[0] + rows[1]) == list(range(len(log)))
    assert split.train.columns == events.columns
    for user in {user for user, _ in log}:
        train, holdout = ({row["item_id"] for row in side if row["user_id"] == user} for side in rows)
        pairs = len({item for of, item in log if of == user})
        assert not train & holdout
        assert len(holdout) == int(round(share * pairs, 9))
        assert train

    shuffled = hold_back(events.orderBy("item_id").repartition(3), share=share, seed=seed)
    assert ids(shuffled.holdout) == {row["id"] for row in rows[1]}


def test_the_share_is_exact_where_floating_point_is_not(spark: SparkSession) -> None:
    events = spark.createDataFrame([(n, "u", str(n)) for n in range(100)], "id int, user_id string, item_id string")
    assert 0.29 * 100 < 29
    assert hold_back(events, share=0.29, seed=1).holdout.count() == 29


def test_another_seed_holds_back_other_pairs(spark: SparkSession) -> None:
    events = spark.createDataFrame([(n, "u", str(n)) for n in range(100)], "id int, user_id string, item_id string")
    held_back = [ids(hold_back(events, share=0.5, seed=seed).holdout) for seed in (1, 2)]
    # Two independent halves of 100 share 25 on average; 40 or more happen once in a billion times.
    assert len(held_back[0] & held_back[1]) < 40


@pytest.mark.parametrize("share", [0.0, 1.0, -0.1])
def test_a_share_outside_0_and_1_is_refused(spark: SparkSession, share: float) -> None:
    with pytest.raises(ValueError, match="between 0 and 1"):
        hold_back(timed(spark), share=share, seed=1)


def test_the_last_works_of_each_user_are_held_back(spark: SparkSession) -> None:
    """u turned to a, then b, then came back to a: b is the last new one. v's untimed one is the oldest. w has one only."""
    day = dt.date(2024, 3, 10)
    rows = [
        (1, "u", "a", at(1), day),
        (2, "u", "b", at(2), day),
        (3, "u", "a", at(3), day),
        (4, "v", "x", None, day),
        (5, "v", "y", at(1), day),
        (6, "w", "a", at(1), day),
    ]
    events = spark.createDataFrame(rows, DDL)
    split = leave_last(events, 1)
    assert (ids(split.train), ids(split.holdout)) == ({1, 3, 4, 6}, {2, 5})
    assert split.train.columns == events.columns
    two = leave_last(events, 2)
    assert (ids(two.train), ids(two.holdout)) == ({1, 2, 3, 4, 5, 6}, set()), "nothing would be left to learn from"


def test_fewer_than_one_work_cannot_be_held_back(spark: SparkSession) -> None:
    with pytest.raises(ValueError, match="positive, received 0"):
        leave_last(timed(spark), 0)

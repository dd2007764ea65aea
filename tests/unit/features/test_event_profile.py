"""The profile of a log: quantiles, scales, caps."""

import datetime as dt
import random
from collections.abc import Callable

import pytest
from pyspark.sql import DataFrame, SparkSession

from repertoire.features.event_profile import ValueProfile, profile_events
from repertoire.settings import FeatureSettings

DDL = "user_id string, event_type string, event_date date, value double"
DAY = dt.date(2024, 3, 9)


def plays(spark: SparkSession, values: list[float | None], event_type: str = "play") -> DataFrame:
    return spark.createDataFrame([("u", event_type, DAY, value) for value in values], DDL)


def test_what_occurs_is_counted(spark: SparkSession) -> None:
    rows = [
        ("u", "view", DAY, None),
        ("u", "view", DAY, None),
        ("v", "rating", DAY + dt.timedelta(days=2), 4.0),
        ("v", "rating", DAY, 1.5),
        ("v", "purchase", DAY, 10.0),
    ]
    profile = profile_events(spark.createDataFrame(rows, DDL), FeatureSettings())
    assert profile.events == {"view": 2, "rating": 2, "purchase": 1}
    assert profile.newest == DAY + dt.timedelta(days=2)
    assert profile.rating_scale == (1.5, 4.0)
    assert profile.seen_types == ("purchase", "rating")
    assert profile.busiest_day == 2
    assert profile.max_events_per_day == 100
    assert profile.valued == {}


def test_a_log_without_events_has_a_profile(spark: SparkSession) -> None:
    profile = profile_events(spark.createDataFrame([], DDL), FeatureSettings())
    assert (profile.events, profile.newest, profile.rating_scale, profile.seen_types) == ({}, None, None, ())
    assert (profile.busiest_day, profile.max_events_per_day) == (0, 100)


def test_median_and_cut_leave_out_what_is_no_number(spark: SparkSession) -> None:
    """Of 1, 2, …, 101 the median is 51, and nine tenths lie at 91 or below."""
    frame = plays(spark, [*map(float, range(1, 102)), None, float("nan"), float("inf"), float("-inf")])
    profile = profile_events(frame, FeatureSettings(value_quantile=0.9))
    assert profile.valued == {"play": ValueProfile(median=51, cut=91, highest=101)}


@pytest.mark.parametrize(
    ("value", "rounded"),
    [
        (7.0, 7.0),
        (1.1, 1.1),
        (9999.0, 9999.0),
        (12344.0, 12350.0),
        (20_000.0, 20_000.0),
        (0.123456, 0.1235),
        (3e12, 3e12),
    ],
)
def test_quantiles_have_four_digits_rounded_up(spark: SparkSession, value: float, rounded: float) -> None:
    """So that the cut of values that are all equal cuts none of them."""
    found = profile_events(plays(spark, [value] * 3), FeatureSettings()).valued["play"]
    assert (found.median, found.cut) == pytest.approx((rounded, rounded), rel=1e-15)
    assert found.highest <= found.cut


@pytest.mark.parametrize("values", [[None, None], [0.0, 0.0, 5.0], [-3.0]])
def test_a_type_without_a_positive_median_does_not_go_by_value(spark: SparkSession, values: list[float | None]) -> None:
    assert profile_events(plays(spark, values), FeatureSettings()).valued == {}


def test_settings_come_before_what_occurs(spark: SparkSession) -> None:
    frame = plays(spark, [2.0, 4.0], "rating")
    settings = FeatureSettings(rating_scale=(1, 5), max_events_per_day=7, valued_events=["rating"])
    profile = profile_events(frame, settings)
    assert (profile.rating_scale, profile.max_events_per_day, profile.valued) == ((1, 5), 7, {})


def test_the_daily_cap_is_ten_times_the_99th_percentile_of_days(spark: SparkSession) -> None:
    """101 user-days with 1, 2, …, 101 events: 99 of a hundred have 100 or fewer, so 1,000 are allowed."""
    days = [(user, 1, user) for user in range(101)]
    rows = [(f"u{user}", "view", DAY, None) for user, _, last in days for _ in range(last + 1)]
    profile = profile_events(spark.createDataFrame(rows, DDL), FeatureSettings())
    assert (profile.busiest_day, profile.max_events_per_day) == (101, 1000)


def test_neither_order_nor_partitions_change_the_profile(spark: SparkSession) -> None:
    values = [random.Random(4).lognormvariate(3, 2) for _ in range(300)]
    profiles = [
        profile_events(plays(spark, of).repartition(partitions), FeatureSettings())
        for of, partitions in ((values, 1), (sorted(values), 7))
    ]
    assert profiles[0] == profiles[1]


def test_one_query(spark: SparkSession, jobs_of: Callable[..., int]) -> None:
    """Adaptive execution runs each of its three shuffles as a job of its own."""
    frame = plays(spark, [1.0, 2.0])
    assert jobs_of(lambda: profile_events(frame, FeatureSettings())) <= 4

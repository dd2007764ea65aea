"""Intervals: those of scipy on the same data, and as often right as they say."""

import numpy as np
import pandas as pd
import pytest
from pyspark.sql import SparkSession
from scipy import stats

from repertoire.evaluation.intervals import corrected, jackknife_interval, mean_intervals, with_differences
from repertoire.evaluation.measurement import Measurement

PAIRS = [("ours", "popular"), ("random", "popular")]
METRICS_DDL = "model string, user_id string, k int, recall double, ndcg double"


def test_means_and_intervals_are_those_of_scipys_bootstrap(spark: SparkSession) -> None:
    """Among some hundreds of users few share a group, so that resampling groups is nearly resampling users."""
    rng = np.random.default_rng(3)
    users = 600
    values = {(model, k): rng.beta(0.5, 3, (users, 2)) for model in ("a", "b") for k in (5, 10)}
    rows = [
        (model, f"u{user}", k, *map(float, row))
        for (model, k), table in values.items()
        for user, row in enumerate(table)
    ]
    found = mean_intervals(spark.createDataFrame(rows, METRICS_DDL), confidence=0.9)
    assert len(found) == 8
    for one in found:
        sample = values[one.model, one.k][:, ["recall", "ndcg"].index(one.metric)]
        wanted = stats.bootstrap(
            (sample,),
            np.mean,
            confidence_level=0.9,
            n_resamples=4000,
            method="percentile",
            rng=np.random.default_rng(1),
        ).confidence_interval
        assert one.value == pytest.approx(sample.mean(), abs=1e-11)
        width = wanted.high - wanted.low
        assert (one.low, one.high) == pytest.approx((wanted.low, wanted.high), abs=0.12 * width)
        assert one.users == users


def test_the_same_users_have_the_same_interval_on_any_partitions(spark: SparkSession) -> None:
    rows = [("m", f"u{n}", 5, n / 7 % 1, 0.5) for n in range(200)]
    frame = spark.createDataFrame(rows, METRICS_DDL)
    assert mean_intervals(frame.repartition(7)) == mean_intervals(frame.coalesce(1))
    assert mean_intervals(frame, seed=1) != mean_intervals(frame, seed=2)


def test_a_user_without_a_value_does_not_count(spark: SparkSession) -> None:
    rows = [("m", "u", 5, 0.25, None), ("m", "v", 5, 0.75, 0.5)]
    found = mean_intervals(spark.createDataFrame(rows, METRICS_DDL))
    assert [(one.metric, one.value, one.users) for one in found] == [("recall", 0.5, 2), ("ndcg", 0.5, 1)]
    gaps = with_differences(
        spark.createDataFrame([*rows, ("other", "u", 5, 0.0, 0.1), ("other", "v", 5, 0.0, 0.1)], METRICS_DDL),
        ["m", "other"],
        [("m", "other")],
    )
    gap = {one.metric: (one.value, one.users) for one in mean_intervals(gaps) if one.model == "m - other"}
    assert gap == {"recall": (0.5, 2), "ndcg": (0.4, 1)}


def test_a_single_user_has_no_interval_and_no_user_no_row(spark: SparkSession) -> None:
    one = mean_intervals(spark.createDataFrame([("m", "u", 5, 0.25, 1.0)], METRICS_DDL))
    assert one == [
        Measurement("m", "recall", 5, 0.25, None, None, 1),
        Measurement("m", "ndcg", 5, 1.0, None, None, 1),
    ]
    assert mean_intervals(spark.createDataFrame([], METRICS_DDL)) == []


def test_ninety_five_of_a_hundred_intervals_hold_the_mean(spark: SparkSession) -> None:
    """Each of 1,000 samples of 60 users enters as a model of its own; recall is skewed, as recall is."""
    samples, users = 1000, 60
    recall = np.random.default_rng(11).beta(0.5, 2, (samples, users))
    rows = pd.DataFrame(
        {
            "model": np.repeat([f"sample {n}" for n in range(samples)], users),
            "user_id": np.tile([f"u{n}" for n in range(users)], samples),
            "k": 10,
            "recall": recall.ravel(),
        }
    )
    found = mean_intervals(spark.createDataFrame(rows))
    holding = [one.low <= 0.2 <= one.high for one in found if one.low is not None and one.high is not None]
    assert len(holding) == samples
    assert 0.93 <= np.mean(holding) <= 0.97


def test_a_paired_difference_is_taken_user_by_user(spark: SparkSession) -> None:
    """Users differ much, models little: the models' own intervals overlap, that of the difference leaves out 0."""
    rng = np.random.default_rng(5)
    ease = rng.uniform(0, 0.8, 40)
    recall = {"ours": ease + rng.normal(0.05, 0.02, 40), "popular": ease, "random": ease * 0.5}
    rows = [(model, f"u{n}", 10, float(of[n]), float(n)) for model, of in recall.items() for n in range(40)]
    frame = spark.createDataFrame(rows, METRICS_DDL)
    found = {
        one.model: one
        for one in mean_intervals(with_differences(frame, recall, PAIRS), PAIRS)
        if one.metric == "recall"
    }
    assert set(found) == {"ours", "popular", "random", "ours - popular", "random - popular"}
    for name in ("ours", "random"):
        gap = recall[name] - ease
        one = found[f"{name} - popular"]
        assert one.value == pytest.approx(gap.mean(), abs=1e-11)
        assert one.p_value == pytest.approx(stats.ttest_rel(recall[name], ease).pvalue, rel=1e-6, abs=1e-8)
        assert one.low is not None
        assert one.low < gap.mean() < one.high
        assert one.users == 40
    for name, values in recall.items():
        assert found[name].value == pytest.approx(values.mean(), abs=1e-11)
    assert found["popular"].high > found["ours"].low
    assert found["ours - popular"].low > 0


def test_the_jackknife_of_a_mean_is_the_t_interval() -> None:
    """Leaving out one of G values at a time, it is the textbook's interval for the mean of G values."""
    values = np.array([3.0, 5.0, 4.0, 8.0, 1.0])
    replicates = [float(np.delete(values, n).mean()) for n in range(5)]
    wanted = stats.t.interval(0.95, 4, loc=values.mean(), scale=stats.sem(values))
    assert jackknife_interval(float(values.mean()), replicates, 0.95) == pytest.approx(wanted)


def test_the_jackknife_needs_two_groups() -> None:
    assert jackknife_interval(0.5, [], 0.95) == (None, None)
    assert jackknife_interval(0.5, [0.4], 0.95) == (None, None)


def test_the_jackknife_of_coverage_errs_to_the_safe_side() -> None:
    """Users draw 5 of 300 items by popularity; the mean over many such draws is what the intervals should hold."""
    rng = np.random.default_rng(2)
    popularity = 1 / np.arange(1, 301)
    shares, intervals = [], []
    for _ in range(200):
        keys = np.log(popularity) + rng.gumbel(size=(200, 300))
        lists = np.argsort(-keys, axis=1)[:, :5]
        group = rng.integers(0, 30, 200)
        shown = len(np.unique(lists))
        replicates = [len(np.unique(lists[group != g])) / 300 for g in np.unique(group)]
        shares.append(shown / 300)
        intervals.append(jackknife_interval(shown / 300, replicates, 0.95))
    holding = [low <= np.mean(shares) <= high for low, high in intervals if low is not None and high is not None]
    assert np.mean(holding) >= 0.95
    width = np.mean([high - low for low, high in intervals if low is not None and high is not None])
    assert width < 2 * 2 * 2.045 * np.std(shares)


def test_p_values_are_corrected_by_holms_rule() -> None:
    """Holm by hand: .01 of four is .04, .02 of three .06, .03 of two .06, .04 of one would fall back to .04."""
    given = [0.02, None, 0.01, 0.04, 0.03]
    found = corrected([Measurement("a - b", "ndcg", 5, 0.1, None, None, 9, None, p) for p in given])
    assert [one.p_value for one in found] == pytest.approx([0.06, None, 0.04, 0.06, 0.06])


def test_a_difference_that_is_the_same_for_everybody(spark: SparkSession) -> None:
    rows = [(model, f"u{n}", 5, value, 0.5) for model, value in (("a", 0.75), ("b", 0.5)) for n in range(9)]
    pairs = [("a", "b")]
    found = mean_intervals(with_differences(spark.createDataFrame(rows, METRICS_DDL), "ab", pairs), pairs)
    gap = {one.metric: one.p_value for one in found if one.model == "a - b"}
    assert gap == {"recall": 0.0, "ndcg": 1.0}

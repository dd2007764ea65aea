"""Intervals: those of scipy on the same data, and as often right as they say."""

import numpy as np
import pandas as pd
import pytest
from pyspark.sql import SparkSession
from scipy import stats

from repertoire.evaluation.intervals import jackknife_interval, mean_intervals, with_differences
from repertoire.evaluation.measurement import Measurement

METRICS_DDL = "model string, user_id string, k int, recall double, ndcg double"


def test_means_and_intervals_are_those_of_scipy(spark: SparkSession) -> None:
    rng = np.random.default_rng(3)
    values = {(model, k): rng.beta(1, 4, (25, 2)) for model in ("a", "b") for k in (5, 10)}
    rows = [
        (model, f"u{user}", k, *map(float, row))
        for (model, k), table in values.items()
        for user, row in enumerate(table)
    ]
    found = mean_intervals(spark.createDataFrame(rows, METRICS_DDL), confidence=0.9)
    assert len(found) == 8
    for one in found:
        sample = values[one.model, one.k][:, ["recall", "ndcg"].index(one.metric)]
        wanted = stats.t.interval(0.9, 24, loc=sample.mean(), scale=stats.sem(sample))
        assert (one.value, one.low, one.high) == pytest.approx((sample.mean(), *wanted), abs=1e-11)
        assert one.users == 25


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
        for one in mean_intervals(with_differences(frame, recall, baseline="popular"))
        if one.metric == "recall"
    }
    assert set(found) == {"ours", "popular", "random", "ours - popular", "random - popular"}
    for name in ("ours", "random"):
        gap = recall[name] - ease
        one = found[f"{name} - popular"]
        wanted = stats.t.interval(0.95, 39, loc=gap.mean(), scale=stats.sem(gap))
        assert (one.value, one.low, one.high) == pytest.approx((gap.mean(), *wanted), abs=1e-11)
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

"""All figures of several models together: complete, in order, paired, in few jobs."""

from collections.abc import Callable
from typing import Any

import pytest
from pyspark.sql import DataFrame, SparkSession

from repertoire.evaluation.measure import measure
from repertoire.evaluation.measurement import Measurement
from repertoire.evaluation.ranking_metrics import METRICS

LISTS = "user_id string, item_id string, rank int"
TRUTH = "user_id string, item_id string"


@pytest.fixture(scope="module")
def ours(spark: SparkSession) -> DataFrame:
    return spark.createDataFrame([("u", "a", 1), ("u", "b", 2), ("v", "c", 1), ("v", "a", 2)], LISTS)


@pytest.fixture(scope="module")
def popular(spark: SparkSession) -> DataFrame:
    return spark.createDataFrame([(user, item, n) for user in "uvw" for n, item in enumerate("ab", 1)], LISTS)


@pytest.fixture(scope="module")
def truth(spark: SparkSession) -> DataFrame:
    return spark.createDataFrame([("u", "a"), ("v", "c"), ("w", "b")], TRUTH)


def value(found: list[Measurement], model: str, metric: str, k: int) -> float | None:
    (one,) = [one for one in found if (one.model, one.metric, one.k) == (model, metric, k)]
    return one.value


@pytest.mark.quick
def test_every_figure_by_hand(ours: DataFrame, popular: DataFrame, truth: DataFrame) -> None:
    """Ours finds u's and v's item at 1; popular finds u's at 1 and w's at 2. Of 10 items ours shows 3, popular 2."""
    found = measure({"ours": ours, "popular": popular}, truth, 10, [1, 2], baseline="popular")
    assert [(one.model, one.k, one.metric) for one in found] == [
        (model, k, metric)
        for model in ("ours", "popular", "ours - popular")
        for k in (1, 2)
        for metric in (*METRICS, "coverage")
    ]
    assert value(found, "ours", "recall", 1) == pytest.approx(2 / 3)
    assert value(found, "popular", "recall", 1) == pytest.approx(1 / 3)
    assert value(found, "popular", "mrr", 2) == pytest.approx((1 + 0 + 1 / 2) / 3)
    assert value(found, "ours - popular", "mrr", 2) == pytest.approx((0 + 1 - 1 / 2) / 3)
    assert value(found, "ours", "coverage", 2) == 0.3
    assert value(found, "ours - popular", "coverage", 2) == pytest.approx(0.1)
    assert {one.users for one in found if one.metric == "ndcg"} == {3}


def test_one_model_alone_has_the_same_figures(ours: DataFrame, popular: DataFrame, truth: DataFrame) -> None:
    together = measure({"ours": ours, "popular": popular}, truth, 10, [2], baseline="popular")
    assert measure({"ours": ours}, truth, 10, [2]) == [one for one in together if one.model == "ours"]


def test_an_empty_truth_measures_coverage_only(spark: SparkSession, ours: DataFrame) -> None:
    found = measure({"ours": ours}, spark.createDataFrame([], TRUTH), 10, [1])
    assert [one.metric for one in found] == [*METRICS, "coverage"]
    assert {(one.value, one.low, one.high, one.users) for one in found[:-1]} == {(None, None, None, 0)}
    assert found[-1].value == 0.2


def test_gains_add_graded_ndcg(spark: SparkSession, ours: DataFrame) -> None:
    truth = spark.createDataFrame([("u", "a", 1.0), ("u", "b", 3.0)], TRUTH + ", gain double")
    assert [one.metric for one in measure({"ours": ours}, truth, None, [1])] == [*METRICS, "graded_ndcg"]


def test_an_unknown_baseline_is_refused(ours: DataFrame, truth: DataFrame) -> None:
    with pytest.raises(ValueError, match='"best" is not among the models: ours'):
        measure({"ours": ours}, truth, 10, [1], baseline="best")


def test_more_models_do_not_start_more_jobs(
    spark: SparkSession,
    tmp_path: Any,
    ours: DataFrame,
    popular: DataFrame,
    truth: DataFrame,
    jobs_of: Callable[..., int],
) -> None:
    """Two queries; adaptive execution runs each shuffle or broadcast of a query as a job of its own."""
    for name, frame in {"ours": ours, "popular": popular, "truth": truth}.items():
        frame.write.parquet(str(tmp_path / name))
    ours, popular, truth = (spark.read.parquet(str(tmp_path / name)) for name in ("ours", "popular", "truth"))
    assert jobs_of(lambda: measure({"ours": ours}, truth, 10, [1, 2])) <= 8
    both = {"ours": ours, "popular": popular}
    assert jobs_of(lambda: measure(both, truth, 10, [1, 2], baseline="popular")) <= 8

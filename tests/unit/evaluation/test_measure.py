"""All figures of several models together: complete, in order, paired, in few jobs."""

from collections.abc import Callable
from typing import Any

import pytest
from pyspark.sql import DataFrame, SparkSession

from repertoire.evaluation.background import Background
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
    found = measure(
        {"ours": ours, "popular": popular}, truth, [1, 2], Background(catalogue_size=10), baselines=["popular"]
    )
    assert [(one.model, one.k, one.metric) for one in found] == [
        (model, k, metric)
        for model in ("ours", "popular", "ours - popular")
        for k in (1, 2)
        for metric in (*METRICS, "auc", "sufficient", "coverage", "gini")
    ]
    assert value(found, "ours", "recall", 1) == pytest.approx(2 / 3)
    assert value(found, "popular", "recall", 1) == pytest.approx(1 / 3)
    assert value(found, "popular", "mrr", 2) == pytest.approx((1 + 0 + 1 / 2) / 3)
    assert value(found, "ours - popular", "mrr", 2) == pytest.approx((0 + 1 - 1 / 2) / 3)
    assert value(found, "ours", "coverage", 2) == 0.3
    assert value(found, "ours - popular", "coverage", 2) == pytest.approx(0.1)
    assert {one.users for one in found if one.metric == "ndcg"} == {3}


def test_one_model_alone_has_the_same_figures(ours: DataFrame, popular: DataFrame, truth: DataFrame) -> None:
    together = measure(
        {"ours": ours, "popular": popular}, truth, [2], Background(catalogue_size=10), baselines=["popular"]
    )
    assert measure({"ours": ours}, truth, [2], Background(catalogue_size=10)) == [
        one for one in together if one.model == "ours"
    ]


def test_an_empty_truth_leaves_what_needs_none(spark: SparkSession, ours: DataFrame) -> None:
    found = measure({"ours": ours}, spark.createDataFrame([], TRUTH), [1], Background(catalogue_size=10))
    assert [one.metric for one in found] == [*METRICS, "auc", "sufficient", "coverage", "gini"]
    assert {(one.value, one.low, one.high, one.users) for one in found[:-3]} == {(None, None, None, 0)}
    assert [one.value for one in found[-3:]] == pytest.approx([1.0, 0.2, 0.8])


def test_gains_add_graded_ndcg(spark: SparkSession, ours: DataFrame) -> None:
    truth = spark.createDataFrame([("u", "a", 1.0), ("u", "b", 3.0)], TRUTH + ", gain double")
    assert [one.metric for one in measure({"ours": ours}, truth, [1])] == [*METRICS, "graded_ndcg", "sufficient"]


def test_an_unknown_baseline_is_refused(ours: DataFrame, truth: DataFrame) -> None:
    with pytest.raises(ValueError, match='"best" is not among the models: ours'):
        measure({"ours": ours}, truth, [1], baselines=["best"])


def test_more_models_do_not_start_more_jobs(
    spark: SparkSession,
    tmp_path: Any,
    ours: DataFrame,
    popular: DataFrame,
    truth: DataFrame,
    jobs_of: Callable[..., int],
) -> None:
    """Four queries; adaptive execution runs each shuffle or broadcast of a query as a job of its own."""
    for name, frame in {"ours": ours, "popular": popular, "truth": truth}.items():
        frame.write.parquet(str(tmp_path / name))
    ours, popular, truth = (spark.read.parquet(str(tmp_path / name)) for name in ("ours", "popular", "truth"))
    of_ten = Background(catalogue_size=10)
    assert jobs_of(lambda: measure({"ours": ours}, truth, [1, 2], of_ten)) <= 16
    both = {"ours": ours, "popular": popular}
    assert jobs_of(lambda: measure(both, truth, [1, 2], of_ten, baselines=["popular"])) <= 16


def test_each_part_of_the_background_brings_its_metrics(spark: SparkSession, ours: DataFrame, truth: DataFrame) -> None:
    history = spark.createDataFrame([("u", "x"), ("v", "a"), ("w", "a")], TRUTH)
    tags = spark.createDataFrame([("a", ["jazz"]), ("b", ["rock"])], "item_id string, tags array<string>")

    def metrics(background: Background) -> set[str]:
        return {one.metric for one in measure({"ours": ours}, truth, [2], background)} - set(METRICS)

    assert metrics(Background()) == {"sufficient"}
    of_history = {"sufficient", "novelty", "popularity", "popularity_lift", "serendipity"}
    assert metrics(Background(history=history)) == of_history
    assert metrics(Background(tags=tags)) == {"sufficient", "diversity"}
    assert metrics(Background(history=history, tags=tags)) == of_history | {"diversity", "miscalibration"}
    assert metrics(Background(catalogue_size=10)) == {"sufficient", "auc", "coverage", "gini"}


def test_segments_have_the_figures_of_their_users(spark: SparkSession, ours: DataFrame, truth: DataFrame) -> None:
    """u and v hit at 1, w has no list: recall is 1 in France, 1/2 for the young."""
    segments = spark.createDataFrame(
        [("u", "country=FR"), ("v", "age=young"), ("w", "age=young")], "user_id string, segment string"
    )
    found = measure({"ours": ours}, truth, [1], Background(segments=segments, catalogue_size=10))
    recall = {one.segment: (one.value, one.users) for one in found if one.metric == "recall"}
    assert recall == {None: (pytest.approx(2 / 3), 3), "country=FR": (1.0, 1), "age=young": (0.5, 2)}
    assert {one.segment for one in found if one.metric in ("coverage", "gini")} == {None}


def test_p_values_are_corrected_for_all_differences_of_the_call(
    spark: SparkSession, ours: DataFrame, popular: DataFrame, truth: DataFrame
) -> None:
    found = measure({"ours": ours, "popular": popular}, truth, [1, 2], baselines=["popular"])
    tested = [one for one in found if one.p_value is not None]
    assert {one.model for one in tested} == {"ours - popular"}
    assert len(tested) == 14
    # The users' differences in recall at 1 are 0, 1, 0: t = 1 with 2 degrees of freedom, p = 0.42; times 14 it is 1.
    assert {one.p_value for one in tested if one.metric == "recall" and one.k == 1} == {1.0}


def test_two_baselines_are_compared_once(ours: DataFrame, popular: DataFrame, truth: DataFrame) -> None:
    lists = {"ours": ours, "popular": popular, "published": ours}
    found = measure(lists, truth, [1], baselines=["popular", "published"])
    differences = [name for name in dict.fromkeys(one.model for one in found) if " - " in name]
    assert differences == ["ours - popular", "published - popular", "ours - published"]

"""Metrics: by hand, against a few lines of Python, and against scikit-learn."""

import math
from collections.abc import Mapping

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pyspark.sql import DataFrame, SparkSession
from sklearn.metrics import ndcg_score, roc_auc_score

from repertoire.evaluation.background import Background
from repertoire.evaluation.ranking_metrics import GRADED_METRICS, METRICS, user_metrics

Figures = dict[tuple[str, int], dict[str, float]]
Lists = Mapping[str, list[str]]  # user → items, best first
Truth = Mapping[str, Mapping[str, float]]  # user → item → gain

few = settings(max_examples=8, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


def list_frame(spark: SparkSession, lists: Lists) -> DataFrame:
    rows = [(user, item, rank) for user, items in lists.items() for rank, item in enumerate(items, 1)]
    return spark.createDataFrame(rows, "user_id string, item_id string, rank int")


def truth_frame(spark: SparkSession, truth: Truth, *, gains: bool = False) -> DataFrame:
    rows = [(user, item, float(gain)) for user, items in truth.items() for item, gain in items.items()]
    frame = spark.createDataFrame(rows, "user_id string, item_id string, gain double")
    return frame if gains else frame.drop("gain")


def figures(spark: SparkSession, lists: Lists, truth: Truth, k: list[int], *, gains: bool = False) -> Figures:
    found = user_metrics({"m": list_frame(spark, lists)}, truth_frame(spark, truth, gains=gains), k).collect()
    assert {row["model"] for row in found} <= {"m"}
    assert len(found) == len({(row["user_id"], row["k"]) for row in found})
    names = METRICS + GRADED_METRICS * gains
    return {(row["user_id"], row["k"]): {name: row[name] for name in names} for row in found}


def test_a_list_of_four_by_hand(spark: SparkSession) -> None:
    """Relevant: b, d and z. In the list a b c d the hits are at 2 and 4; z is not in it."""
    found = figures(spark, {"u": ["a", "b", "c", "d"]}, {"u": {"b": 1, "d": 1, "z": 1}}, [1, 2, 4])
    assert found["u", 1] == dict.fromkeys(METRICS, 0)
    at_2 = 1 / math.log2(3)
    assert found["u", 2] == pytest.approx(
        {
            "recall": 1 / 3,
            "precision": 1 / 2,
            "hit_rate": 1,
            "mrr": 1 / 2,
            "map": (1 / 2) / 2,  # the first hit at 2; two of the three could have been found
            "ndcg": at_2 / (1 + at_2),
        }
    )
    assert found["u", 4] == pytest.approx(
        {
            "recall": 2 / 3,
            "precision": 2 / 4,
            "hit_rate": 1,
            "mrr": 1 / 2,
            "map": (1 / 2 + 2 / 4) / 3,
            "ndcg": (at_2 + 1 / math.log2(5)) / (1 + at_2 + 1 / math.log2(4)),
        }
    )


def test_a_perfect_list_scores_one_and_k_beyond_it_costs_precision_only(spark: SparkSession) -> None:
    found = figures(spark, {"u": ["a", "b"]}, {"u": {"a": 1, "b": 1}}, [2, 10])
    assert found["u", 2] == dict.fromkeys(METRICS, 1)
    assert found["u", 10] == dict.fromkeys(METRICS, 1) | {"precision": 2 / 10}


def test_users_without_a_list_count_zero_and_lists_without_truth_do_not_count(spark: SparkSession) -> None:
    found = figures(spark, {"listed": ["a"], "unknown": ["a"]}, {"listed": {"a": 1}, "no list": {"a": 1}}, [5])
    assert set(found) == {("listed", 5), ("no list", 5)}
    assert found["no list", 5] == dict.fromkeys(METRICS, 0)


def test_an_empty_truth_gives_no_rows_and_empty_lists_give_zeros(spark: SparkSession) -> None:
    assert figures(spark, {"u": ["a"]}, {}, [5]) == {}
    assert figures(spark, {}, {"u": {"a": 1}}, [5]) == {("u", 5): dict.fromkeys(METRICS, 0)}


def test_a_skipped_rank_is_a_miss(spark: SparkSession) -> None:
    lists = spark.createDataFrame([("u", "a", 3)], "user_id string, item_id string, rank int")
    (row,) = user_metrics({"m": lists}, truth_frame(spark, {"u": {"a": 1}}), [3]).collect()
    assert (row["mrr"], row["ndcg"], row["map"]) == (1 / 3, 1 / 2, 1 / 3)


def test_graded_gains_by_hand(spark: SparkSession) -> None:
    """Gains 3 for a and 1 for b; the list has b first. Item z with gain 0 is not relevant, nor is user v."""
    truth = {"u": {"a": 3, "b": 1, "z": 0}, "v": {"z": 0}}
    found = figures(spark, {"u": ["b", "a", "z"], "v": ["z"]}, truth, [1, 2], gains=True)
    at_2 = 1 / math.log2(3)
    assert found["u", 1]["graded_ndcg"] == pytest.approx(1 / 3)
    assert found["u", 2]["graded_ndcg"] == pytest.approx((1 + 3 * at_2) / (3 + at_2))
    assert found["u", 2]["ndcg"] == 1
    assert found["u", 2]["precision"] == 1
    assert set(found) == {("u", 1), ("u", 2)}


def test_several_models_are_measured_on_the_same_users(spark: SparkSession) -> None:
    lists = {
        "good": list_frame(spark, {"u": ["a"]}),
        "bad": list_frame(spark, {"u": ["b"]}),
        "none": list_frame(spark, {}),
    }
    found = user_metrics(lists, truth_frame(spark, {"u": {"a": 1}}), [1]).collect()
    assert {row["model"]: row["recall"] for row in found} == {"good": 1, "bad": 0, "none": 0}


@pytest.mark.parametrize("k", [[], [0], [5, -1]])
def test_a_length_below_one_is_refused(spark: SparkSession, k: list[int]) -> None:
    with pytest.raises(ValueError, match="positive"):
        user_metrics({"m": list_frame(spark, {})}, truth_frame(spark, {}), k)


def by_brute_force(ranked: list[str], gains: Mapping[str, float], k: int) -> dict[str, float]:
    gains = {item: gain for item, gain in gains.items() if gain > 0}
    hits = [item in gains for item in ranked[:k]]
    precisions = [sum(hits[: place + 1]) / (place + 1) for place, hit in enumerate(hits) if hit]
    first = hits.index(True) + 1 if any(hits) else math.inf

    def dcg(values: list[float]) -> float:
        return sum(value / math.log2(place + 2) for place, value in enumerate(values[:k]))

    return {
        "recall": sum(hits) / len(gains),
        "precision": sum(hits) / k,
        "hit_rate": float(any(hits)),
        "mrr": 1 / first,
        "map": sum(precisions) / min(len(gains), k),
        "ndcg": dcg([float(hit) for hit in hits]) / dcg([1.0] * len(gains)),
        "graded_ndcg": dcg([gains.get(item, 0.0) for item in ranked]) / dcg(sorted(gains.values(), reverse=True)),
    }


items = st.integers(0, 14).map(str)
users = st.sampled_from([f"u{n}" for n in range(12)])
some_lists = st.dictionaries(users, st.lists(items, unique=True, max_size=12), max_size=12)
some_truth = st.dictionaries(users, st.dictionaries(items, st.integers(0, 3), min_size=1, max_size=8), max_size=12)


@few
@given(some_lists, some_truth)
def test_the_definitions_hold_on_anything(spark: SparkSession, lists: Lists, truth: Truth) -> None:
    k = [1, 3, 5, 20]
    found = figures(spark, lists, truth, k, gains=True)
    wanted = {
        (user, length): by_brute_force(list(lists.get(user, [])), gains, length)
        for user, gains in truth.items()
        for length in k
        if any(gains.values())
    }
    assert found.keys() == wanted.keys()
    for key in wanted:
        assert found[key] == pytest.approx(wanted[key], abs=1e-12)

    for user in {user for user, _ in wanted}:
        for name in ("recall", "hit_rate", "mrr"):
            assert [found[user, length][name] for length in k] == sorted(found[user, length][name] for length in k)


def test_ndcg_is_that_of_scikit_learn(spark: SparkSession) -> None:
    """Where the list ranks every item there is, and where scores have no ties, both mean the same."""
    rng = np.random.default_rng(7)
    gains = rng.integers(0, 4, (30, 12))
    scores = rng.permuted(np.tile(np.arange(12.0), (30, 1)), axis=1)
    lists = {f"u{user}": [str(item) for item in np.argsort(-scores[user])] for user in range(30)}
    truth = {f"u{user}": {str(item): float(gain) for item, gain in enumerate(gains[user])} for user in range(30)}
    found = figures(spark, lists, truth, [3, 12], gains=True)
    for user in range(30):
        for k in (3, 12):
            assert found[f"u{user}", k]["graded_ndcg"] == pytest.approx(
                ndcg_score(gains[user : user + 1], scores[user : user + 1], k=k)
            )
            assert found[f"u{user}", k]["ndcg"] == pytest.approx(
                ndcg_score((gains[user : user + 1] > 0).astype(int), scores[user : user + 1], k=k)
            )


def test_auc_is_that_of_scikit_learn_where_lists_rank_everything(spark: SparkSession) -> None:
    rng = np.random.default_rng(8)
    liked = rng.random((20, 15)) < 0.3
    liked[:, 0], liked[:, 1] = True, False
    scores = rng.permuted(np.tile(np.arange(15.0), (20, 1)), axis=1)
    lists = {f"u{user}": [str(item) for item in np.argsort(-scores[user])] for user in range(20)}
    truth = {f"u{user}": {str(item): 1.0 for item in np.flatnonzero(liked[user])} for user in range(20)}
    frames = {"m": list_frame(spark, lists)}
    found = user_metrics(frames, truth_frame(spark, truth), [15, 20], Background(catalogue_size=15)).collect()
    assert len(found) == 40
    for row in found:
        user = int(row["user_id"][1:])
        assert row["auc"] == pytest.approx(roc_auc_score(liked[user], scores[user]))


def test_auc_of_a_head_by_hand(spark: SparkSession) -> None:
    """Of ten items two are relevant; the list has one of them at 2, the other may stand anywhere below.

    The miss at 1 lies above both; the hit lies above the other seven, and the lost one above half of them.
    """
    frames = {"m": list_frame(spark, {"u": ["a", "b"]})}
    truth = truth_frame(spark, {"u": {"b": 1, "z": 1}, "nobody": {"a": 1}})
    rows = user_metrics(frames, truth, [2], Background(catalogue_size=10)).collect()
    found = {row["user_id"]: row["auc"] for row in rows}
    assert found["u"] == pytest.approx((0 + 7 + 7 / 2) / (2 * 8))
    assert found["nobody"] == pytest.approx((7 / 2) / 9), "two empty places count as misses"


def test_serendipity_is_what_popularity_would_not_have_found(spark: SparkSession) -> None:
    """Of the history a is the most popular, then b. All of the list are hits: at 1 a is none, at 2 neither a nor b."""
    history = spark.createDataFrame(
        [("x", "a"), ("y", "a"), ("z", "a"), ("x", "b"), ("y", "b"), ("x", "c")], "user_id string, item_id string"
    )
    frames = {"m": list_frame(spark, {"u": ["b", "c", "a", "d"]})}
    truth = truth_frame(spark, {"u": dict.fromkeys("abcd", 1)})
    rows = user_metrics(frames, truth, [1, 2, 4], Background(history=history)).collect()
    assert {row["k"]: row["serendipity"] for row in rows} == {1: 1.0, 2: 0.5, 4: 0.25}


def test_one_join_and_one_shuffle_by_user(spark: SparkSession) -> None:
    """Joining shuffles both sides; what was found is shuffled by user, and nothing after that."""
    lists, truth = list_frame(spark, {"u": ["a"]}), truth_frame(spark, {"u": {"a": 1}}, gains=True)
    plan = user_metrics({"a": lists, "b": lists}, truth, [5, 10])._jdf.queryExecution().executedPlan().toString()
    assert plan.count("Join") == 1
    assert plan.count("Exchange") == 3

"""Diversity and calibration: by hand, and against scikit-learn and SciPy on random tags."""

import math

import numpy as np
import pytest
from pyspark.sql import DataFrame, SparkSession
from scipy.stats import entropy
from sklearn.metrics.pairwise import cosine_distances

from repertoire.evaluation.taste_metrics import taste_metrics

LISTS = "user_id string, item_id string, rank int"
PAIRS = "user_id string, item_id string"


def tags_frame(spark: SparkSession, tags: dict[str, list[str]]) -> DataFrame:
    return spark.createDataFrame(list(tags.items()), "item_id string, tags array<string>")


def test_a_list_of_three_by_hand(spark: SparkSession) -> None:
    """Jazz, rock and a jazz-rock: the cosines are 0, 1/√2 and 1/√2. u's history is all jazz."""
    tags = tags_frame(spark, {"a": ["jazz"], "b": ["rock"], "c": ["jazz", "rock"], "d": [], "e": ["jazz"]})
    lists = spark.createDataFrame([("u", "a", 1), ("u", "d", 2), ("u", "b", 3), ("u", "c", 4)], LISTS)
    history = spark.createDataFrame([("u", "e"), ("stranger", "b")], PAIRS)
    rows = {row["k"]: row for row in taste_metrics({"m": lists}, [1, 3, 4], tags, history).collect()}
    assert rows[1]["diversity"] is None, "one item has no pair"
    assert rows[3]["diversity"] == pytest.approx(1), "d has no tags and is passed over"
    assert rows[4]["diversity"] == pytest.approx(1 - 2 / math.sqrt(2) / 3)
    # Of the three tagged items half is jazz (1 + 1/2 of 3), of the history all of it.
    assert rows[1]["miscalibration"] == pytest.approx(0)
    assert rows[4]["miscalibration"] == pytest.approx(-math.log(0.99 / 2 + 0.01))


def test_random_lists_are_those_of_scikit_learn_and_scipy(spark: SparkSession) -> None:
    rng = np.random.default_rng(9)
    names = [f"t{n}" for n in range(6)]
    has = rng.random((40, 6)) < 0.3
    tags = {f"i{item}": [name for name, one in zip(names, has[item], strict=True) if one] for item in range(40)}
    lists = {user: rng.choice(40, 10, replace=False) for user in range(15)}
    past = {user: rng.choice(40, rng.integers(1, 8), replace=False) for user in range(12)}
    frame = spark.createDataFrame(
        [(f"u{user}", f"i{item}", rank) for user, items in lists.items() for rank, item in enumerate(items, 1)], LISTS
    )
    history = spark.createDataFrame([(f"u{user}", f"i{item}") for user, items in past.items() for item in items], PAIRS)
    found = {
        (row["user_id"], row["k"]): row
        for row in taste_metrics({"m": frame}, [3, 10], tags_frame(spark, tags), history).collect()
    }
    parts = has / np.maximum(1, has.sum(axis=1, keepdims=True))
    for user, items in lists.items():
        for k in (3, 10):
            tagged = [item for item in items[:k] if has[item].any()]
            row = found[f"u{user}", k]
            if len(tagged) < 2:
                assert row["diversity"] is None
            else:
                distances = cosine_distances(has[tagged].astype(float))
                assert row["diversity"] == pytest.approx(distances[np.triu_indices(len(tagged), 1)].mean())
            own = parts[past.get(user, [])].sum(axis=0)
            if not own.any() or not tagged:
                assert row["miscalibration"] is None
            else:
                p, q = own / own.sum(), parts[tagged].sum(axis=0) / len(tagged)
                assert row["miscalibration"] == pytest.approx(entropy(p, 0.99 * q + 0.01 * p), abs=1e-9)


def test_a_user_without_a_tagged_item_has_no_row(spark: SparkSession) -> None:
    tags = tags_frame(spark, {"a": ["jazz"]})
    lists = spark.createDataFrame([("u", "b", 1)], LISTS)
    history = spark.createDataFrame([("u", "a")], PAIRS)
    assert taste_metrics({"m": lists}, [1], tags, history).collect() == []
    assert taste_metrics({"m": lists}, [1], tags).collect() == []

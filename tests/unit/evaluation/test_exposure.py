"""Gini's index: by hand, and against its definition as a mean of differences."""

import numpy as np
import pytest
from pyspark.sql import SparkSession

from repertoire.evaluation.exposure import gini, gini_index

DDL = "user_id string, item_id string, rank int"


def test_the_index_by_hand() -> None:
    """Of four items: all alike; one has all; places 0, 0, 1, 3: (-3·0 - 1·0 + 1·1 + 3·3) / (4 · 4)."""
    assert gini_index({5: 4}, 4) == pytest.approx(0)
    assert gini_index({7: 1}, 4) == pytest.approx(3 / 4)
    assert gini_index({1: 1, 3: 1}, 4) == pytest.approx(10 / 16)


def test_it_is_half_the_relative_mean_difference() -> None:
    rng = np.random.default_rng(4)
    for _ in range(20):
        places = rng.poisson(rng.uniform(0.2, 4), 30)
        places[0] += 1
        counts = {int(one): int((places == one).sum()) for one in np.unique(places) if one > 0}
        wanted = np.abs(places[:, None] - places[None, :]).mean() / (2 * places.mean())
        assert gini_index(counts, 30) == pytest.approx(wanted)


def test_lists_and_their_differences(spark: SparkSession) -> None:
    """At 1 ours shows a and b once each, popular a twice; of two items that is 0 and 1/2."""
    ours = spark.createDataFrame([("u", "a", 1), ("u", "b", 2), ("v", "b", 1)], DDL)
    popular = spark.createDataFrame([("u", "a", 1), ("v", "a", 1)], DDL)
    lists = {"ours": ours, "popular": popular, "none": spark.createDataFrame([], DDL)}
    found = {(one.model, one.k): one.value for one in gini(lists, 2, [1, 2], pairs=[("ours", "popular")])}
    assert found == {
        ("ours", 1): 0.0,
        ("ours", 2): pytest.approx(1 / 6),  # a once, b twice: (-1 · 1 + 1 · 2) / (2 · 3)
        ("popular", 1): 0.5,
        ("popular", 2): 0.5,
        ("none", 1): None,
        ("none", 2): None,
        ("ours - popular", 1): -0.5,
        ("ours - popular", 2): pytest.approx(1 / 6 - 0.5),
    }

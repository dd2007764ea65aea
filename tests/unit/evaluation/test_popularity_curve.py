"""How unevenly places are spread: by hand, and as a law."""

from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pyspark.sql import SparkSession

from repertoire.evaluation.popularity_curve import items_by_count, shares_of_top


def test_items_are_counted_by_how_often_they_are_counted(
    spark: SparkSession, jobs_of: Callable[[Callable[[], Any]], int]
) -> None:
    """a stands in three places, b and c in one, d in none; x is not among the items."""
    items = spark.createDataFrame([("a",), ("b",), ("c",), ("d",)], "item_id string")
    places = spark.createDataFrame([(item, 1) for item in ("a", "b", "a", "c", "a", "x")], "item_id string, count int")
    events = spark.createDataFrame([("a", 10), ("d", 4), ("d", 6)], "item_id string, count bigint")
    found: dict[str, dict[int, int]] = {}
    jobs = jobs_of(lambda: found.update(items_by_count(items, {"places": places, "events": events})))
    assert found == {"places": {3: 1, 1: 2, 0: 1}, "events": {10: 2, 0: 2}}
    assert jobs <= 3


def test_the_share_of_the_most_popular_by_hand() -> None:
    """Ten items: one with 50, four with 10, five with 2: of 100 the first tenth has 50, half of them have 90."""
    by_count = {50: 1, 10: 4, 2: 5}
    assert shares_of_top(by_count, [5, 10, 20, 50, 100]) == {5: 0.25, 10: 0.5, 20: 0.6, 50: 0.9, 100: 1.0}


def test_nothing_counted_has_no_shares() -> None:
    assert shares_of_top({0: 7}, [10]) == {10: None}
    assert shares_of_top({}, [10]) == {10: None}


@given(st.dictionaries(st.integers(0, 50), st.integers(1, 20), min_size=1))
def test_a_larger_part_never_takes_less_and_never_less_than_its_part(by_count: dict[int, int]) -> None:
    found = shares_of_top(by_count, range(1, 101))
    shares = [share for share in found.values() if share is not None]
    assert shares == sorted(shares)
    assert all(share is None or share >= percent / 100 - 1e-9 for percent, share in found.items())
    assert found[100] in (None, pytest.approx(1.0))

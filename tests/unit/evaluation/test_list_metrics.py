"""What is said of lists alone: novelty, popularity and full lists, by hand."""

import math

import pytest
from pyspark.sql import SparkSession

from repertoire.evaluation.list_metrics import list_metrics

LISTS = "user_id string, item_id string, rank int"
PAIRS = "user_id string, item_id string"


@pytest.mark.quick
def test_novelty_and_popularity_by_hand(spark: SparkSession) -> None:
    """Four users; a was had by all of them, b by one, c by nobody. u has had a and b, z nothing."""
    history = spark.createDataFrame([("u", "a"), ("u", "b"), ("v", "a"), ("w", "a"), ("x", "a")], PAIRS)
    lists = spark.createDataFrame([("u", "a", 1), ("u", "c", 2), ("z", "b", 1)], LISTS)
    rows = {(row["user_id"], row["k"]): row.asDict() for row in list_metrics({"m": lists}, [1, 2], history).collect()}
    assert set(rows) == {("u", 1), ("u", 2), ("z", 1), ("z", 2)}
    assert rows["u", 1] | {"model": "m"} == rows["u", 1]
    at_1, at_2 = rows["u", 1], rows["u", 2]
    assert (at_1["novelty"], at_1["popularity"]) == pytest.approx((0, 1))
    assert (at_2["novelty"], at_2["popularity"]) == pytest.approx((math.log2(4) / 2, 1 / 2))  # c counts as had by one
    own = (4 + 1) / 2 / 4  # a and b
    assert (at_1["popularity_lift"], at_2["popularity_lift"]) == pytest.approx((1 / own - 1, (1 / 2) / own - 1))
    assert (at_1["sufficient"], at_2["sufficient"]) == (1, 1)
    assert (rows["z", 2]["novelty"], rows["z", 2]["sufficient"]) == pytest.approx((2, 0))
    assert rows["z", 1]["popularity_lift"] is None


def test_without_a_history_only_full_lists_are_counted(spark: SparkSession) -> None:
    lists = spark.createDataFrame([("u", "a", 1), ("u", "b", 3)], LISTS)
    rows = list_metrics({"m": lists}, [1, 2, 3]).collect()
    assert {row["k"]: row["sufficient"] for row in rows} == {1: 1, 2: 0, 3: 0}, "rank 2 is a hole"
    assert set(rows[0].asDict()) == {"model", "user_id", "k", "sufficient"}


def test_a_list_that_begins_below_k_has_no_novelty_there(spark: SparkSession) -> None:
    history = spark.createDataFrame([("u", "a")], PAIRS)
    lists = spark.createDataFrame([("u", "a", 2)], LISTS)
    rows = {row["k"]: row for row in list_metrics({"m": lists}, [1, 2], history).collect()}
    assert (rows[1]["novelty"], rows[1]["popularity"], rows[1]["popularity_lift"]) == (None, None, None)
    assert rows[2]["popularity"] == 1

"""What a backtest knows beside the lists."""

import pytest
from pyspark.sql import SparkSession
from tests.unit.candidates.toy import interactions

from repertoire.settings import EvaluationSettings
from repertoire.tuning.background_of import background_of


@pytest.mark.parametrize(("listed", "size"), [(None, 2), (["a", "new", "newer"], 4)])
def test_the_catalogue_is_what_was_used_and_what_is_listed(
    spark: SparkSession, listed: list[str] | None, size: int
) -> None:
    known = interactions(spark, [("u", "a"), ("w", "a"), ("u", "b")])
    pairs = known.select("user_id", "item_id")
    rows = None if listed is None else [(item, ["x"]) for item in listed]
    items = None if rows is None else spark.createDataFrame(rows, "item_id string, tags array<string>")
    evaluated = pairs.select("user_id").distinct()
    found = background_of(known, pairs, evaluated, EvaluationSettings(), items=items, users=None)
    assert found.catalogue_size == size

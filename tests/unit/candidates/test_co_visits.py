"""Cosines of items by who wanted them, of all items."""

import numpy as np
from pyspark.sql import SparkSession

from repertoire.candidates.co_visits import NEIGHBOURS, co_visits

PAIR = "user_id string, item_id string, strength double, negative double"


def test_they_are_cosines_of_who_wanted_both(spark: SparkSession) -> None:
    rng = np.random.default_rng(3)
    wanted = rng.random((40, 70)) < 0.25
    rows = [(f"u{u:02}", f"i{i:02}", 1.0, 0.0) for u, i in zip(*np.nonzero(wanted), strict=True)]
    refused = [("u00", f"i{i:02}", 0.0, 1.0) for i in np.flatnonzero(~wanted[0])]
    ids, found = co_visits(spark.createDataFrame([*rows, *refused], PAIR))
    assert ids.to_pylist() == [f"i{i:02}" for i in range(70)]
    told = wanted / np.maximum(wanted.sum(1), 1)[:, None]  # a user of n items says 1 / √n of each of two
    sizes = np.sqrt(told.sum(0))
    cosines = (told.T @ wanted) / (np.outer(sizes, sizes) + 0.3)
    np.fill_diagonal(cosines, 0)
    cosines[cosines < np.sort(cosines, axis=0)[-NEIGHBOURS]] = 0  # of each column the largest
    np.testing.assert_allclose(found.toarray(), cosines, rtol=1e-5, atol=1e-7)


def test_without_anything_wanted_there_are_none(spark: SparkSession) -> None:
    ids, found = co_visits(spark.createDataFrame([("u", "i", 0.0, 1.0)], PAIR))
    assert len(ids) == 0
    assert found.shape == (0, 0)

"""Coverage: by hand, and its interval against groups left out one by one."""

import numpy as np
import pytest
from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F

from repertoire.evaluation.coverage import coverage
from repertoire.evaluation.intervals import jackknife_interval
from repertoire.evaluation.measurement import Measurement

DDL = "user_id string, item_id string, rank int"


def random_lists(spark: SparkSession, seed: int, users: int) -> DataFrame:
    rng = np.random.default_rng(seed)
    rows = [
        (f"u{user}", f"i{item}", rank)
        for user in range(users)
        for rank, item in enumerate(np.minimum(rng.choice(400, 6, replace=False), rng.choice(400, 6)), 1)
    ]
    return spark.createDataFrame(rows, DDL)


def groups_of(spark: SparkSession, lists: DataFrame) -> dict[str, int]:
    group = F.pmod(F.xxhash64("user_id"), F.lit(30))
    return {row["user_id"]: row["group"] for row in lists.select("user_id", group.alias("group")).distinct().collect()}


def share(rows: list[tuple[str, str, int]], k: int, without: int | None, groups: dict[str, int]) -> float:
    return len({item for user, item, rank in rows if rank <= k and groups[user] != without}) / 500


def test_the_share_of_the_catalogue_by_hand(spark: SparkSession) -> None:
    """Of 10 items, the first places show a and b, the first two a, b and c; v has one item only, w none before 2."""
    rows = [("u", "a", 1), ("u", "b", 2), ("v", "b", 1), ("w", "c", 2)]
    found = {one.k: one for one in coverage({"m": spark.createDataFrame(rows, DDL)}, 10, [1, 2, 5])}
    assert {k: (one.value, one.users) for k, one in found.items()} == {1: (0.2, 2), 2: (0.3, 3), 5: (0.3, 3)}
    assert all(one.model == "m" and one.metric == "coverage" for one in found.values())


def test_the_interval_is_that_of_groups_left_out_one_by_one(spark: SparkSession) -> None:
    frames = {"ours": random_lists(spark, 1, users=80), "popular": random_lists(spark, 2, users=60)}
    rows = {name: [tuple(row) for row in frame.collect()] for name, frame in frames.items()}
    groups = groups_of(spark, frames["ours"])
    found = {(one.model, one.k): one for one in coverage(frames, 500, [3, 6], pairs=[("ours", "popular")])}
    assert set(found) == {(name, k) for name in ("ours", "popular", "ours - popular") for k in (3, 6)}
    for k in (3, 6):
        replicates = {}
        for name in frames:
            present = {groups[user] for user, *_ in rows[name]}
            value = share(rows[name], k, None, groups)
            replicates[name] = {group: share(rows[name], k, group, groups) for group in set(groups.values())}
            wanted = jackknife_interval(value, [replicates[name][group] for group in present], 0.95)
            one = found[name, k]
            assert (one.value, one.low, one.high) == pytest.approx((value, *wanted))
            assert one.users == {"ours": 80, "popular": 60}[name]
        gaps = [replicates["ours"][group] - replicates["popular"][group] for group in set(groups.values())]
        gap = found["ours", k].value - found["popular", k].value
        one = found["ours - popular", k]
        assert (one.value, one.low, one.high) == pytest.approx((gap, *jackknife_interval(gap, gaps, 0.95)))


def test_no_lists_cover_nothing(spark: SparkSession) -> None:
    assert coverage({"m": spark.createDataFrame([], DDL)}, 10, [5]) == [
        Measurement("m", "coverage", 5, 0.0, None, None, 0)
    ]


def test_an_interval_ends_at_the_whole_catalogue(spark: SparkSession) -> None:
    """Each of 60 users is shown an item of their own, of 62."""
    rows = [(f"u{n}", f"i{n}", 1) for n in range(60)]
    (one,) = coverage({"m": spark.createDataFrame(rows, DDL)}, 62, [1])
    assert one.low is not None
    assert one.low < one.value < one.high == 1


def test_an_empty_catalogue_is_refused(spark: SparkSession) -> None:
    with pytest.raises(ValueError, match="positive"):
        coverage({"m": spark.createDataFrame([], DDL)}, 0, [5])

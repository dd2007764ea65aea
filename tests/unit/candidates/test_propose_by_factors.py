"""From factors to proposals by hand: seen, eligible, history, and what is refused."""

from pathlib import Path

import numpy as np
import pytest
from pyspark.sql import DataFrame, SparkSession
from tests.unit.candidates.toy import at, interactions, proposals, request

from repertoire.candidates.propose_by_factors import HISTORY, propose_by_factors
from repertoire.candidates.recommender import FittedModel
from repertoire.errors import RepertoireError
from repertoire.settings import CandidateSettings

SETTINGS = CandidateSettings()
QUIET = CandidateSettings(explain=False)
ITEMS = [("c", [0.0, 1.0]), ("a", [1.0, 0.0]), ("d", [2.0, 2.0]), ("b", [3.0, 0.0])]


def model(spark: SparkSession, rows: list[tuple] = ITEMS, **metadata: int) -> FittedModel:
    return FittedModel(
        "toy",
        {
            "user_factors": spark.createDataFrame(
                [("u1", [1.0, 0.0]), ("u2", [0.0, 1.0]), ("idle", [1.0, 1.0])], "user_id string, factors array<float>"
            ),
            "item_factors": spark.createDataFrame(rows, "item_id string, factors array<float>"),
        },
        metadata,
    )


def pairs(spark: SparkSession) -> DataFrame:
    return interactions(
        spark,
        [
            ("u1", "b", 2.0),
            ("u1", "c", 1.0, 0.0, False),  # wanted, but not seen: it may be proposed
            ("u2", "d", 0.0, 5.0),  # refused: seen, and no reason for anything
            ("u2", "unknown", 9.0),
            ("stranger", "a"),
        ],
    )


def test_by_hand(spark: SparkSession) -> None:
    users = ["u1", "u2", "idle", "stranger"]
    assert proposals(propose_by_factors(model(spark), request(pairs(spark), SETTINGS, users, k=2))) == [
        ("idle", "d", 4.0, 1, "toy"),
        ("idle", "b", 3.0, 2, "toy"),
        ("u1", "d", 2.0, 1, "because_of:b"),  # as near to c: the lower id is named
        ("u1", "a", 1.0, 2, "because_of:b"),
        ("u2", "c", 1.0, 1, "toy"),
        ("u2", "a", 0.0, 2, "toy"),
    ]


def test_only_the_users_asked_for(spark: SparkSession) -> None:
    found = proposals(propose_by_factors(model(spark), request(pairs(spark), QUIET, ["u2"], k=1)))
    assert found == [("u2", "c", 1.0, 1, "toy")]


def test_seen_items_may_be_asked_for(spark: SparkSession) -> None:
    settings = CandidateSettings(include_seen=True, explain=False)
    found = proposals(propose_by_factors(model(spark), request(pairs(spark), settings, ["u1"], k=2)))
    assert [row[1:3] for row in found] == [("b", 3.0), ("d", 2.0)]


def test_only_eligible_items_but_any_history(spark: SparkSession) -> None:
    asked = request(pairs(spark), SETTINGS, ["u1"], k=9, eligible=["unknown", "d", "c"])
    assert proposals(propose_by_factors(model(spark), asked)) == [
        ("u1", "d", 2.0, 1, "because_of:b"),
        ("u1", "c", 0.0, 2, "toy"),
    ]


def test_history_is_the_strongest_then_the_latest(spark: SparkSession) -> None:
    # More items than a history holds, each one's factors nearer to x than the last one's: the first are dropped.
    names = [f"i{number:03}" for number in range(HISTORY + 3)]
    items = [(name, [1.0, 1.0 / (number + 1)]) for number, name in enumerate(names)]
    liked = [("u1", name, 1.0, 0.0, True, at(number + 1)) for number, name in enumerate(names)]
    frame = interactions(spark, liked)
    toy = model(spark, [*items, ("x", [1.0, 0.0])])
    assert proposals(propose_by_factors(toy, request(frame, SETTINGS, ["u1"], k=1))) == [
        ("u1", "x", 1.0, 1, f"because_of:{names[HISTORY - 1]}")
    ]
    stronger = interactions(spark, [*liked[:-1], ("u1", names[-1], 1.5)])
    assert proposals(propose_by_factors(toy, request(stronger, SETTINGS, ["u1"], k=1))) == [
        ("u1", "x", 1.0, 1, f"because_of:{names[-1]}")
    ]


def test_large_item_factors_give_the_same_lists_from_a_file(spark: SparkSession) -> None:
    told = model(spark, items=40_000, factors=100)
    asked = [
        request(pairs(spark), SETTINGS.model_copy(update={"max_item_factors_mb": most}), ["u1", "u2", "idle"], k=2)
        for most in (10, 20)
    ]
    found = [proposals(propose_by_factors(told, one)) for one in asked]
    assert found[0] == found[1]
    assert len(found[0]) == 6


def test_factors_that_are_not_finite_are_refused(spark: SparkSession) -> None:
    broken = model(spark, [("a", [1.0]), ("b", [float("nan")])])
    with pytest.raises(RepertoireError, match="toy: some of its item factors are not finite"):
        propose_by_factors(broken, request(pairs(spark), QUIET, ["u1"], k=1))


def test_uneven_factors_are_refused(spark: SparkSession) -> None:
    uneven = model(spark, [("a", [1.0]), ("b", [1.0, 2.0])])
    with pytest.raises(RepertoireError, match=r"toy: its items have \[1, 2\] factors"):
        propose_by_factors(uneven, request(pairs(spark), QUIET, ["u1"], k=1))


def test_broken_factors_are_refused_on_the_way_to_a_file(spark: SparkSession) -> None:
    quiet = QUIET.model_copy(update={"max_item_factors_mb": 1})
    for rows, message in (
        ([("a", [1.0]), ("b", [float("nan")])], "toy: some of its item factors are not finite"),
        ([("a", [1.0]), ("b", [1.0, 2.0])], r"toy: its items have \[1, 2\] factors"),
    ):
        with pytest.raises(RepertoireError, match=message):
            propose_by_factors(model(spark, rows, items=10**6, factors=1), request(pairs(spark), quiet, ["u1"], k=1))


@pytest.mark.parametrize(
    "asked", [{}, {"explain": False}, {"include_seen": True}, {"explain": False, "include_seen": True}]
)
def test_interactions_in_local_parquet_give_the_same_lists(
    spark: SparkSession, tmp_path: Path, asked: dict[str, bool]
) -> None:
    random = np.random.default_rng(3)
    names = [f"i{number:02}" for number in range(30)]
    rows = [
        (f"u{user:02}", names[item], float(random.integers(0, 3)), 0.0, bool(random.random() < 0.6), at(int(item) % 4))
        for user, item in np.argwhere(random.random((60, 30)) < 0.4)
    ]
    table = [(name, [float(value) for value in random.standard_normal(3)]) for name in names[2:]]
    users = [(f"u{user:02}", [float(value) for value in random.standard_normal(3)]) for user in range(70)]
    toy = FittedModel(
        "toy",
        {
            "item_factors": spark.createDataFrame(table, "item_id string, factors array<float>"),
            "user_factors": spark.createDataFrame(users, "user_id string, factors array<float>"),
        },
    )
    frame = interactions(spark, rows)
    frame.repartition(3).write.parquet(str(tmp_path / "interactions"))
    settings = CandidateSettings(**asked)
    found = [
        proposals(propose_by_factors(toy, request(read, settings, [user for user, _ in users], k=5)))
        for read in (frame, spark.read.parquet(str(tmp_path / "interactions")))
    ]
    assert found[0] == found[1]
    assert any("because_of" in row[-1] for row in found[0]) == settings.explain

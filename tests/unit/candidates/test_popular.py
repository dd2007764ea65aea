"""Popularity by hand: votes, half-life, and the items that nobody wanted."""

from pathlib import Path

import pytest
from pyspark.sql import SparkSession
from tests.unit.candidates.toy import at, factors, fitting, interactions, proposals, request

from repertoire.candidates.popular import POPULAR
from repertoire.settings import CandidateSettings, PopularSettings

SETTINGS = CandidateSettings(popular=PopularSettings(half_life_days=10.0))
PAIRS = [
    # a: wanted today, 10 days ago and 20 days ago: 1 + 1/2 + 1/4 votes.
    ("u1", "a", 1.0, 0.0, True, at(0)),
    ("u2", "a", 9.0, 0.0, True, at(10)),
    ("u3", "a", 0.1, 0.0, True, at(20)),
    # b: two that are untimed.
    ("u1", "b"),
    ("u2", "b"),
    # c: one whose time is past the end of the day, which counts in full; one who only refused it.
    ("u3", "c", 1.0, 0.0, True, at(-5)),
    ("u4", "c", 0.0, 5.0, True, at(1)),
    # d and e: refused.
    ("u4", "e", 0.0, 1.0),
    ("u4", "d", 0.0, 1.0),
]


@pytest.mark.quick
def test_by_hand(spark: SparkSession, tmp_path: Path) -> None:
    frame = interactions(spark, PAIRS)
    model = POPULAR.fit(fitting(frame, tmp_path, SETTINGS))
    # b is the most popular with 2 votes; a has 1.75 and c 1.
    assert factors(model.tables["item_factors"]) == {"a": [0.875], "b": [1.0], "c": [0.5], "d": [0.0], "e": [0.0]}
    found = proposals(POPULAR.propose(model, request(frame, SETTINGS, ["u1", "stranger", "u4"], k=4)))
    assert found == [
        ("stranger", "b", 1.0, 1, "popular"),
        ("stranger", "a", 0.875, 2, "popular"),
        ("stranger", "c", 0.5, 3, "popular"),
        ("stranger", "d", 0.0, 4, "popular"),
        ("u1", "c", 0.5, 1, "popular"),
        ("u1", "d", 0.0, 2, "popular"),
        ("u1", "e", 0.0, 3, "popular"),
        ("u4", "b", 1.0, 1, "popular"),
        ("u4", "a", 0.875, 2, "popular"),
    ]


def test_no_decay(spark: SparkSession, tmp_path: Path) -> None:
    settings = CandidateSettings(popular=PopularSettings(half_life_days=None))
    model = POPULAR.fit(fitting(interactions(spark, PAIRS), tmp_path, settings))
    assert factors(model.tables["item_factors"]) == {
        "a": [1.0],
        "b": [pytest.approx(2 / 3)],
        "c": [pytest.approx(1 / 3)],
        "d": [0.0],
        "e": [0.0],
    }


def test_only_votes_in_the_window_count(spark: SparkSession, tmp_path: Path) -> None:
    # Of a's votes that of 10 days before the end of the day is the last in the window; untimed ones count, as do later ones.
    settings = CandidateSettings(popular=PopularSettings(half_life_days=None, window_days=10.0))
    model = POPULAR.fit(fitting(interactions(spark, PAIRS), tmp_path, settings))
    assert model.metadata["parameters"] == {"half_life_days": None, "window_days": 10.0}
    assert factors(model.tables["item_factors"]) == {"a": [1.0], "b": [1.0], "c": [0.5], "d": [0.0], "e": [0.0]}
    settings = CandidateSettings(popular=PopularSettings(half_life_days=10.0, window_days=9.9))
    model = POPULAR.fit(fitting(interactions(spark, PAIRS), tmp_path, settings))
    assert factors(model.tables["item_factors"]) == {"a": [0.5], "b": [1.0], "c": [0.5], "d": [0.0], "e": [0.0]}


def test_only_eligible_items_that_are_known(spark: SparkSession, tmp_path: Path) -> None:
    frame = interactions(spark, PAIRS)
    model = POPULAR.fit(fitting(frame, tmp_path, SETTINGS))
    asked = request(frame, SETTINGS, ["stranger"], k=9, eligible=["e", "c", "new"])
    assert [row[1] for row in proposals(POPULAR.propose(model, asked))] == ["c", "e"]


@pytest.mark.parametrize("pairs", [[], [("u", "b", 0.0, 1.0), ("u", "a", 0.0, 1.0)]])
def test_nothing_wanted(spark: SparkSession, tmp_path: Path, pairs: list[tuple]) -> None:
    frame = interactions(spark, pairs)
    model = POPULAR.fit(fitting(frame, tmp_path, SETTINGS))
    found = proposals(POPULAR.propose(model, request(frame, SETTINGS, ["v"], k=2)))
    assert [row[:3] for row in found] == ([("v", "a", 0.0), ("v", "b", 0.0)] if pairs else [])

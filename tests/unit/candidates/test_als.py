"""ALS: a matrix whose answer is known, ids of every kind, determinism, and what it refuses."""

import dataclasses
import logging
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from pyspark.sql import SparkSession
from tests.unit.candidates.toy import factors, fitting, interactions, proposals, request

from repertoire.candidates import als
from repertoire.candidates.als_memory import AlsMemory, AlsSize, memory_of
from repertoire.candidates.propose_by_factors import propose_by_factors
from repertoire.candidates.recommender import FittedModel
from repertoire.errors import InputError, RepertoireError, SettingsError
from repertoire.settings import AlsSettings, CandidateSettings

SETTINGS = CandidateSettings(als=AlsSettings(rank=4, iterations=5, regularization=0.01, alpha=10.0))


def with_als(**changes: object) -> CandidateSettings:
    return CandidateSettings(als=SETTINGS.als.model_copy(update=changes))


def score(model: FittedModel, user: str, item: str) -> float:
    mine, its = factors(model.tables["user_factors"])[user], factors(model.tables["item_factors"])[item]
    return float(np.dot(mine, its))


def checkerboard(size: int) -> list[tuple]:
    """User u wants item i where u + i is even, but not the items u and u + 1 themselves: those are to be found."""
    ids = {0: "u/ä {}", 1: "0{}"}
    return [
        (ids[user % 2].format(user), f"{item:02}:é")
        for user in range(size)
        for item in range(size)
        if (user + item) % 2 == 0 and item != user
    ]


@pytest.mark.quick
def test_checkerboard(spark: SparkSession, tmp_path: Path) -> None:
    frame = interactions(spark, checkerboard(12))
    model = als.fit(fitting(frame, tmp_path, with_als(rank=2)))
    assert set(factors(model.tables["item_factors"])) == {f"{item:02}:é" for item in range(12)}
    users = [f"u/ä {user}" for user in range(0, 12, 2)] + [f"0{user}" for user in range(1, 12, 2)]
    assert set(factors(model.tables["user_factors"])) == set(users)
    found = proposals(propose_by_factors(model, request(frame, SETTINGS, users, k=1)))
    # Each user's own number is the one item of the right colour that is not seen.
    assert {user: item for user, item, *_ in found} == {user: f"{int(user.split()[-1]):02}:é" for user in users}
    assert all(0.9 < one[2] < 1.1 for one in found)
    # It is explained by an item of the same colour.
    assert all((int(one[1][:2]) - int(one[4].removeprefix("because_of:")[:2])) % 2 == 0 for one in found)


def test_two_fits_are_equal_whatever_the_order_of_rows(spark: SparkSession, tmp_path: Path) -> None:
    random = np.random.default_rng(1)
    pairs = [
        (f"u{user}", f"i{item}", float(random.integers(1, 5)))
        for user, item in np.argwhere(random.random((40, 30)) < 0.2)
    ]
    frames = [
        interactions(spark, pairs),
        interactions(spark, pairs),
        interactions(spark, pairs[::-1]).repartition(5),
    ]
    models = (als.fit(fitting(frame, tmp_path / str(number), SETTINGS)) for number, frame in enumerate(frames))
    first, *others = ({name: factors(table) for name, table in model.tables.items()} for model in models)
    assert others == [first, first]
    other_seed = als.fit(dataclasses.replace(fitting(frames[0], tmp_path / "seed", SETTINGS), seed=2))
    assert factors(other_seed.tables["item_factors"]) != first["item_factors"]


def test_strength_is_confidence(spark: SparkSession, tmp_path: Path) -> None:
    pairs = [("u1", "a", 5.0), ("u1", "b", 0.1), ("u2", "c", 1.0), ("u3", "c", 1.0), ("u2", "a", 0.1), ("u3", "b", 0.1)]
    model = als.fit(fitting(interactions(spark, pairs), tmp_path, with_als(rank=2, regularization=0.1, alpha=2.0)))
    assert score(model, "u1", "a") > score(model, "u1", "b")


def test_refused_pairs_are_left_out_or_confident_zeros(spark: SparkSession, tmp_path: Path) -> None:
    liked = [(f"u{user}", item) for user in range(6) for item in ("a", "b")]
    refused = [("u0", "x", 0.5, 3.0), ("u1", "a", 0.0, 2.0), ("hater", "a", 0.0, 2.0), ("u2", "never", 0.0, 1.0)]
    pairs = [pair for pair in liked if pair != ("u1", "a")] + [(f"u{user}", "x") for user in (1, 2, 3)] + refused
    frame = interactions(spark, pairs)
    without = als.fit(fitting(frame, tmp_path / "0", with_als(rank=1, alpha=1.0)))
    with_them = als.fit(fitting(frame, tmp_path / "1", with_als(rank=1, alpha=1.0, negative_weight=1.0)))
    for model in (without, with_them):
        # Nobody wanted `never`, and `hater` wanted nothing: there is nothing to place them by.
        assert set(factors(model.tables["item_factors"])) == {"a", "b", "x"}
        assert set(factors(model.tables["user_factors"])) == {f"u{user}" for user in range(6)}
    assert (without.metadata["pairs"], with_them.metadata["pairs"]) == (14, 16)
    for user, item in (("u0", "x"), ("u1", "a")):
        assert score(with_them, user, item) < score(without, user, item) - 0.1


def test_explicit_predicts_ratings_and_says_what_it_is_for(
    spark: SparkSession, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    # Rating is strength - negative: all users agree on 4 for a, 1 for b, -2 for c; u0 has not rated c.
    pairs = [
        (f"u{user}", item, strength, negative)
        for user in range(6)
        for item, strength, negative in (("a", 4.0, 0.0), ("b", 1.0, 0.0), ("c", 0.0, 2.0))
        if (user, item) != (0, "c")
    ]
    with caplog.at_level(logging.WARNING, logger="repertoire.candidates.als"):
        settings = with_als(implicit=False, rank=1, regularization=0.001, iterations=10)
        model = als.fit(fitting(interactions(spark, pairs), tmp_path, settings))
    assert [score(model, "u0", item) for item in "abc"] == pytest.approx([4, 1, -2], abs=0.05)
    assert "suits rating prediction" in caplog.text


def test_implicit_says_nothing(spark: SparkSession, tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    als.fit(fitting(interactions(spark, [("u", "a")]), tmp_path, SETTINGS))
    assert caplog.text == ""


@pytest.mark.parametrize(
    "pairs",
    [
        [("u", "a")],  # one user, one item
        [("u", "a"), ("u", "b"), ("u", "c")],  # one user
        [("u", "a"), ("v", "a"), ("w", "a")],  # one item
    ],
)
def test_degenerate_data_gives_a_model(spark: SparkSession, tmp_path: Path, pairs: list[tuple]) -> None:
    frame = interactions(spark, pairs)
    model = als.fit(fitting(frame, tmp_path, SETTINGS))
    assert set(factors(model.tables["user_factors"])) == {user for user, _ in pairs}
    settings = CandidateSettings(include_seen=True)
    found = proposals(propose_by_factors(model, request(frame, settings, sorted({user for user, _ in pairs}), k=9)))
    assert {(user, item) for user, item, *_ in found} >= set(pairs)


@pytest.mark.parametrize("pairs", [[], [("u", "a", 0.0, 5.0), ("v", "b", 1.0, 2.0)]])
def test_nothing_wanted_is_an_input_error(spark: SparkSession, tmp_path: Path, pairs: list[tuple]) -> None:
    for settings in (SETTINGS, with_als(negative_weight=1.0)):
        with pytest.raises(InputError, match="no pair of user and item has a strength above 0") as error:
            als.fit(fitting(interactions(spark, pairs), tmp_path, settings))
        assert error.value.exit_code == 2


def test_many_iterations_do_not_overflow_the_stack(spark: SparkSession, tmp_path: Path) -> None:
    settings = with_als(iterations=30, checkpoint_interval=5)
    als.fit(fitting(interactions(spark, checkerboard(6)), tmp_path, settings))
    assert any((tmp_path / "als" / "checkpoints").iterdir())


def test_singular_equations_are_explained(spark: SparkSession, tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match=r"regularization = 0: .*rank \(4\)"):
        als.fit(fitting(interactions(spark, [("u", "a"), ("v", "b")]), tmp_path, with_als(regularization=0)))


def test_blocks_follow_from_the_pairs_or_the_settings(spark: SparkSession, tmp_path: Path) -> None:
    assert [als.blocks_of(pairs) for pairs in (1, 500_000, 500_001, 14_000_000, 10**10)] == [2, 2, 3, 56, 400]
    settings = with_als(user_blocks=3, item_blocks=1)
    parameters = als.fit(fitting(interactions(spark, checkerboard(4)), tmp_path, settings)).metadata["parameters"]
    assert (parameters["user_blocks"], parameters["item_blocks"]) == (3, 1)


def test_metadata_says_what_was_fitted(spark: SparkSession, tmp_path: Path) -> None:
    metadata = als.fit(fitting(interactions(spark, checkerboard(6)), tmp_path, SETTINGS, seed=9)).metadata
    assert metadata["parameters"] == SETTINGS.als.model_dump() | {"user_blocks": 2, "item_blocks": 2}
    assert {name: metadata[name] for name in ("pairs", "users", "items", "factors", "seed")} == {
        "pairs": 12,
        "users": 6,
        "items": 6,
        "factors": 4,
        "seed": 9,
    }


def test_too_little_memory_is_refused_with_the_numbers(spark: SparkSession, tmp_path: Path) -> None:
    settings = with_als(rank=2000, refuse_memory_share=0.1)
    with pytest.raises(RepertoireError) as error:
        als.fit(fitting(interactions(spark, checkerboard(6)), tmp_path, settings))
    message = str(error.value)
    assert "12 pairs" in message
    assert "6 users and 6 items at rank 2000" in message
    assert "Spark has 2,048 MB, of which candidates.als.refuse_memory_share allows 0.1" in message
    assert "Raise spark.driver_memory" in message


def test_memory_by_hand() -> None:
    size = AlsSize(pairs=1000, users=100, items=20, rank=10, user_blocks=4, item_blocks=3, tasks=2)
    memory = AlsMemory.of(size)
    # Ratings 12 bytes, two in-blocks of 8; 100 users to 3 item blocks and 20 items to 4 user blocks at 4 bytes.
    assert memory.blocks == 1000 * 12 + 2 * 1000 * 8 + (300 + 80) * 4
    assert memory.factors == 2 * 120 * 10 * 4
    assert memory.messages == 2 * 2 * 100 * 10 * 4
    assert memory.equations == 2 * 2 * (55 + 10) * 8
    assert memory.total == 300 * 2**20 + memory.blocks + memory.factors + memory.messages + memory.equations


def test_memory_of_a_local_session_is_the_drivers(spark: SparkSession) -> None:
    assert memory_of(spark) == 2 * 2**30


class _Cluster:
    """As much of a session on a cluster as says what memory there is."""

    def __init__(self, master: str, parallelism: int, **conf: str) -> None:
        self.sparkContext = SimpleNamespace(defaultParallelism=parallelism)
        self.conf = {"spark.master": master} | {f"spark.{key.replace('_', '.')}": value for key, value in conf.items()}


@pytest.mark.parametrize(
    ("cluster", "gigabytes"),
    [
        (_Cluster("yarn", 8, executor_memory="3g", executor_instances="5"), 15),
        (_Cluster("yarn", 8, dynamicAllocation_enabled="true", dynamicAllocation_maxExecutors="10"), 10),
        (_Cluster("spark://host:7077", 12, executor_memory="4g", executor_cores="4"), 12),
        (_Cluster("yarn", 2, executor_instances="2", executor_memory="1024"), 2),
    ],
)
def test_memory_of_a_cluster_is_its_executors(cluster: _Cluster, gigabytes: int) -> None:
    assert memory_of(cluster) == gigabytes * 2**30  # type: ignore[arg-type]


def test_a_large_fit_says_what_the_other_engine_would_take(
    spark: SparkSession, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    said: list[str] = []
    asked = dataclasses.replace(fitting(interactions(spark, checkerboard(6)), tmp_path, SETTINGS), say=said.append)
    als.fit(asked)
    assert said == []
    monkeypatch.setattr(als, "_LARGE", 3)
    als.fit(asked)
    assert len(said) == 1
    assert "candidates.als.engine = ials minimises the same objective in about" in said[0]

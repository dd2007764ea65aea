"""Implicit ALS: against the normal equations solved exactly, its laws, and the same bits however it is spread."""

import dataclasses
from pathlib import Path

import numpy as np
import pytest
from pyspark.sql import SparkSession
from tests.unit.candidates.toy import factors, fitting, interactions, proposals, request

from repertoire.candidates import ials
from repertoire.candidates.ials_solver import Objective, Sums, add_up
from repertoire.candidates.propose_by_factors import propose_by_factors
from repertoire.candidates.recommender import FittedModel
from repertoire.candidates.user_blocks import blocks_for
from repertoire.errors import InputError, SettingsError
from repertoire.settings import CandidateSettings, IalsSettings

SETTINGS = IalsSettings(
    rank=4, iterations=4, regularization=0.05, regularize_unobserved=True, unobserved_weight=0.4, alpha=1.5
)


def with_ials(**changes: object) -> CandidateSettings:
    return CandidateSettings(ials=SETTINGS.model_copy(update=changes))


def pairs(users: int = 40, items: int = 25, seed: int = 1) -> list[tuple]:
    random = np.random.default_rng(seed)
    return [
        (f"u{user:02}", f"i{item:02}", float(random.integers(1, 5)))
        for user, item in np.argwhere(random.random((users, items)) < 0.25)
    ]


def fit(spark: SparkSession, rows: list[tuple], folder: Path, partitions: int = 2, **changes: object) -> FittedModel:
    frame = interactions(spark, rows).repartition(partitions)
    return ials.fit(fitting(frame, folder, with_ials(**changes)))


def both(model: FittedModel) -> tuple[dict[str, list[float]], dict[str, list[float]]]:
    return factors(model.tables["user_factors"]), factors(model.tables["item_factors"])


def dense(rows: list[tuple]) -> tuple[list[str], list[str], np.ndarray]:
    users, items = sorted({row[0] for row in rows}), sorted({row[1] for row in rows})
    matrix = np.zeros((len(users), len(items)))
    for user, item, strength in rows:
        matrix[users.index(user), items.index(item)] += strength
    return users, items, matrix


def solved(matrix: np.ndarray, other: np.ndarray) -> np.ndarray:
    """The rows that minimise the objective for `other`, by the normal equations in float64."""
    base, found = SETTINGS.unobserved_weight, []
    for row in matrix:
        weight = SETTINGS.alpha * row
        ridge = SETTINGS.regularization * ((row > 0).sum() + base * len(other))
        left = (other.T * (base + weight)) @ other + ridge * np.eye(other.shape[1])
        found.append(np.linalg.solve(left, other.T @ np.where(row > 0, base + weight, 0)))
    return np.array(found)


def test_many_steps_solve_the_normal_equations(spark: SparkSession, tmp_path: Path) -> None:
    rows = pairs()
    users, items, matrix = dense(rows)
    user_factors, item_factors = both(fit(spark, rows, tmp_path, cg_steps=30, iterations=60))
    x = np.array([user_factors[user] for user in users])
    y = np.array([item_factors[item] for item in items])
    np.testing.assert_allclose(x, solved(matrix, y), atol=2e-4)
    np.testing.assert_allclose(y, solved(matrix.T, x), atol=2e-3)  # solved before the users' last half


def test_three_steps_come_close_to_the_exact_alternation(spark: SparkSession, tmp_path: Path) -> None:
    rows = pairs()
    users, items, matrix = dense(rows)
    user_factors, item_factors = both(fit(spark, rows, tmp_path, iterations=30))
    x = np.array([user_factors[user] for user in users])
    y = np.array([item_factors[item] for item in items])
    exact = solved(matrix, y)
    assert np.abs(x - exact).max() < 0.01 * np.abs(exact).max()


@pytest.mark.parametrize("partitions", [1, 2, 4, 8])
def test_the_same_bits_in_one_task_and_on_any_number_of_partitions(
    spark: SparkSession, tmp_path: Path, partitions: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    rows = pairs(120, 30)
    here = both(fit(spark, rows, tmp_path / "one"))
    monkeypatch.setattr(type(spark.sparkContext), "defaultParallelism", partitions)
    monkeypatch.setattr(ials, "_COLLECTED", 3)  # of four and more partitions, groups are added up first
    spread = fit(spark, rows[::-1], tmp_path / "spread", partitions, single_task_pairs=0)
    assert spread.metadata["tasks"] == partitions
    assert both(spread) == here


def test_equal_pairs_add_up(spark: SparkSession, tmp_path: Path) -> None:
    rows = pairs()
    twice = [(user, item, strength / 2) for user, item, strength in rows for _ in range(2)]
    assert both(fit(spark, twice, tmp_path / "twice", 3)) == both(fit(spark, rows, tmp_path / "once"))


def test_other_users_names_do_not_change_a_users_order(spark: SparkSession, tmp_path: Path) -> None:
    rows = pairs()
    renamed = [(user if user < "u05" else f"zz{user[::-1]}", *rest) for user, *rest in rows]
    asked = [f"u{number:02}" for number in range(5)]

    def orders(given: list[tuple], folder: str) -> list[tuple[str, str]]:
        model = fit(spark, given, tmp_path / folder)
        frame = interactions(spark, given)
        found = proposals(propose_by_factors(model, request(frame, with_ials(), asked, k=10)))
        return [(user, item) for user, item, *_ in found]

    assert orders(renamed, "renamed") == orders(rows, "as they are")


def test_more_weight_on_an_item_does_not_lower_it(spark: SparkSession, tmp_path: Path) -> None:
    rows = pairs()
    user, item, _ = rows[7]
    scores = []
    for strength in (0.5, 1.0, 3.0, 9.0):
        changed = [(*row[:2], strength) if row[:2] == (user, item) else row for row in rows]
        mine, its = both(fit(spark, changed, tmp_path / str(strength), iterations=10))
        scores.append(float(np.dot(mine[user], its[item])))
    assert scores == sorted(scores)


def test_refused_pairs_are_left_out_or_confident_zeros(spark: SparkSession, tmp_path: Path) -> None:
    liked = [(f"u{user}", item) for user in range(6) for item in ("a", "b")]
    rows = [pair for pair in liked if pair != ("u1", "a")] + [("u1", "a", 0.0, 2.0), ("u2", "never", 0.0, 1.0)]
    frame = interactions(spark, rows)
    without = ials.fit(fitting(frame, tmp_path / "0", with_ials(rank=2)))
    with_them = ials.fit(fitting(frame, tmp_path / "1", with_ials(rank=2, negative_weight=3.0)))
    assert (without.metadata["pairs"], with_them.metadata["pairs"]) == (11, 12)
    scores = []
    for model in (without, with_them):
        mine, its = both(model)
        assert set(its) == {"a", "b"}
        scores.append(float(np.dot(mine["u1"], its["a"])))
    assert scores[1] < scores[0] - 0.1


def test_ids_of_every_kind_come_back_as_they_went_in(spark: SparkSession, tmp_path: Path) -> None:
    rows = [(user, item) for user in ("é", "01", "1", "a b/c", "") for item in ("x/ä", "0", "00")]
    mine, its = both(fit(spark, rows, tmp_path, 3))
    assert (set(mine), set(its)) == ({"é", "01", "1", "a b/c", ""}, {"x/ä", "0", "00"})


def test_another_seed_gives_another_model(spark: SparkSession, tmp_path: Path) -> None:
    frame = interactions(spark, pairs())
    one = fitting(frame, tmp_path / "one", with_ials())
    other = dataclasses.replace(one, seed=2, scratch=str(tmp_path / "other"))
    assert both(ials.fit(one)) != both(ials.fit(other))


def test_nothing_to_learn_from_is_refused(spark: SparkSession, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="nothing to learn from"):
        fit(spark, [("u", "i", 0.0)], tmp_path)


def test_more_item_factors_than_allowed_are_refused(spark: SparkSession, tmp_path: Path) -> None:
    frame = interactions(spark, [(f"u{n}", f"i{n}") for n in range(200)])
    settings = CandidateSettings(max_item_factors_mb=1, ials=SETTINGS.model_copy(update={"rank": 2000}))
    with pytest.raises(SettingsError, match=r"200 items of 2000 factors are 2 MB.*max_item_factors_mb \(1\)"):
        ials.fit(fitting(frame, tmp_path, settings))


@pytest.mark.parametrize("single", [0, 1_000_000])
def test_a_divergence_stops_and_names_the_setting(spark: SparkSession, tmp_path: Path, single: int) -> None:
    with pytest.raises(SettingsError, match=r"no longer finite.*regularization \(now 0\)"):
        fit(spark, pairs(), tmp_path, alpha=1e30, regularization=0.0, single_task_pairs=single)


def test_ridges_by_hand() -> None:
    counts = np.array([1, 4])
    by_pairs = Objective(regularization=0.5, unobserved=0.1, exponent=1.0, counts_unobserved=False)
    assert by_pairs.ridge(counts, 100).tolist() == [0.5, 2.0]
    with_zeros = Objective(regularization=0.5, unobserved=0.1, exponent=0.5, counts_unobserved=True)
    assert with_zeros.ridge(np.array([6, 15]), 100).tolist() == [2.0, 2.5]


def test_blocks_follow_from_the_pairs() -> None:
    assert [blocks_for(pairs) for pairs in (1, 8_000_000, 8_000_001, 14_400_000, 10**12)] == [8, 8, 16, 16, 1024]


def test_sums_are_those_of_halves() -> None:
    nodes = [(n, 1, Sums(np.full((1, 1), n, np.float32), np.zeros((1, 1)))) for n in (0, 1, 2, 3, 6, 5)]
    added = [(first, size, float(sums.items[0, 0])) for first, size, sums in add_up(nodes)]
    assert added == [(0, 4, 6.0), (5, 1, 5.0), (6, 1, 6.0)]

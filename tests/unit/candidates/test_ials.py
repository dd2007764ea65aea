"""Implicit ALS: against the normal equations solved exactly, its laws, and the same bits however it is spread."""

import dataclasses
import datetime as dt
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from implicit.als import AlternatingLeastSquares
from pyspark.sql import SparkSession
from scipy.sparse import csr_matrix
from tests.unit.candidates.toy import factors, fitting, interactions, proposals, request

from repertoire.candidates import als, ials, ials_tasks, user_blocks
from repertoire.candidates.ials_cost import IalsSize, pairs_of_one_task
from repertoire.candidates.ials_solver import Objective, Sums, add_up
from repertoire.candidates.propose_by_factors import propose_by_factors
from repertoire.candidates.recommender import FittedModel
from repertoire.candidates.user_blocks import PairRows, blocks_for
from repertoire.errors import InputError, SettingsError
from repertoire.settings import AlsSettings, CandidateSettings, IalsSettings

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


@pytest.mark.parametrize("partitions", [1, 2, 5])
def test_the_same_bits_in_one_task_and_on_any_number_of_partitions(
    spark: SparkSession, tmp_path: Path, partitions: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    rows = pairs(120, 30)
    here = both(fit(spark, rows, tmp_path / "one", iterations=3))
    monkeypatch.setattr(type(spark.sparkContext), "defaultParallelism", partitions)
    monkeypatch.setattr(ials_tasks, "_COLLECTED", 3)  # of four and more partitions, groups are added up first
    spread = fit(spark, rows[::-1], tmp_path / "spread", partitions, single_task_pairs=0, iterations=3)
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


def test_local_parquet_gives_the_bits_that_rows_through_the_jvm_give(
    spark: SparkSession, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    rows = [*pairs(120, 30), ("u001", "i03", 0.0), ("u002", "i04", 1.0, 2.0), ("nobody", "nothing", 0.0)]
    frame = interactions(spark, rows)
    frame.repartition(3).write.parquet(str(tmp_path / "a log"))
    read = spark.read.parquet(str(tmp_path / "a log"))
    through_jvm = both(ials.fit(fitting(frame, tmp_path / "jvm", with_ials())))
    monkeypatch.setattr(user_blocks, "_ROWS_A_PART", 100)
    for task_pairs in (30_000_000, 0):
        settings = with_ials(single_task_pairs=task_pairs)
        assert PairRows(read, ("strength",), lambda table: table).parts
        assert both(ials.fit(fitting(read, tmp_path / f"files {task_pairs}", settings))) == through_jvm
    filtered = read.where("item_id != 'i00'")
    assert PairRows(filtered, ("strength",), lambda table: table).parts is None
    assert "i00" not in both(ials.fit(fitting(filtered, tmp_path / "filtered", with_ials())))[1]


def test_als_is_solved_by_ials_for_the_objective_of_mllib(spark: SparkSession, tmp_path: Path) -> None:
    rows = pairs()
    users, items, matrix = dense(rows)
    frame = interactions(spark, rows)
    found = {}
    for engine in ("mllib", "ials"):
        settings = AlsSettings(engine=engine, rank=4, iterations=25, regularization=0.1, alpha=1.5)
        model = als.fit(fitting(frame, tmp_path / engine, CandidateSettings(als=settings)))
        assert model.name == "als"
        mine, its = both(model)
        x, y = np.array([mine[user] for user in users]), np.array([its[item] for item in items])
        confidence = np.where(matrix > 0, 1 + 1.5 * matrix, 1)
        ridge = 0.1 * ((matrix > 0).sum(1) @ (x**2).sum(1) + (matrix > 0).sum(0) @ (y**2).sum(1))
        found[engine] = (confidence * ((matrix > 0) - x @ y.T) ** 2).sum() + ridge
    assert found["ials"] == pytest.approx(found["mllib"], rel=0.02)


def test_as_near_to_implicit_as_implicit_is_from_another_start(spark: SparkSession, tmp_path: Path) -> None:
    """The peer's own objective: confidence 1 + α × strength, one ridge for all. Alternations end in different valleys."""
    random = np.random.default_rng(8)
    taste = random.gamma(0.4, size=(150, 4)) @ random.gamma(0.4, size=(4, 60))
    rows = [
        (f"u{user:03}", f"i{item:02}", float(random.integers(1, 4)))
        for user, item in np.argwhere(random.random(taste.shape) < 0.9 * taste / (0.3 + taste))
    ]
    users, items, matrix = dense(rows)
    changes = {"regularization": 0.5, "regularization_exponent": 0.0, "regularize_unobserved": False}
    mine, its = both(fit(spark, rows, tmp_path, iterations=40, unobserved_weight=1.0, alpha=2.0, **changes))
    fitted = {"ials": (np.array([mine[user] for user in users]), np.array([its[item] for item in items]))}
    confidence = np.where(matrix > 0, 1 + 2.0 * matrix, 0)
    for start in (3, 4):
        peer = AlternatingLeastSquares(factors=4, regularization=0.5, iterations=40, random_state=start, num_threads=1)
        peer.fit(csr_matrix(confidence.astype(np.float32)), show_progress=False)
        fitted[f"implicit {start}"] = peer.user_factors, peer.item_factors

    objective, lists = {}, {}
    for name, (x, y) in fitted.items():
        scores = x @ y.T
        error = np.maximum(confidence, 1) * ((matrix > 0) - scores) ** 2
        objective[name] = error.sum() + 0.5 * (x**2).sum() + 0.5 * (y**2).sum()
        lists[name] = np.argsort(-np.where(matrix > 0, -np.inf, scores), axis=1)[:, :10]

    def in_common(one: str, other: str) -> float:
        return float(np.mean([len({*a} & {*b}) / 10 for a, b in zip(lists[one], lists[other], strict=True)]))

    assert objective["ials"] == pytest.approx(objective["implicit 3"], rel=0.005)
    assert in_common("ials", "implicit 3") > 0.75
    assert in_common("ials", "implicit 3") > in_common("implicit 3", "implicit 4") - 0.1


@pytest.mark.parametrize("changes", [{"implicit": False}, {"nonnegative": True}])
def test_what_only_mllib_can_fit_is_refused(spark: SparkSession, tmp_path: Path, changes: dict[str, bool]) -> None:
    settings = CandidateSettings(als=AlsSettings(engine="ials", **changes))
    with pytest.raises(SettingsError, match=rf"candidates\.als\.{next(iter(changes))} = .*engine = mllib"):
        als.fit(fitting(interactions(spark, pairs()), tmp_path, settings))


def test_users_and_items_are_folded_in(spark: SparkSession, tmp_path: Path) -> None:
    before = [row for row in pairs() if row[0] < "u35" and row[1] < "i22"]
    model = fit(spark, before, tmp_path / "before")
    today = fitting(interactions(spark, pairs()), tmp_path / "today", with_ials())
    folded = ials.fold_in(dataclasses.replace(model, metadata={**model.metadata, "model_version": "v1"}), today)
    (_, was), (mine, its) = both(model), both(folded)
    assert {item: its[item] for item in was} == was
    users, items, matrix = dense(pairs())
    assert (set(mine), set(its)) == (set(users), set(items))
    y = np.array([its[item] for item in items])
    np.testing.assert_allclose(np.array([mine[user] for user in users]), solved(matrix, y), atol=1e-4)
    assert all(np.abs(its[item]).max() > 0.01 for item in ("i22", "i23", "i24"))
    assert folded.metadata["folded_into"] == "v1"


def test_a_warm_start_is_further_after_an_iteration(spark: SparkSession, tmp_path: Path) -> None:
    rows = pairs()
    known = fit(spark, rows[:-1], tmp_path / "known", iterations=60)
    target = solved_scores(spark, rows, tmp_path)
    errors = {}
    for days in (0, 1):
        settings = with_ials(iterations=1, warm_start_days=days)
        asked = fitting(interactions(spark, rows), tmp_path / str(days), settings)
        day = (asked.as_of - dt.timedelta(days=1)).isoformat()
        yesterday = dataclasses.replace(known, metadata={**known.metadata, "as_of": day, "trained_on": day})
        model = ials.fit(dataclasses.replace(asked, previous=lambda name, last=yesterday: last))
        assert ("started_from" in model.metadata) == bool(days)
        errors[days] = np.abs(scores_of(model, rows) - target).mean()
    assert errors[1] < errors[0] / 2


def scores_of(model: FittedModel, rows: list[tuple]) -> np.ndarray:
    users, items, _ = dense(rows)
    mine, its = both(model)
    return np.array([mine[user] for user in users]) @ np.array([its[item] for item in items]).T


def solved_scores(spark: SparkSession, rows: list[tuple], folder: Path) -> np.ndarray:
    return scores_of(fit(spark, rows, folder / "target", iterations=60, cg_steps=10), rows)


@pytest.mark.parametrize(
    ("age", "change", "folds"), [(2, {}, True), (3, {}, False), (2, {"alpha": 9.0}, False), (2, {"rank": 3}, False)]
)
def test_a_young_model_of_the_same_objective_is_folded_into(
    spark: SparkSession, tmp_path: Path, age: int, change: dict[str, float], folds: bool
) -> None:
    rows = pairs(20, 12)
    last = fit(spark, rows, tmp_path / "last")
    asked = fitting(interactions(spark, rows), tmp_path / "now", with_ials(refit_days=3, **change))
    day = (asked.as_of - dt.timedelta(days=age)).isoformat()
    last = dataclasses.replace(last, metadata={**last.metadata, "as_of": day, "trained_on": day})
    model = ials.fit(dataclasses.replace(asked, previous=lambda name: last))
    assert ("folded_into" in model.metadata) == folds
    assert model.metadata["trained_on"] == (day if folds else asked.as_of.isoformat())


def test_what_a_fit_will_take_is_said_before_it_begins(
    spark: SparkSession, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    said: list[str] = []
    asked = dataclasses.replace(fitting(interactions(spark, pairs()), tmp_path, with_ials()), say=said.append)

    def alternate_no_more(*_: object) -> None:
        raise ials.Diverged(1)

    monkeypatch.setattr(ials, "fit_in_one_task", alternate_no_more)
    with pytest.raises(SettingsError, match="after 1 of 4 iterations"):
        ials.fit(asked)
    assert [line.partition(": about")[0] for line in said] == ["ials: 239 pairs of 25 items in one task"]


def test_estimates_grow_with_pairs_and_shrink_with_cores() -> None:
    size = IalsSize(pairs=101_192_572, items=100_000, rank=64, blocks=128, tasks=1, cores=2)
    assert 5e9 < size.bytes < 10e9  # measured: 7.6e9
    twice, more_cores = (dataclasses.replace(size, **change) for change in ({"pairs": 2 * size.pairs}, {"cores": 4}))
    assert twice.seconds(15, 3) == pytest.approx(2 * size.seconds(15, 3))
    assert more_cores.seconds(15, 3) == pytest.approx(size.seconds(15, 3) / 2)
    assert dataclasses.replace(size, rank=128).seconds(15, 3) > 1.5 * size.seconds(15, 3)


def test_one_task_gets_what_this_machine_has_free(spark: SparkSession) -> None:
    assert pairs_of_one_task(spark) >= 5_000_000
    on_a_cluster = SimpleNamespace(sparkContext=SimpleNamespace(master="yarn"))
    assert pairs_of_one_task(on_a_cluster) == 5_000_000

"""Models of items that speak for items: each against its formula in NumPy, and the lists that follow from it."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from pyspark.sql import SparkSession
from sklearn.feature_extraction.text import TfidfTransformer
from sklearn.linear_model import ElasticNet
from tests.unit.candidates.toy import fitting, interactions, proposals, request

from repertoire.candidates import leading_vectors, pair_matrix
from repertoire.candidates.history_kernel import six_digits_of
from repertoire.candidates.propose_by_history import propose_by_history
from repertoire.candidates.recommender import FittedModel
from repertoire.candidates.registry import recommender
from repertoire.candidates.top_k_kernel import six_digits
from repertoire.errors import InputError, SettingsError
from repertoire.settings import (
    CandidateSettings,
    EaseSettings,
    GraphFilterSettings,
    ItemKnnSettings,
    Rp3betaSettings,
    SlimSettings,
)

ITEMS = [f"i{item:02}" for item in range(25)]


def pairs(seed: int = 1) -> list[tuple]:
    random = np.random.default_rng(seed)
    rows = [
        (f"u{user:02}/é", ITEMS[item], float(random.integers(1, 5)))
        for user, item in np.argwhere(random.random((40, 25)) < 0.25)
    ]
    return [*rows, ("refuser", "i03", 1.0, 2.0), ("refuser", "i04", 1.0)]


def wanted(rows: list[tuple]) -> np.ndarray:
    users = sorted({row[0] for row in rows})
    matrix = np.zeros((len(users), len(ITEMS)))
    for row in rows:
        if len(row) == 3:
            matrix[users.index(row[0]), ITEMS.index(row[1])] = 1
    return matrix


def fitted(spark: SparkSession, name: str, settings: CandidateSettings, folder: Path) -> FittedModel:
    return recommender(name).fit(fitting(interactions(spark, pairs()), folder, settings))


def matrix_of(model: FittedModel) -> np.ndarray:
    """(n, n): in row i what item i gets from each."""
    rows = {row["item_id"]: row for row in model.tables["similar_items"].collect()}
    assert sorted(rows) == ITEMS
    found = np.zeros((len(ITEMS), len(ITEMS)))
    for place, item in enumerate(ITEMS):
        assert rows[item]["neighbours"] == sorted(rows[item]["neighbours"])
        found[place, rows[item]["neighbours"]] = rows[item]["weights"]
    return found


def largest(values: np.ndarray, most: int, size: Callable = lambda row: row) -> np.ndarray:
    """Each row's largest values, zeros elsewhere and on the diagonal."""
    found = np.zeros_like(values)
    for row, each in enumerate(values):
        order = [place for place in np.argsort(-size(each), kind="stable") if place != row and size(each)[place] > 0]
        found[row, order[:most]] = each[order[:most]]
    return found


def cosine(matrix: np.ndarray, exponent: float, shrink: float) -> np.ndarray:
    weighed = matrix * np.maximum(matrix.sum(1), 1)[:, None] ** -exponent
    norms = np.sqrt((weighed**2).sum(0))
    return weighed.T @ weighed / (np.outer(norms, norms) + shrink)


def jaccard(matrix: np.ndarray, shrink: float) -> np.ndarray:
    common, counts = matrix.T @ matrix, matrix.sum(0)
    return common / (counts[:, None] + counts - common + shrink)


@pytest.mark.parametrize(("exponent", "shrink", "most"), [(0.0, 0.0, 25), (0.5, 2.0, 25), (1.0, 0.0, 4)])
def test_item_knn_by_cosine(spark: SparkSession, tmp_path: Path, exponent: float, shrink: float, most: int) -> None:
    settings = CandidateSettings(item_knn=ItemKnnSettings(user_exponent=exponent, shrink=shrink, neighbors=most))
    found = matrix_of(fitted(spark, "item_knn", settings, tmp_path))
    np.testing.assert_allclose(found, largest(cosine(wanted(pairs()), exponent, shrink), most), rtol=1e-6)


@pytest.mark.parametrize(("shrink", "most"), [(0.0, 25), (3.0, 5)])
def test_item_knn_by_jaccard(spark: SparkSession, tmp_path: Path, shrink: float, most: int) -> None:
    settings = CandidateSettings(item_knn=ItemKnnSettings(similarity="jaccard", shrink=shrink, neighbors=most))
    found = matrix_of(fitted(spark, "item_knn", settings, tmp_path))
    np.testing.assert_allclose(found, largest(jaccard(wanted(pairs()), shrink), most), rtol=1e-6)


def test_item_knn_by_tf_idf_of_scikit_learn(spark: SparkSession, tmp_path: Path) -> None:
    settings = CandidateSettings(item_knn=ItemKnnSettings(similarity="tfidf", shrink=0, neighbors=6))
    found = matrix_of(fitted(spark, "item_knn", settings, tmp_path))
    weighed = TfidfTransformer().fit_transform(wanted(pairs()).T).toarray()
    np.testing.assert_allclose(found, largest(weighed @ weighed.T, 6), rtol=1e-6)


def test_item_knn_by_bm25(spark: SparkSession, tmp_path: Path) -> None:
    settings = CandidateSettings(
        item_knn=ItemKnnSettings(similarity="bm25", shrink=0, neighbors=6, popularity_exponent=0.3)
    )
    found = matrix_of(fitted(spark, "item_knn", settings, tmp_path))
    ones = wanted(pairs()).T  # items are the documents, users the terms
    having, lengths = ones.sum(0), ones.sum(1)
    idf = np.log(1 + (len(ones) - having + 0.5) / (having + 0.5))
    weighed = ones * idf * 2.2 / (1 + 1.2 * (0.25 + 0.75 * lengths / lengths.mean()))[:, None]
    expected = largest(weighed @ weighed.T, 6) / lengths[:, None] ** 0.3
    np.testing.assert_allclose(found, expected, rtol=1e-6)


@pytest.mark.parametrize("most", [25, 5])
def test_rp3beta_by_transition_matrices(spark: SparkSession, tmp_path: Path, most: int) -> None:
    settings = CandidateSettings(rp3beta=Rp3betaSettings(alpha=0.7, beta=0.3, neighbors=most))
    found = matrix_of(fitted(spark, "rp3beta", settings, tmp_path))
    matrix = wanted(pairs())
    to_user = (matrix / matrix.sum(0)).T ** 0.7  # (item, user)
    to_item = (matrix / np.maximum(matrix.sum(1), 1)[:, None]) ** 0.7
    reached = to_user @ to_item / matrix.sum(0) ** 0.3  # from row to column
    np.testing.assert_allclose(found, largest(reached.T, most), rtol=1e-6)


@pytest.mark.parametrize("most", [25, 5])
def test_slim_is_the_elastic_net_of_scikit_learn(spark: SparkSession, tmp_path: Path, most: int) -> None:
    slim = SlimSettings(l1=0.4, l2=1.5, candidates=most, sweeps=1000, tolerance=1e-10)
    found = matrix_of(fitted(spark, "slim", CandidateSettings(slim=slim), tmp_path))
    matrix = wanted(pairs())
    alike = largest(cosine(matrix, 0, 0), most) > 0
    users, expected = len(matrix), np.zeros_like(found)
    for item in range(len(ITEMS)):
        chosen = np.flatnonzero(alike[item])
        # Its objective is 1 / (2 users) |y - Xw|² + alpha l1_ratio |w|₁ + ½ alpha (1 - l1_ratio) |w|².
        alpha = (0.4 + 1.5) / users
        net = ElasticNet(
            alpha=alpha, l1_ratio=0.4 / 1.9, fit_intercept=False, positive=True, tol=1e-12, max_iter=100_000
        )
        expected[item, chosen] = net.fit(matrix[:, chosen], matrix[:, item]).coef_
    np.testing.assert_allclose(found, expected, atol=1e-6)
    assert (found > 0).sum() > 50


@pytest.mark.parametrize("most", [2000, 6])
def test_ease_in_closed_form(spark: SparkSession, tmp_path: Path, most: int) -> None:
    settings = CandidateSettings(ease=EaseSettings(l2=3.0, ridge_exponent=0, user_exponent=0, neighbors=most))
    found = matrix_of(fitted(spark, "ease", settings, tmp_path))
    matrix = wanted(pairs())
    inverse = np.linalg.inv(matrix.T @ matrix + 3 * np.eye(len(ITEMS)))
    weights = -inverse / np.diag(inverse)[:, None]
    np.testing.assert_allclose(found, largest(weights, most, np.abs), rtol=1e-5, atol=1e-9)


def test_ease_with_exponents(spark: SparkSession, tmp_path: Path) -> None:
    found = matrix_of(fitted(spark, "ease", CandidateSettings(), tmp_path))
    matrix = wanted(pairs())
    sizes = np.maximum(matrix.sum(1), 1)
    weights = sizes**-0.5 / (sizes**-0.5 @ matrix.sum(1)) * matrix.sum()
    gram = matrix.T @ (weights[:, None] * matrix)
    diagonal = np.diag(gram)
    ridge = 40 * np.sqrt(matrix.sum() / len(ITEMS)) * np.sqrt(diagonal / diagonal.mean())
    inverse = np.linalg.inv(gram + np.diag(ridge))
    expected = -inverse / np.diag(inverse)[:, None]
    np.fill_diagonal(expected, 0)
    np.testing.assert_allclose(found, expected, rtol=1e-4, atol=1e-8)


@pytest.mark.parametrize("in_many_tasks", [False, True])
def test_graph_filter_by_eigenvectors(
    spark: SparkSession, tmp_path: Path, in_many_tasks: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    if in_many_tasks:
        for module in (pair_matrix, leading_vectors):
            monkeypatch.setattr(module, "pairs_of_one_task", lambda spark: 0)
    filters = GraphFilterSettings(factors=5, low_pass_weight=0.7, rounds=12)
    settings = CandidateSettings(graph_filter=filters)
    model = fitted(spark, "graph_filter", settings, tmp_path)
    matrix = wanted(pairs())
    users_of, items_of = matrix.sum(0), np.maximum(matrix.sum(1), 1)[:, None]
    normal = matrix / np.sqrt(users_of)
    linear = normal.T @ (normal * items_of**-0.5) / np.sqrt(items_of.mean())
    np.testing.assert_allclose(matrix_of(model), largest(linear, 25), rtol=1e-5)
    rows = {row["item_id"]: row for row in model.tables["item_filters"].collect()}
    vector, given, taken = (np.array([rows[item][name] for item in ITEMS]) for name in ("vector", "given", "taken"))
    graph = matrix * items_of**-0.3 * users_of**-0.4
    vectors = np.linalg.eigh(graph.T @ graph)[1][:, ::-1][:, :5]
    low_pass = 0.7 * (vectors @ vectors.T) * users_of[:, None] ** -0.4 * users_of**0.4
    np.testing.assert_allclose((given[:, None] * vector) @ vector.T * taken, low_pass, atol=1e-4)

    frame = interactions(spark, pairs())
    users = sorted({row[0] for row in pairs()})
    found = proposals(propose_by_history(model, request(frame, settings, users, k=4)))
    scores = matrix @ (largest(linear, 25).T + low_pass)
    assert len(found) == 4 * len(users)
    for user, item, score, _, _ in found:
        assert score == pytest.approx(scores[users.index(user), ITEMS.index(item)], rel=1e-3)


def test_ease_refuses_more_items_than_the_driver_may_hold(spark: SparkSession, tmp_path: Path) -> None:
    rows = [("u", f"i{item}") for item in range(300)]
    asked = fitting(interactions(spark, rows), tmp_path, CandidateSettings(ease=EaseSettings(max_memory_mb=1)))
    with pytest.raises(SettingsError, match=r"300 items take a matrix of 1 MB .*max_memory_mb \(1\).*slim or item_knn"):
        recommender("ease").fit(asked)


@pytest.mark.parametrize("name", ["item_knn", "rp3beta", "ease", "slim", "graph_filter"])
def test_many_tasks_give_the_bits_of_one(
    spark: SparkSession, tmp_path: Path, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    rows = interactions(spark, pairs())
    rows.repartition(3).write.parquet(str(tmp_path / "interactions"))
    settings = CandidateSettings(item_knn=ItemKnnSettings(neighbors=6))
    found = []
    for most, frame in ((10**9, rows), (10**9, spark.read.parquet(str(tmp_path / "interactions"))), (0, rows)):
        monkeypatch.setattr(pair_matrix, "pairs_of_one_task", lambda spark, most=most: most)
        found.append(matrix_of(recommender(name).fit(fitting(frame, tmp_path, settings))).tolist())
    assert found[0] == found[1] == found[2]


@pytest.mark.parametrize("name", ["item_knn", "rp3beta", "ease", "slim", "graph_filter", "sequential"])
def test_nothing_wanted_is_refused(spark: SparkSession, tmp_path: Path, name: str) -> None:
    asked = fitting(interactions(spark, [("u", "i", 0.0, 1.0)]), tmp_path, CandidateSettings())
    with pytest.raises(InputError, match=f"{name} has nothing to learn from"):
        recommender(name).fit(asked)


def speaking(spark: SparkSession) -> FittedModel:
    rows = [
        ("a", [1, 2], [0.5, 0.25]),  # b and c speak for a
        ("b", [0], [1.0]),
        ("c", [0, 1], [0.5, 0.5]),
        ("d", [0, 1, 2], [0.25, -2.0, 0.25]),  # b speaks against d
    ]
    table = spark.createDataFrame(rows, "item_id string, neighbours array<int>, weights array<float>")
    return FittedModel("toy", {"similar_items": table})


@pytest.mark.quick
def test_lists_by_hand(spark: SparkSession, tmp_path: Path) -> None:
    rows = [
        ("one", "a", 3.0),
        ("both", "a", 1.0),
        ("both", "b", 1.0, 0.0, False),  # wanted, not seen: it speaks, and may be proposed
        ("refused", "a", 1.0, 2.0),  # refused more than wanted: seen, and says nothing
        ("refused", "c", 1.0),
        ("stranger", "x", 1.0),
    ]
    frame = interactions(spark, rows)
    frame.write.parquet(str(tmp_path / "rows"))
    users = ["one", "both", "refused", "stranger", "nobody"]
    spark.createDataFrame([(user,) for user in users], "user_id string").write.parquet(str(tmp_path / "users"))
    expected = [
        ("both", "b", 1.0, 1, "because_of:a"),
        ("both", "c", 1.0, 2, "because_of:a"),  # a and b add as much
        ("both", "d", -1.75, 3, "because_of:a"),
        ("one", "b", 1.0, 1, "because_of:a"),
        ("one", "c", 0.5, 2, "because_of:a"),
        ("one", "d", 0.25, 3, "because_of:a"),
        ("refused", "d", 0.25, 1, "because_of:c"),
    ]
    asked = request(frame, CandidateSettings(), users, k=5)
    assert proposals(propose_by_history(speaking(spark), asked)) == expected
    here = request(spark.read.parquet(str(tmp_path / "rows")), CandidateSettings(), users, k=5)
    from_files = here.__class__(**{**vars(here), "users": spark.read.parquet(str(tmp_path / "users"))})
    assert proposals(propose_by_history(speaking(spark), from_files)) == expected
    fewer = request(frame, CandidateSettings(explain=False), ["one"], k=1, eligible=["d", "c"])
    assert proposals(propose_by_history(speaking(spark), fewer)) == [("one", "c", 0.5, 1, "toy")]


def test_six_digits_are_those_of_the_scorer() -> None:
    random = np.random.default_rng(0)
    values = np.concatenate([random.normal(size=2000) * 10.0 ** random.integers(-25, 20, 2000), [0.0, -0.0, 1.2345675]])
    assert [six_digits_of(value) for value in values] == six_digits(values).tolist()

"""Neighbours of users: against the formula in NumPy, in one task and in many."""

from pathlib import Path

import numpy as np
import pytest
from pyspark.sql import SparkSession
from sklearn.feature_extraction.text import TfidfTransformer
from tests.unit.candidates.toy import fitting, interactions, proposals, request

from repertoire.candidates import pair_matrix
from repertoire.candidates.top_k_kernel import six_digits
from repertoire.candidates.user_knn import USER_KNN
from repertoire.errors import InputError
from repertoire.settings import CandidateSettings, UserKnnSettings

USERS = [f"u{user:02}/é" for user in range(40)]
ITEMS = [f"i{item:02}" for item in range(25)]


def pairs() -> list[tuple]:
    """Some wanted and seen, some only wanted, some only seen."""
    random = np.random.default_rng(2)
    rows = []
    for user, item in np.argwhere(random.random((40, 25)) < 0.3):
        kind = random.random()
        rows.append((USERS[user], ITEMS[item], float(kind > 0.2), float(kind <= 0.2), bool(kind < 0.8)))
    return rows


def expected(settings: UserKnnSettings, k: int, asked: list[str]) -> list[tuple]:
    wanted, seen = np.zeros((40, 25)), np.zeros((40, 25), bool)
    for user, item, strength, _, is_seen in pairs():
        wanted[USERS.index(user), ITEMS.index(item)] = strength
        seen[USERS.index(user), ITEMS.index(item)] = is_seen
    counts = wanted.sum(0)
    if settings.similarity == "cosine":
        weighed = wanted * counts**-settings.item_exponent
        norms = np.sqrt((weighed**2).sum(1))
        alike = weighed @ weighed.T / (np.outer(norms, norms) + settings.shrink)
    elif settings.similarity == "tfidf":
        alike = (weighed := TfidfTransformer().fit_transform(wanted).toarray()) @ weighed.T
    else:
        common, sizes = wanted @ wanted.T, wanted.sum(1)
        alike = common / (sizes[:, None] + sizes - common + settings.shrink)
    np.fill_diagonal(alike, 0)
    rows = []
    for user in sorted(USERS.index(user) for user in asked):
        least = np.sort(alike[user])[-settings.neighbors]
        near = np.where(alike[user] >= least, alike[user], 0) ** settings.power * (alike[user] > 0)
        assert (near > 0).sum() <= settings.neighbors, "equal neighbours at the end: another example is needed"
        scores = six_digits(near * np.maximum(wanted.sum(1), 1) ** -settings.user_exponent @ wanted)
        order = [item for item in np.argsort(-scores, kind="stable") if scores[item] > 0 and not seen[user, item]][:k]
        rows += [(USERS[user], ITEMS[item], scores[item], place + 1, "user_knn") for place, item in enumerate(order)]
    return rows


@pytest.mark.parametrize(
    "changes",
    [
        {"item_exponent": 0.5, "neighbors": 7},
        {"item_exponent": 0.3, "neighbors": 40, "shrink": 2.0, "power": 2.0},
        {"similarity": "jaccard", "neighbors": 40, "shrink": 1.0, "user_exponent": 0.0},
        {"similarity": "tfidf", "neighbors": 40, "user_exponent": 0.6},
    ],
)
def test_by_the_formula(spark: SparkSession, tmp_path: Path, changes: dict[str, float]) -> None:
    settings = UserKnnSettings(**changes)
    frame = interactions(spark, pairs())
    model = USER_KNN.fit(fitting(frame, tmp_path, CandidateSettings(user_knn=settings)))
    asked = request(frame, CandidateSettings(), USERS, k=6)
    assert proposals(USER_KNN.propose(model, asked)) == expected(settings, 6, USERS)


def test_files_and_many_tasks_give_the_same_lists(
    spark: SparkSession, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = UserKnnSettings(neighbors=7, item_exponent=0.5)
    frame = interactions(spark, pairs())
    frame.repartition(3).write.parquet(str(tmp_path / "interactions"))
    model = USER_KNN.fit(fitting(frame, tmp_path, CandidateSettings(user_knn=settings)))
    few = [*USERS[3:20], "stranger"]
    spark.createDataFrame([(user,) for user in few], "user_id string").write.parquet(str(tmp_path / "users"))
    wanted = expected(settings, 4, USERS[3:20])
    for most in (10**9, 0):
        monkeypatch.setattr(pair_matrix, "pairs_of_one_task", lambda spark, most=most: most)
        assert proposals(USER_KNN.propose(model, request(frame, CandidateSettings(), few, k=4))) == wanted
        here = request(spark.read.parquet(str(tmp_path / "interactions")), CandidateSettings(), few, k=4)
        from_files = here.__class__(**{**vars(here), "users": spark.read.parquet(str(tmp_path / "users"))})
        assert proposals(USER_KNN.propose(model, from_files)) == wanted


def test_nothing_wanted_is_refused(spark: SparkSession, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="user_knn has nothing to learn from"):
        USER_KNN.fit(fitting(interactions(spark, [("u", "i", 0.0, 1.0)]), tmp_path, CandidateSettings()))

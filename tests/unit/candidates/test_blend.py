"""The blend: normalised, added, and weighed by what was held back."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
from pyspark.sql import SparkSession
from tests.unit.candidates.toy import at, fitting, interactions, proposals, request

from repertoire.candidates.blend import blend_of
from repertoire.candidates.blend_lists import ListRows, blended, normalised
from repertoire.candidates.blend_weights import learnt_weights, list_contributions, ndcg
from repertoire.candidates.held_back import hold_back
from repertoire.candidates.recommender import FittedModel, Fitting, Recommender, Request
from repertoire.errors import SettingsError
from repertoire.frames.whole_users import whole_users
from repertoire.settings import BlendSettings, CandidateSettings

ITEMS = [f"i{item}" for item in range(8)]


def lists(rows: list[tuple]) -> pa.Table:
    names = ("user_id", "item_id", "place", "score", "rank", "reason")
    columns = dict(zip(names, zip(*rows, strict=True), strict=True))
    return pa.table({name: pa.array(column) for name, column in columns.items()})


TWO = [
    ("a", "x", 0, 4.0, 1, "first"),
    ("a", "y", 0, 2.0, 2, "first"),
    ("a", "z", 0, 0.0, 3, "first"),
    ("a", "z", 1, 0.9, 1, "second"),
    ("a", "x", 1, 0.1, 2, "second"),
    ("b", "y", 1, 7.0, 1, "second"),
]


def test_normalised_by_hand() -> None:
    rows = np.array([0, 0, 0, 0, 0, 1]), np.array([0, 0, 0, 1, 1, 1]), np.array([4.0, 2.0, 0.0, 0.9, 0.1, 7.0])
    spread = np.sqrt(8 / 3)
    np.testing.assert_allclose(normalised("score", *rows), [4 / spread, 2 / spread, 0, 2, 0, 0])
    np.testing.assert_allclose(normalised("rank", *rows), [1, 2 / 3, 1 / 3, 1, 1 / 2, 1])
    np.testing.assert_allclose(normalised("reciprocal_rank", *rows), 1 / np.array([61, 62, 63, 61, 62, 61]))
    for kind in ("score", "rank", "reciprocal_rank"):
        assert not len(normalised(kind, np.zeros(0, int), np.zeros(0, int), np.zeros(0)))


@pytest.mark.quick
def test_added_by_hand() -> None:
    found = blended(ListRows.of(lists(TWO)), "score", np.array([1.0, 0.5]), k=2).to_pylist()
    assert [tuple(row.values()) for row in found] == [
        ("a", "x", 2.44949, 1, "first"),
        ("a", "y", 1.22474, 2, "first"),
        ("b", "y", 0.0, 1, "second"),
    ]
    other = blended(ListRows.of(lists(TWO)), "score", np.array([0.5, 1.0]), k=1).to_pylist()
    assert tuple(other[0].values()) == ("a", "z", 2.0, 1, "second")
    fused = blended(ListRows.of(lists(TWO)), "reciprocal_rank", np.array([1.0, 1.0]), k=2).to_pylist()
    assert [(row["user_id"], row["item_id"], row["reason"]) for row in fused] == [
        ("a", "x", "first"),
        ("a", "z", "second"),
        ("b", "y", "second"),
    ]
    assert fused[0]["score"] == pytest.approx(1 / 61 + 1 / 62, abs=1e-7)


@pytest.mark.parametrize("size", [1, 2, 3, 100])
def test_users_come_whole_however_they_are_cut(size: int) -> None:
    table = lists(
        [row for name in ("a", "b", "c", "d") for row in [(name, *row[1:]) for row in TWO[: 3 if name > "b" else 5]]]
    )
    found = list(whole_users(batch for batch in table.to_batches(max_chunksize=size)))
    assert pa.concat_tables(found).combine_chunks() == table.combine_chunks()
    users = [set(part.column("user_id").to_pylist()) for part in found]
    assert sum(map(len, users)) == len(set.union(*users)) == 4


def test_weights_leave_out_what_only_disturbs() -> None:
    random = np.random.default_rng(0)
    rows: dict[str, list[tuple]] = {"good": [], "noise": []}
    truth = []
    for user in range(60):
        liked = random.choice(40, 4, replace=False)
        truth += [(f"u{user}", f"i{item}") for item in liked]
        for source in rows:
            scores = random.random(40)
            if source == "good":
                scores[liked] += 0.5
            order = np.argsort(-scores)
            rows[source] += [(f"u{user}", f"i{item}", scores[item], rank + 1) for rank, item in enumerate(order)]
    names = ("user_id", "item_id", "score", "rank")
    tables = [pa.table(dict(zip(names, map(list, zip(*each, strict=True)), strict=True))) for each in rows.values()]
    wanted = pa.table({"user_id": [user for user, _ in truth], "item_id": [item for _, item in truth]})
    data = list_contributions(tables, wanted)
    alone = [ndcg(data, np.array(weights)) for weights in ([1.0, 0.0], [0.0, 1.0])]
    weights, quality = learnt_weights(data)
    assert weights[0] == 1.0
    assert weights[1] <= 0.25
    assert quality >= alone[0] > 2 * alone[1]
    # By hand for one user: the liked are ranked by `good` alone.
    best = sorted(row for row in rows["good"] if row[0] == "u0")
    hits = [1 / np.log2(row[3] + 1) for row in best if (row[0], row[1]) in truth and row[3] <= 10]
    one = list_contributions(
        [table.filter(pa.compute.equal(table["user_id"], "u0")) for table in tables], wanted.slice(0, 4)
    )
    assert ndcg(one, np.array([1.0, 0.0])) == pytest.approx(sum(hits) / sum(1 / np.log2(np.arange(2, 6))))


def test_the_last_fifth_of_some_users_is_held_back(spark: SparkSession, tmp_path: Path) -> None:
    rows = [(f"u{user:02}", f"i{item}", 1.0, 0.0, True, at(item)) for user in range(40) for item in range(10)]
    rows += [("refuser", "i1", 0.0, 1.0), ("short", "i1"), ("short", "i2")]
    rows += [(f"u{user:02}", f"viewed{item}", 1.0, 0.0, False, at(-1)) for user in range(40) for item in range(9)]
    part = hold_back(interactions(spark, rows), most_users=20, seed=3, folder=str(tmp_path))
    held = set(zip(*(part.truth.column(name).to_pylist() for name in ("user_id", "item_id")), strict=True))
    users = {user for user, _ in held}
    assert 8 <= len(users) == part.users <= 32
    assert held == {(user, item) for user in users for item in ("i0", "i1")}  # the latest two of ten
    assert {row.user_id for row in part.asked.collect()} == users
    assert {(row.user_id, row.item_id) for row in part.train.collect()} == {row[:2] for row in rows} - held


def scorer(name: str, score: Callable[[str], float], fails: bool = False) -> Recommender:
    """The same scores for everybody, whatever was seen."""

    def fit(fitting: Fitting) -> FittedModel:
        if fails:
            raise SettingsError(f"{name} cannot be fitted")
        spark = fitting.spark
        return FittedModel(
            name, {"scores": spark.createDataFrame([(item, score(item)) for item in ITEMS], "item string, s double")}
        )

    def propose(model: FittedModel, request: Request):
        rows = sorted((-row.s, row.item) for row in model.tables["scores"].collect())[: request.k]
        listed = [
            (user.user_id, item, -score, rank + 1, name)
            for user in request.users.collect()
            for rank, (score, item) in enumerate(rows)
        ]
        return request.spark.createDataFrame(
            listed, "user_id string, item_id string, score double, rank int, reason string"
        )

    return Recommender(name, fit, propose)


def test_sources_together(spark: SparkSession, tmp_path: Path) -> None:
    said: list[str] = []
    models = {
        "up": scorer("up", lambda item: float(item[1])),
        "down": scorer("down", lambda item: -float(item[1])),
        "broken": scorer("broken", float, fails=True),
    }
    blend = blend_of(models.__getitem__)
    frame = interactions(
        spark, [(f"u{user}", item, 1.0, 0.0, True, at(-int(item[1]))) for user in range(6) for item in ITEMS]
    )
    settings = CandidateSettings(blend=BlendSettings(sources=["down", "broken", "up"]))
    asked = replace(fitting(frame, tmp_path, settings), say=said.append)
    model = blend.fit(asked)
    # The latest item, i7, is what is held back: `up` ranks it first.
    assert model.metadata["weights"] == {"up": 1.0}
    assert "blend: without broken: broken cannot be fitted" in said
    assert set(model.tables) == {"up.scores"}
    found = proposals(blend.propose(model, request(frame, settings, ["u1"], k=2)))
    assert [row[1] for row in found] == ["i7", "i6"]
    assert found[0][4] == "up"

    given = CandidateSettings(blend=BlendSettings(weights={"down": 1.0, "up": 0.5}))
    both = blend.fit(fitting(frame, tmp_path, given))
    assert [row[1] for row in proposals(blend.propose(both, request(frame, given, ["u1"], k=2)))] == ["i0", "i1"]
    equal = CandidateSettings(blend=BlendSettings(sources=["down", "up"], normalization="reciprocal_rank"))
    fused = blend.fit(replace(fitting(frame, tmp_path, equal), say=said.append))
    assert fused.metadata["weights"] == {"down": 1.0, "up": 1.0}
    first, last = proposals(blend.propose(fused, request(frame, equal, ["u1"], k=2)))
    assert (first[1], last[1], first[2]) == ("i0", "i7", last[2])
    with pytest.raises(SettingsError, match="broken cannot be fitted"):
        blend.fit(fitting(frame, tmp_path, CandidateSettings(blend=BlendSettings(weights={"broken": 1.0}))))

"""A ranker learns from candidates of the past which to put first."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from pyspark.sql import DataFrame, SparkSession

from repertoire.declared_features import Feature
from repertoire.errors import InputError
from repertoire.frames.materialise import materialise
from repertoire.ranking.fit_ranker import fit_ranker
from repertoire.ranking.order_candidates import order_candidates
from repertoire.settings import RankerSettings

FEATURES = [
    Feature("near", "pair", "number", "how near", "ever"),
    Feature("noise", "pair", "number", "nothing", "ever"),
    Feature("shop", "item", "category", "where", "ever"),
]
RNG = np.random.default_rng(8)


def _rows(groups: int, size: int = 12) -> list[tuple[Any, ...]]:
    made = []
    for group in range(groups):
        near = RNG.random(size)
        shops = RNG.choice(["film", "game"], size)
        # What is near within the group is taken, wherever the group itself lies; and what is of the shop that all like.
        worth = near + (shops == "film") * 0.5
        for place in range(size):
            label = int(worth[place] >= np.sort(worth)[-2])
            noise = None if place % 5 == 0 else float(RNG.random())
            made.append(
                (f"u{group}", f"i{place:02}", "ease", "because_of:x", float(near[place]), noise, str(shops[place]),
                 label, 1.0, group - 2**40)
            )  # fmt: skip
    return made


SCHEMA = (
    "user_id string, item_id string, source string, reason string, near double, noise double, shop string, "
    "__label int, __weight double, __group bigint"
)


@pytest.fixture(scope="module")
def rows(spark: SparkSession, tmp_path_factory: pytest.TempPathFactory) -> DataFrame:
    return materialise(spark.createDataFrame(_rows(120), SCHEMA), f"{tmp_path_factory.mktemp('rows')}/rows")


def _settings(name: str) -> RankerSettings:
    trees = {"rounds": 40, "learning_rate": 0.3, "min_child_weight": 0.01, "row_share": 1.0, "feature_share": 1.0}
    return RankerSettings.model_validate({"algorithm": name, "rank_ndcg": trees, "xgboost": {"rounds": 20}})


@pytest.mark.parametrize("name", ["rank_ndcg", "logistic", "xgboost"])
def test_what_was_taken_in_the_past_comes_first(
    name: str, rows: DataFrame, spark: SparkSession, tmp_path: Path
) -> None:
    ranker = fit_ranker(rows, FEATURES, _settings(name), seed=1, scratch=str(tmp_path), say=lambda text: None)
    fresh = spark.createDataFrame(_rows(60), SCHEMA)
    ordered = order_candidates(fresh, ranker).toPandas()
    assert list(ordered.columns) == ["user_id", "item_id", "source", "score", "reason", "rank"]
    best = ordered[ordered["rank"] <= 2].merge(fresh.toPandas()[["user_id", "item_id", "__label"]])
    assert best["__label"].mean() > 0.7  # two of twelve are: by chance .17
    for _, own in ordered.groupby("user_id"):
        own = own.sort_values("rank")
        assert own["rank"].tolist() == list(range(1, 13))
        assert (own.score.diff().dropna() <= 0).all()


def test_the_same_rows_give_the_same_order(rows: DataFrame, tmp_path: Path) -> None:
    lists = []
    for place in range(2):
        ranker = fit_ranker(
            rows, FEATURES, _settings("rank_ndcg"), seed=1, scratch=f"{tmp_path}/{place}", say=lambda text: None
        )
        spread = rows.repartition(place + 1)
        lists.append(order_candidates(spread, ranker).orderBy("user_id", "rank").toPandas())
    assert lists[0].equals(lists[1])


def test_equal_scores_are_ordered_by_item(rows: DataFrame, spark: SparkSession, tmp_path: Path) -> None:
    ranker = fit_ranker(rows, FEATURES, _settings("logistic"), seed=1, scratch=str(tmp_path), say=lambda text: None)
    same = [("u", item, "ease", "", 0.5, 0.5, "film", 0, 1.0, 1) for item in ("b", "a", "c")]
    ordered = order_candidates(spark.createDataFrame(same, SCHEMA), ranker).orderBy("rank").toPandas()
    assert ordered.item_id.tolist() == ["a", "b", "c"]


@pytest.mark.parametrize("label, words", [(0, "none were consumed"), (1, "all were consumed")])
def test_candidates_of_one_kind_teach_nothing(label: int, words: str, rows: DataFrame, tmp_path: Path) -> None:
    one_kind = rows.where(f"__label = {label}")
    with pytest.raises(InputError, match=f"the ranker cannot learn: of [0-9,]+ candidates of the past, {words}"):
        fit_ranker(one_kind, FEATURES, _settings("logistic"), seed=1, scratch=str(tmp_path), say=lambda text: None)

"""Settings of `train_ranker` and `rank_recommendations`."""

from math import inf
from typing import Literal

from pydantic import Field, field_validator

from repertoire.errors import unknown_name
from repertoire.settings.learning import LearningSettings
from repertoire.settings.section import Section
from repertoire.vocabulary import EVENT_TYPES


class RankNdcgSettings(Section):
    """Boosted trees that put a user's candidates in order: LambdaMART by xgboost (`rank:ndcg`)."""

    rounds: int = Field(120, ge=1, description="trees")
    learning_rate: float = Field(0.06, gt=0, le=1, description="share of each tree's answer that is added")
    max_depth: int = Field(4, ge=1, le=30, description="levels of a tree at most")
    min_child_weight: float = Field(20.0, ge=0, description="weight (second derivatives) that a leaf needs")
    row_share: float = Field(0.8, gt=0, le=1, description="rows drawn for each tree")
    feature_share: float = Field(0.5, gt=0, le=1, description="features drawn for each tree")
    l2: float = Field(5.0, ge=0, description="L2 penalty on leaves")
    bins: int = Field(64, ge=2, le=4096, description="bins into which numbers are cut before splits are sought")
    pairs: int = Field(10, ge=1, description="places of the list's head whose items are compared with all below them")
    workers: int | None = Field(None, ge=1, description="tasks that train together; null: every slot, 50,000 rows each")


class RankerSettings(LearningSettings):
    """The second stage: a model that orders what the candidate models propose."""

    algorithm: Literal[
        "none", "rank_ndcg", "xgboost", "logistic", "random_forest", "gbt", "svm", "naive_bayes", "dnn"
    ] = Field(
        "none",
        description="none: candidates keep their models' order; rank_ndcg learns the order of a user's candidates, the others "
        "whether a candidate is relevant, by which they are ordered",
    )
    sources: list[str] = Field(
        ["ease", "ials", "graph_filter", "item_knn", "sequential", "trending"],
        min_length=1,
        description="the models that propose where `two_stage` is asked for; in the nightly job candidates.models do",
    )
    depth: int = Field(100, ge=1, le=10_000, description="items that each source proposes for a user")
    window_days: int = Field(
        14, ge=1, description="days from a cutoff in which what was consumed makes a candidate relevant"
    )
    windows: int = Field(
        8, ge=1, description="earlier cutoffs whose candidates, and what followed, are learnt from, at most"
    )
    enough_users: int = Field(
        2000, ge=1, description="no earlier window is looked at once so many users are learnt from"
    )
    most_users: int = Field(
        20_000, ge=1, description="users whose candidates are learnt from in a window, at most, by hash"
    )
    negatives: float = Field(
        0.5, gt=0, le=1, description="share of the candidates without relevance that are learnt from"
    )
    label_weights: dict[str, float] = Field(
        {}, description="event type: how much a relevant candidate counts that such an event made so; 1 for the others"
    )
    most_weight: float = Field(
        5.0,
        ge=1,
        description="what a relevant candidate counts at most for having been shown at a place that few look at",
    )
    fit_days: int = Field(
        7, ge=1, description="a ranker serves so many nights, as long as no setting changes, before it is fitted anew"
    )
    rank_ndcg: RankNdcgSettings = RankNdcgSettings()

    @field_validator("label_weights")
    @classmethod
    def _known(cls, weights: dict[str, float]) -> dict[str, float]:
        for name, weight in weights.items():
            if name not in EVENT_TYPES:
                raise ValueError(unknown_name("event type", name, EVENT_TYPES))
            if not 0 <= weight < inf:
                raise ValueError(f"{name}: {weight}; allowed is 0 or more")
        return weights

    @property
    def on(self) -> bool:
        return self.algorithm != "none"


class RankingSettings(Section):
    """How the candidates become a list."""

    top_k: int = Field(20, ge=1, le=10_000, description="length of every user's list")
    ranker: RankerSettings = RankerSettings()

    @property
    def depth(self) -> int:
        """How many items each model proposes for a user, unless candidates.per_user says otherwise."""
        return max(self.top_k, self.ranker.depth) if self.ranker.on else self.top_k

"""A backtest: what the lists of an earlier cutoff would have been worth, beside popularity.

It calls the domain's functions at the earlier cutoff, never the stages, and writes to its scratch folder only.
"""

import datetime as dt
from dataclasses import dataclass

from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F

from repertoire.candidates.recommender import Fitting, Request
from repertoire.candidates.registry import recommender
from repertoire.candidates.sources import fallback_tiers, fit_sources, propose_from_sources
from repertoire.evaluation.measure import measure
from repertoire.evaluation.measurement import Measurement
from repertoire.evaluation.temporal_split import split_at
from repertoire.evaluation.user_hash_split import hold_back
from repertoire.features.interactions import build_interactions
from repertoire.ranking.blend_by_tier import blend_by_tier
from repertoire.settings import CandidateSettings, EvaluationSettings, FeatureSettings
from repertoire.vocabulary import EVENT_DATE, EVENT_TS, ITEM_ID, NEGATIVE, POPULAR, SEEN, STRENGTH, USER_ID

OURS = "recommendations"


@dataclass(frozen=True)
class Backtest:
    """What is tried: events before `cutoff` (all that the run may see), with the settings of the run.

    users: the table `users` as valid on the day, or None; as_of: the run's date;
    cutoff: the midnight that ends it; scratch: a folder of the backtest's.
    """

    spark: SparkSession
    events: DataFrame
    users: DataFrame | None
    as_of: dt.date
    cutoff: dt.datetime
    seed: int
    scratch: str
    features: FeatureSettings
    candidates: CandidateSettings
    evaluation: EvaluationSettings


@dataclass(frozen=True)
class BacktestResult:
    """split: the one that was used, in words. measurements: empty where there was nothing to measure."""

    split: str
    measurements: list[Measurement]


def backtest(asked: Backtest) -> BacktestResult:
    """Holds events back, fits on the rest, and measures the lists and popularity's lists on what was held back.

    Relevant is what a user consumed and liked in the held-back part (seen, and wanted more than refused) and had not
    seen before.
    """
    chosen = _split(asked)
    learnt = build_interactions(chosen.train, cutoff=chosen.cutoff, settings=asked.features)
    train = _materialise(asked, learnt.frame, "interactions")
    followed = build_interactions(chosen.held_back, cutoff=asked.cutoff, settings=asked.features)
    later = followed.frame.where(F.col(SEEN) & (F.col(STRENGTH) > F.col(NEGATIVE)))
    seen = train.where(SEEN).select(USER_ID, ITEM_ID)
    truth = _sample(asked, later.select(USER_ID, ITEM_ID).join(seen, [USER_ID, ITEM_ID], "left_anti"))
    truth = _materialise(asked, truth, "truth")
    if truth.isEmpty() or train.isEmpty():
        return BacktestResult(chosen.words, [])
    k = max(asked.evaluation.k)
    request = Request(
        spark=asked.spark,
        users=truth.select(USER_ID).distinct(),
        interactions=train,
        eligible=None,
        k=k,
        settings=asked.candidates.model_copy(update={"explain": False, "include_seen": False}),
    )
    models = fit_sources(
        Fitting(asked.spark, train, asked.users, chosen.day, asked.seed, f"{asked.scratch}/fit", asked.candidates)
    )
    proposals = propose_from_sources(models, request, f"{asked.scratch}/proposals")
    lists = _materialise(asked, blend_by_tier(proposals, fallback_tiers(asked.candidates), k), "lists")
    popular_model = next(model for model in models if model.name == POPULAR)
    popular = _materialise(asked, recommender(POPULAR).propose(popular_model, request), "popular")
    catalogue = train.select(ITEM_ID).distinct().count()
    measured = measure({OURS: lists, POPULAR: popular}, truth, catalogue, asked.evaluation.k, baseline=POPULAR)
    return BacktestResult(chosen.words, measured)


@dataclass(frozen=True)
class _Chosen:
    """A split: in words, its two sides, and the cutoff and day as of which is learnt."""

    words: str
    train: DataFrame
    held_back: DataFrame
    cutoff: dt.datetime
    day: dt.date


def _split(asked: Backtest) -> _Chosen:
    settings = asked.evaluation
    untimed = F.col(EVENT_TS).isNull() & (F.col(EVENT_DATE) <= F.lit(asked.as_of))
    known = asked.events.where((F.col(EVENT_TS) < F.lit(asked.cutoff)) | untimed)
    if settings.split == "global_time" or (settings.split == "auto" and _mostly_timed(known)):
        days = dt.timedelta(days=settings.holdout_days)
        train, held_back = split_at(known, asked.cutoff - days, keep_untimed=True)
        words = f"the last {settings.holdout_days} days, from {asked.cutoff - days:%Y-%m-%d} on, held back"
        return _Chosen(words, train, held_back, asked.cutoff - days, asked.as_of - days)
    train, held_back = hold_back(known, share=settings.holdout_share, seed=asked.seed)
    words = f"{settings.holdout_share:.0%} of each user's items held back by hash"
    return _Chosen(words, train, held_back, asked.cutoff, asked.as_of)


def _mostly_timed(events: DataFrame) -> bool:
    timed = events.agg(F.avg(F.col(EVENT_TS).isNotNull().cast("double"))).first()
    return bool(timed and timed[0] is not None and timed[0] >= 0.5)


def _sample(asked: Backtest, truth: DataFrame) -> DataFrame:
    """Truth of at most evaluation.max_users users, always the same ones."""
    users = truth.select(USER_ID).distinct()
    chosen = users.orderBy(F.xxhash64(F.lit(asked.seed), USER_ID), USER_ID).limit(asked.evaluation.max_users)
    return truth.join(chosen, USER_ID, "left_semi")


def _materialise(asked: Backtest, frame: DataFrame, name: str) -> DataFrame:
    """What is read more than once is written once."""
    folder = f"{asked.scratch}/{name}"
    frame.write.mode("overwrite").parquet(folder)
    return asked.spark.read.schema(frame.schema).parquet(folder)

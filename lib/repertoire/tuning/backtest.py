"""A backtest: what the lists of an earlier cutoff would have been worth, beside popularity.

It calls the domain's functions at the earlier cutoff, never the stages, and writes to its scratch folder only.
"""

import datetime as dt
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cache, partial, reduce
from zoneinfo import ZoneInfo

from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F

from repertoire.candidates.recommender import FittedModel, Fitting, Request
from repertoire.candidates.registry import recommender
from repertoire.candidates.sources import fallback_tiers, fit_source, propose_from_sources, together
from repertoire.evaluation.measure import measure
from repertoire.evaluation.measurement import Measurement
from repertoire.evaluation.split import Split
from repertoire.features.interactions import build_interactions
from repertoire.frames.materialise import materialise
from repertoire.ranking.blend_by_tier import blend_by_tier, fill_up
from repertoire.settings import CandidateSettings, EvaluationSettings, FeatureSettings, RankerSettings
from repertoire.tuning.background_of import background_of
from repertoire.tuning.choose_split import ChosenSplit, choose_split, known_before
from repertoire.two_stage.learn import RANKER, learn, still_good
from repertoire.two_stage.look_back import known_at
from repertoire.two_stage.new_and_liked import liked, new_to_some_users
from repertoire.two_stage.rank import rank
from repertoire.two_stage.world import World
from repertoire.vocabulary import ITEM_ID, POPULAR, RANK, SEEN, TYPES, USER_ID

OURS = "recommendations"
UTC = ZoneInfo("UTC")
PUBLISHED = "published"


@dataclass(frozen=True)
class Backtest:
    """What is tried: events before `cutoff` (all that the run may see), with the settings of the run.

    users, items: these tables as valid on the day, or None; items give the catalogue's tags. as_of: the run's date;
    cutoff: the midnight that ends it; scratch: a folder of the backtest's. models: what is compared, a name and the
    settings of its candidates each; popularity itself is always there as `popular`. rankers: of those whose candidates a ranker
    puts in order, its settings; against: names of models from which
    differences are given, besides popularity; impressions: the table, or None; zone: in which days are counted. truth: user_id,
    item_id and perhaps gain to judge by in place of a split; all events are learnt from then. published: gives the lists
    (user_id, item_id, rank) that were live at the end of a day, or None; they are judged beside the models where the
    split has such a day. previous: gives the newest model of a name that was fitted before a day, or None.
    """

    spark: SparkSession
    events: DataFrame
    users: DataFrame | None
    items: DataFrame | None
    as_of: dt.date
    cutoff: dt.datetime
    seed: int
    scratch: str
    features: FeatureSettings
    models: Mapping[str, CandidateSettings]
    evaluation: EvaluationSettings
    rankers: Mapping[str, RankerSettings] = field(default_factory=dict)
    zone: ZoneInfo = UTC
    truth: DataFrame | None = None
    published: Callable[[dt.date], DataFrame | None] | None = None
    against: Sequence[str] = ()
    impressions: DataFrame | None = None
    previous: Callable[[dt.date, str], FittedModel | None] = lambda day, name: None


@dataclass(frozen=True)
class BacktestResult:
    """split: the one that was used, in words. measurements: empty where there was nothing to measure."""

    split: str
    measurements: list[Measurement]


def rolling_backtests(asked: Backtest, windows: int) -> list[BacktestResult]:
    """The backtest at `windows` cutoffs, each evaluation.holdout_days before the next; the newest first. After several of them
    the metrics of ranking over all windows together: a user counts for each window in which there is something to judge by.
    """
    results, pooled = [], []
    for window in range(windows):
        days = dt.timedelta(days=window * asked.evaluation.holdout_days)
        earlier = replace(
            asked, as_of=asked.as_of - days, cutoff=asked.cutoff - days, scratch=f"{asked.scratch}/{window}"
        )
        tried, result = _backtest(earlier)
        results.append(result)
        if tried:
            pooled.append(tried)
    if len(pooled) > 1:
        results.append(_together(pooled, asked.evaluation.k, asked.seed))
    return results


def _together(windows: Sequence["Tried"], k: Sequence[int], seed: int) -> BacktestResult:
    """Of the models that every window has."""
    names = [name for name in windows[0].lists if all(name in one.lists for one in windows)]
    lists = {name: _of_windows([one.lists[name] for one in windows]) for name in names}
    baselines = [name for name in windows[0].baselines if name in names]
    truth = _of_windows([one.held.truth for one in windows])
    return BacktestResult(f"{len(windows)} windows together", measure(lists, truth, k, baselines=baselines, seed=seed))


def _of_windows(frames: Sequence[DataFrame]) -> DataFrame:
    """The frames' rows, each frame's users told apart from the others'."""
    apart = [frame.withColumn(USER_ID, F.concat(F.lit(f"{window}/"), USER_ID)) for window, frame in enumerate(frames)]
    return reduce(DataFrame.unionByName, apart)


@dataclass(frozen=True)
class HeldOut:
    """What a backtest learns from and judges by, materialised; each is read as often as there are models.

    words, day, cutoff: of the split. events: learnt from; train: the table `interactions` of them; history: user_id, item_id
    of what was consumed; truth: user_id, item_id, perhaps gain; users: one column user_id, those of the truth.
    """

    words: str
    day: dt.date
    cutoff: dt.datetime
    events: DataFrame
    train: DataFrame
    history: DataFrame
    truth: DataFrame
    users: DataFrame


@dataclass(frozen=True)
class Tried:
    """What a backtest measures: every model's lists, by what was held back."""

    held: HeldOut
    lists: Mapping[str, DataFrame]
    baselines: Sequence[str]


def hold_out(asked: Backtest) -> HeldOut | str:
    """Holds events back and materialises both sides; the split in words alone where there is nothing to learn or to judge by.

    Relevant is what a user consumed and liked in the held-back part (seen, and wanted more than refused) and had not
    seen before; the strength is the gain. Users of the truth without a history are judged, too.
    """
    known = known_before(asked.events, asked.cutoff, asked.as_of)
    if asked.truth is None:
        chosen = choose_split(known, asked.evaluation, cutoff=asked.cutoff, as_of=asked.as_of, seed=asked.seed)
    else:
        chosen = ChosenSplit("judged by the given truth", Split(known, known.limit(0)), asked.cutoff, asked.as_of)
    learnt = build_interactions(chosen.split.train, cutoff=chosen.cutoff, settings=asked.features)
    train = _materialise(asked, learnt.frame, "interactions")
    history = _materialise(asked, train.where(SEEN).select(USER_ID, ITEM_ID), "history")
    later = asked.truth
    if later is None:
        later = liked(chosen.split.holdout, asked.features, asked.cutoff).drop(TYPES)
    new = new_to_some_users(later, history, asked.evaluation.max_users, asked.seed)
    truth = _materialise(asked, new, "truth")
    if truth.isEmpty() or train.isEmpty():
        return chosen.words
    users = _materialise(asked, truth.select(USER_ID).distinct(), "users")
    return HeldOut(chosen.words, chosen.day, chosen.cutoff, chosen.split.train, train, history, truth, users)


def backtest(asked: Backtest) -> BacktestResult:
    """Holds events back (`hold_out`), fits on the rest, and measures the models' lists and popularity's on what was held back.

    Users of the truth without a history are judged by what fills up.
    """
    return _backtest(asked)[1]


def _backtest(asked: Backtest) -> tuple[Tried | None, BacktestResult]:
    held = hold_out(asked)
    if isinstance(held, str):
        return None, BacktestResult(held, [])
    lists = _lists(asked, held)
    background = background_of(
        held.train, held.history, held.users, asked.evaluation, items=asked.items, users=asked.users
    )
    baselines = [name for name in (POPULAR, PUBLISHED, *asked.against) if name in lists]
    measured = measure(lists, held.truth, asked.evaluation.k, background, baselines=baselines, seed=asked.seed)
    return Tried(held, lists, baselines), BacktestResult(held.words, measured)


def fitting_of(asked: Backtest, held: HeldOut, settings: CandidateSettings, folder: str) -> Fitting:
    """For a model of these settings on the train part; folder: below the backtest's scratch. An earlier model may be of use to it
    only where the split is one of time: of another, that model has seen what is held back."""
    return Fitting(
        spark=asked.spark,
        interactions=held.train,
        users=asked.users,
        items=asked.items,
        as_of=held.day,
        seed=asked.seed,
        scratch=f"{asked.scratch}/{folder}",
        settings=settings,
        previous=partial(asked.previous, held.day) if held.day < asked.as_of else lambda name: None,
    )


def filled_lists(
    asked: Backtest,
    held: HeldOut,
    settings: CandidateSettings,
    model: Callable[[str], FittedModel],
    k: int,
    folder: str,
) -> DataFrame:
    """The lists of k items that these models make for the users of the truth, filled up with popularity, materialised.

    model: gives a fitted model by its source; it is asked when it is needed.
    """
    proposals = propose_from_sources(model, _request(asked, held, settings, k), f"{asked.scratch}/{folder}/proposals")
    tiers = {source: tier for source, tier in fallback_tiers(settings).items() if source in proposals}
    return _materialise(asked, blend_by_tier(together(proposals), tiers, k), f"{folder}/lists")


def _ranked_lists(
    asked: Backtest,
    held: HeldOut,
    settings: CandidateSettings,
    ranker: RankerSettings,
    model: Callable[[str], FittedModel],
    k: int,
    folder: str,
) -> DataFrame:
    """The same of candidates that a ranker has put in order: an earlier run's, where one serves, or one that learns from still
    earlier cutoffs."""
    world = World(
        spark=asked.spark,
        events=held.events,
        users=asked.users,
        items=asked.items,
        as_of=held.day,
        cutoff=held.cutoff,
        zone=asked.zone,
        seed=asked.seed,
        scratch=f"{asked.scratch}/{folder}/ranker",
        features=asked.features,
        candidates=settings,
        ranker=ranker,
        impressions=asked.impressions,
    )
    earlier = asked.previous(held.day, RANKER) if held.day < asked.as_of else None
    learnt = earlier if earlier is not None and still_good(earlier, world) else learn(world)
    depth = max(k, ranker.depth)
    proposals = propose_from_sources(
        model, _request(asked, held, settings, depth), f"{asked.scratch}/{folder}/proposals"
    )
    tiers = {source: tier for source, tier in fallback_tiers(settings).items() if source in proposals}
    candidates = together(proposals)
    ranked = rank(learnt, candidates, known_at(world, held.train))
    return _materialise(asked, fill_up(ranked, candidates, tiers, k), f"{folder}/lists")


def _request(asked: Backtest, held: HeldOut, settings: CandidateSettings, k: int) -> Request:
    quiet = settings.model_copy(update={"explain": False, "include_seen": False})
    return Request(asked.spark, held.users, held.train, None, k, quiet)


def _lists(asked: Backtest, held: HeldOut) -> dict[str, DataFrame]:
    """Every model's lists, popularity's, and those that were published as of that day, each materialised."""
    k = max(asked.evaluation.k)
    lists: dict[str, DataFrame] = {}
    for name, settings in asked.models.items():
        folder = f"models/{name}"
        model = cache(partial(fit_source, fitting=fitting_of(asked, held, settings, f"{folder}/fit")))
        ranker = asked.rankers.get(name)
        lists[name] = (
            filled_lists(asked, held, settings, model, k, folder)
            if ranker is None
            else _ranked_lists(asked, held, settings, ranker, model, k, folder)
        )
        if POPULAR not in lists:
            proposed = recommender(POPULAR).propose(model(POPULAR), _request(asked, held, settings, k))
            lists[POPULAR] = _materialise(asked, proposed, POPULAR)
    published = asked.published(held.day) if asked.published and held.day < asked.as_of else None
    if published is not None:
        shown = published.select(USER_ID, ITEM_ID, RANK).join(held.users, USER_ID, "left_semi").where(F.col(RANK) <= k)
        lists[PUBLISHED] = _materialise(asked, shown, PUBLISHED)
    # The models first, then what they are compared with.
    return {name: lists[name] for name in (*asked.models, POPULAR, PUBLISHED) if name in lists}


def _materialise(asked: Backtest, frame: DataFrame, name: str) -> DataFrame:
    return materialise(frame, f"{asked.scratch}/{name}")

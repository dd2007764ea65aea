"""Implicit ALS on Spark at the speed of compiled code: blocks of users in Python workers, items solved for all at once.

Small data is fitted in one task with a thread for each core; larger data stays spread, and only sums over items travel.
"""

import datetime as dt
from functools import partial
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from repertoire import vocabulary as v
from repertoire.candidates.ials_cost import IalsSize, pairs_of_one_task
from repertoire.candidates.ials_solver import Diverged, Half, Objective, Plan
from repertoire.candidates.ials_tasks import Problem, fit_in_one_task, fit_spread
from repertoire.candidates.item_factors import FACTORS, ITEM_FACTORS
from repertoire.candidates.pair_kernel import Floats
from repertoire.candidates.propose_by_factors import USER_FACTORS, propose_by_factors
from repertoire.candidates.recommender import FittedModel, Fitting, Recommender
from repertoire.candidates.training_pairs import WEIGHT, nothing_to_learn_from, only_wanted, training_pairs
from repertoire.candidates.user_blocks import PairRows, blocks_for, threads_of_a_task
from repertoire.errors import SettingsError
from repertoire.settings import IalsSettings

_START = 0.1  # standard deviation of a fresh item's score for itself: 0.1 / sqrt(rank) a factor (Rendle et al. 2022)
_FOLDING_STEPS = 10  # conjugate gradient from zero, once: more than an iteration takes
_OF_THE_FIT = frozenset({"iterations", "cg_steps", "single_task_pairs", "warm_start_days", "refit_days"})
"""Settings that do not say what is minimised."""


def fit(fitting: Fitting) -> FittedModel:
    """Factors by candidates.ials; see `fit_factors`."""
    return fit_factors(fitting, fitting.settings.ials, v.IALS)


def fit_factors(fitting: Fitting, settings: IalsSettings, name: str) -> FittedModel:
    """Factors that minimise `Objective` approximately, by so many iterations; messages name candidates.{name}.

    Each half takes cg_steps of conjugate gradient from where the last iteration left (Takács, Pilászy & Tikk 2011). Item
    factors start at random by the seed, in the order of the item ids, or where the newest model of the last warm_start_days
    left them; users' at zero. Into a model that was fitted fewer than refit_days ago, with the same settings, users and new
    items are folded instead: `fold_in`. The pairs are not written down: equal interactions give the same bits in whatever
    order and partitioning they come. The driver holds the item factors about six times, a task its blocks (8 bytes a pair)
    and the item factors up to log2(blocks) + 3 times.

    Raises InputError if no pair can be fitted; SettingsError if the item factors exceed candidates.max_item_factors_mb, or
    the factors diverge.
    """
    last = fitting.previous(name) if max(settings.warm_start_days, settings.refit_days - 1) else None
    if last is not None and "trained_on" not in last.metadata:
        last = None  # MLlib's
    if last is not None and _days_since_fit(last, fitting) < settings.refit_days and _same_objective(last, settings):
        return _fold_in(last, fitting, settings, name)
    if last is not None and (_days_between(last, fitting) > settings.warm_start_days or _rank(last) != settings.rank):
        last = None
    return _fit(fitting, settings, name, last, folds=False)


def fold_in(model: FittedModel, fitting: Fitting) -> FittedModel:
    """The model with factors for the users and items of these interactions, without retraining.

    Items that the model knows keep their factors. Those that it does not know are solved for the users, who are solved for
    the items; after that all users are solved anew, the known ones, too, for their history may have grown. Raises as `fit`,
    and SettingsError where the model was fitted with another rank than candidates.ials has.
    """
    settings = fitting.settings.ials
    if _rank(model) != settings.rank:
        raise SettingsError(
            f"{model.name}: fitted with rank {_rank(model)}, but candidates.ials.rank is {settings.rank}. To fold users and "
            "items in, set the rank that it was fitted with. Nothing was fitted."
        )
    return _fold_in(model, fitting, settings, model.name)


def _fold_in(model: FittedModel, fitting: Fitting, settings: IalsSettings, name: str) -> FittedModel:
    steps = max(settings.cg_steps, _FOLDING_STEPS)
    changed = settings.model_copy(update={"iterations": 1, "cg_steps": steps})
    return _fit(fitting, changed, name, model, folds=True)


def _fit(fitting: Fitting, settings: IalsSettings, name: str, last: FittedModel | None, *, folds: bool) -> FittedModel:
    spark, section = fitting.spark, f"candidates.{name}"
    rows = _rows(fitting, settings)
    ids, counts = rows.items()
    count = int(counts.sum())
    if not count:
        raise nothing_to_learn_from(name)
    _refuse_too_many_items(len(ids), settings.rank, fitting.settings.max_item_factors_mb, name)
    start, known = _start(ids, settings.rank, fitting.seed, last)
    if folds:
        start[~known] = 0
    plan = Plan(_half(settings), settings.iterations, fixed=known if folds else None)
    problem = Problem(ids, start, blocks_for(count), plan)
    most = settings.single_task_pairs if settings.single_task_pairs is not None else pairs_of_one_task(spark)
    tasks = 1 if count <= most else min(problem.blocks, spark.sparkContext.defaultParallelism)
    cores = threads_of_a_task(spark) if tasks == 1 else tasks
    size = IalsSize(count, len(ids), settings.rank, problem.blocks, tasks, cores)
    fitting.say(
        f"{name}: {count:,} pairs of {len(ids):,} items in {'one task' if tasks == 1 else f'{tasks:,} tasks'}: about "
        f"{size.bytes / 2**30:.1f} GiB in all and {size.seconds(settings.iterations, settings.cg_steps):,.0f} s"
    )
    folder = f"{fitting.scratch}/{name}/fitted"
    try:
        fitted = fit_in_one_task(problem, rows, folder) if tasks == 1 else fit_spread(problem, rows, folder, tasks)
    except Diverged as error:
        raise SettingsError(
            f"{name}: after {error.iterations} of {settings.iterations} iterations the factors are no longer finite. Raise "
            f"{section}.regularization (now {settings.regularization:g}), or lower {section}.alpha (now {settings.alpha:g})."
        ) from None
    trained_on = last.metadata["trained_on"] if folds and last is not None else fitting.as_of.isoformat()
    return FittedModel(
        name=name,
        tables={USER_FACTORS: fitted.user_factors(), ITEM_FACTORS: fitted.item_factors()},
        metadata={
            "parameters": settings.model_dump(),
            "seed": fitting.seed,
            "users": fitted.users,
            "pairs": fitted.pairs,
            "items": len(ids),
            "factors": settings.rank,
            "blocks": problem.blocks,
            "tasks": tasks,
            "estimated_memory_bytes": size.bytes,
            "as_of": fitting.as_of.isoformat(),
            "trained_on": trained_on,
            **({"folded_into" if folds else "started_from": last.metadata.get("model_version")} if last else {}),
        },
    )


def _half(settings: IalsSettings) -> Half:
    objective = Objective(
        regularization=settings.regularization,
        unobserved=settings.unobserved_weight,
        exponent=settings.regularization_exponent,
        counts_unobserved=settings.regularize_unobserved,
    )
    return Half(objective, settings.cg_steps)


def _start(ids: pa.Array, rank: int, seed: int, last: FittedModel | None) -> tuple[Floats, NDArray[np.bool_]]:
    """Item factors (n, f) to start from, and which of them (n,) the last model had."""
    random = np.random.Generator(np.random.PCG64(seed)).standard_normal((len(ids), rank))
    start = np.asarray(random * (_START / np.sqrt(rank)), np.float32)
    if last is None:
        return start, np.zeros(len(ids), bool)
    table = last.tables[ITEM_FACTORS].select(v.ITEM_ID, FACTORS).toArrow().combine_chunks()
    place = pc.index_in(ids, table.column(v.ITEM_ID).combine_chunks())
    known = place.is_valid().to_numpy(zero_copy_only=False)
    factors = table.column(FACTORS).combine_chunks().flatten().to_numpy(zero_copy_only=False).reshape(-1, rank)
    start[known] = factors[place.drop_null().to_numpy()]
    return start, known


def _refuse_too_many_items(items: int, rank: int, bound: int, name: str) -> None:
    megabytes = items * rank * 4 / 2**20
    if megabytes > bound:
        raise SettingsError(
            f"{name}: {items:,} items of {rank} factors are {megabytes:,.0f} MB, more than candidates.max_item_factors_mb "
            f"({bound}). Every task and the driver hold them several times: raise the bound if the machines have the "
            f"memory, or lower candidates.{name}.rank. Nothing was fitted."
        )


# ---- the last model --------------------------------------------------------------------------------------------------


def _rank(model: FittedModel) -> int:
    return int(model.metadata["factors"])


def _days_between(model: FittedModel, fitting: Fitting) -> int:
    return (fitting.as_of - dt.date.fromisoformat(model.metadata["as_of"])).days


def _days_since_fit(model: FittedModel, fitting: Fitting) -> int:
    return (fitting.as_of - dt.date.fromisoformat(model.metadata["trained_on"])).days


def _same_objective(model: FittedModel, settings: IalsSettings) -> bool:
    before: dict[str, Any] = model.metadata["parameters"]
    return all(before.get(name) == value for name, value in settings.model_dump().items() if name not in _OF_THE_FIT)


# ---- pairs -----------------------------------------------------------------------------------------------------------


def _rows(fitting: Fitting, settings: IalsSettings) -> PairRows:
    """What becomes the pairs: with alpha × strength as their weight, as `training_pairs` has it."""
    interactions = fitting.interactions
    if settings.negative_weight == 0:
        return PairRows(interactions, (v.STRENGTH, v.NEGATIVE), partial(_wanted, settings.alpha))
    pairs = training_pairs(interactions, WEIGHT, implicit=True, negative_weight=settings.negative_weight)
    return PairRows(pairs, (WEIGHT,), partial(_weighted, settings.alpha))


def _wanted(alpha: float, pairs: pa.Table) -> pa.Table:
    return _weighted(alpha, only_wanted(pairs))


def _weighted(alpha: float, pairs: pa.Table) -> pa.Table:
    weights = np.asarray(alpha * pairs.column(WEIGHT).to_numpy().astype(np.float64), np.float32)
    return pairs.set_column(pairs.column_names.index(WEIGHT), WEIGHT, pa.array(weights))


IALS = Recommender(name=v.IALS, fit=fit, propose=propose_by_factors)

"""Alternating least squares by Spark MLlib, with what its users trip over taken care of.

String ids become ranks; the pairs are written down before they are fitted, for ALS gives nonsense where its input comes
out differently a second time; a checkpoint cuts the lineage; memory is estimated first.
"""

import logging
import math
import time

from py4j.protocol import Py4JJavaError
from pyspark.ml.recommendation import ALS as MllibAls
from pyspark.ml.recommendation import ALSModel
from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from repertoire import vocabulary as v
from repertoire.candidates.als_memory import AlsSize, refuse_if_too_large
from repertoire.candidates.ials import fit_factors
from repertoire.candidates.ials_cost import IalsSize
from repertoire.candidates.item_factors import FACTORS, ITEM_FACTORS
from repertoire.candidates.propose_by_factors import USER_FACTORS, propose_by_factors
from repertoire.candidates.recommender import FittedModel, Fitting, Recommender
from repertoire.candidates.training_pairs import nothing_to_learn_from, training_pairs
from repertoire.errors import SettingsError
from repertoire.frames.id_ranks import id_ranks
from repertoire.settings import AlsSettings, IalsSettings

_LOG = logging.getLogger(__name__)
_PAIRS_A_FILE = 5_000_000
_PAIRS_A_BLOCK = 250_000
_MOST_BLOCKS = 400
_LARGE = 5_000_000  # pairs from which another engine is worth a line in the log
_USER, _ITEM, _RATING = "user_rank", "item_rank", "rating"


def fit(fitting: Fitting) -> FittedModel:
    """Factors by implicit feedback (Hu, Koren & Volinsky 2008), regularised by counts (Zhou et al. 2008).

    The strength is the rating, so confidence is 1 + alpha × strength. A pair that was refused more than wanted enters
    as a confident zero if candidates.als.negative_weight is above 0, and is left out if not. Users and items without
    one wanted pair are unknown to the model. With implicit false the rating is strength - negative, of every pair.
    candidates.als.engine says who solves for them: MLlib, exactly in each half, or `ials.fit_factors`.

    MLlib's input and checkpoints go into fitting.scratch. Equal interactions give the same model bit for bit on one
    machine, in whatever order they come; on a cluster, MLlib adds what it receives in the order of arrival, so the last
    bits of the factors may differ. Raises InputError if no pair can be fitted, SettingsError if the equations have no
    unique solution, RepertoireError if memory does not suffice.
    """
    settings = fitting.settings.als
    if settings.engine == "ials":
        return fit_factors(fitting, _for_ials(settings, fitting.settings.ials), v.ALS)
    if not settings.implicit:
        _LOG.warning(
            "candidates.als.implicit is false: this fits the ratings themselves, which suits rating prediction; "
            "as lists of recommendations the result is poor, for nothing says which items a user left alone"
        )
    pairs = training_pairs(
        fitting.interactions, _RATING, implicit=settings.implicit, negative_weight=settings.negative_weight
    )
    count = pairs.count()
    if count == 0:
        raise nothing_to_learn_from("ALS")
    written = _written(fitting, pairs, count)
    [(users, items)] = written.agg(F.max(_USER), F.max(_ITEM)).collect()
    size = AlsSize(
        pairs=count,
        users=users + 1,
        items=items + 1,
        rank=settings.rank,
        user_blocks=settings.user_blocks or blocks_of(count),
        item_blocks=settings.item_blocks or blocks_of(count),
        tasks=fitting.spark.sparkContext.defaultParallelism,
    )
    memory = refuse_if_too_large(fitting.spark, size, settings.refuse_memory_share)
    began = time.monotonic()
    model = _factorise(fitting, written, size)
    if size.pairs >= _LARGE:
        fitting.say(_of_ials(size, settings.iterations, time.monotonic() - began))
    return FittedModel(
        name=v.ALS,
        tables={
            USER_FACTORS: _by_id(model.userFactors, written, v.USER_ID, _USER),
            ITEM_FACTORS: _by_id(model.itemFactors, written, v.ITEM_ID, _ITEM),
        },
        metadata={
            "parameters": settings.model_dump() | {"user_blocks": size.user_blocks, "item_blocks": size.item_blocks},
            "seed": fitting.seed,
            "pairs": size.pairs,
            "users": size.users,
            "items": size.items,
            "factors": settings.rank,
            "estimated_memory_bytes": memory.total,
        },
    )


def _for_ials(settings: AlsSettings, solver: IalsSettings) -> IalsSettings:
    """MLlib's objective as `ials` has it; how it is solved is said by candidates.ials."""
    if not settings.implicit or settings.nonnegative:
        name = "implicit = false" if not settings.implicit else "nonnegative = true"
        raise SettingsError(
            f"candidates.als.engine = ials cannot fit candidates.als.{name}: it solves for implicit feedback, without a bound "
            "on the factors. Set engine = mllib. Nothing was fitted."
        )
    return solver.model_copy(
        update={
            "rank": settings.rank,
            "iterations": settings.iterations,
            "regularization": settings.regularization,
            "regularization_exponent": 1.0,
            "regularize_unobserved": False,
            "unobserved_weight": 1.0,
            "alpha": settings.alpha,
            "negative_weight": settings.negative_weight,
        }
    )


def _of_ials(size: AlsSize, iterations: int, seconds: float) -> str:
    """Of a large fit, what the other engine would have taken."""
    other = IalsSize(size.pairs, size.items, size.rank, size.user_blocks, size.tasks, size.tasks)
    return (
        f"als: MLlib took {seconds:,.0f} s for {iterations} iterations over {size.pairs:,} pairs; candidates.als.engine = ials "
        f"minimises the same objective in about {other.seconds(iterations, IalsSettings().cg_steps):,.0f} s on as many cores "
        "(docs/scaling.md)"
    )


def _written(fitting: Fitting, pairs: DataFrame, count: int) -> DataFrame:
    """The pairs with ids as ranks, written once, in an order that follows from the pairs alone."""
    path = f"{fitting.scratch}/als/pairs"
    (
        pairs.join(id_ranks(pairs, v.USER_ID, _USER), v.USER_ID)
        .join(id_ranks(pairs, v.ITEM_ID, _ITEM), v.ITEM_ID)
        .repartition(math.ceil(count / _PAIRS_A_FILE), _USER)
        .sortWithinPartitions(_USER, _ITEM)
        .write.mode("overwrite")
        .parquet(path)
    )
    return fitting.spark.read.parquet(path)


def blocks_of(pairs: int) -> int:
    """How many blocks, from the data alone: other counts give another model, so another machine must not change them."""
    return min(max(2, math.ceil(pairs / _PAIRS_A_BLOCK)), _MOST_BLOCKS)


def _factorise(fitting: Fitting, pairs: DataFrame, size: AlsSize) -> ALSModel:
    settings = fitting.settings.als
    fitting.spark.sparkContext.setCheckpointDir(f"{fitting.scratch}/als/checkpoints")
    mllib = MllibAls(
        rank=settings.rank,
        maxIter=settings.iterations,
        regParam=settings.regularization,
        numUserBlocks=size.user_blocks,
        numItemBlocks=size.item_blocks,
        implicitPrefs=settings.implicit,
        alpha=settings.alpha,
        userCol=_USER,
        itemCol=_ITEM,
        ratingCol=_RATING,
        nonnegative=settings.nonnegative,
        checkpointInterval=settings.checkpoint_interval,
        seed=fitting.seed,
    )
    try:
        return mllib.fit(pairs.select(_USER, _ITEM, _RATING))
    except Py4JJavaError as error:
        if "SingularMatrix" not in str(error):
            raise
        raise SettingsError(
            f"ALS cannot solve its equations with candidates.als.regularization = {settings.regularization:g}: "
            f"a user or item has fewer pairs than rank ({settings.rank}). Raise it, 0.01 for example."
        ) from error


def _by_id(factors: DataFrame, pairs: DataFrame, id_column: str, rank: str) -> DataFrame:
    """MLlib's factors (id int, features) under the ids that the ranks stand for."""
    ids = pairs.select(id_column, rank).distinct()
    return ids.join(factors, F.col(rank) == F.col("id")).select(id_column, F.col("features").alias(FACTORS))


ALS = Recommender(name=v.ALS, fit=fit, propose=propose_by_factors)

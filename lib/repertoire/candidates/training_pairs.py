"""What a factor model is fitted on: the pairs of the interactions, and how much each is wanted or refused."""

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray
from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

from repertoire import vocabulary as v
from repertoire.candidates.user_blocks import PairRows
from repertoire.errors import InputError

WEIGHT, TIME = "weight", "time"


def training_pairs(interactions: DataFrame, rating: str, *, implicit: bool, negative_weight: float) -> DataFrame:
    """user_id, item_id and, under the name `rating`, a float.

    implicit: the strength, of pairs that are wanted; a pair that was refused more than wanted has -negative_weight × its
    negative strength, and is left out where that weight is 0. Users and items without one wanted pair are left out.
    Otherwise: strength - negative, of every pair.
    """
    pairs = interactions.select(v.USER_ID, v.ITEM_ID, _rating(implicit, negative_weight).cast("float").alias(rating))
    if not implicit:
        return pairs
    wanted = pairs.where(F.col(rating) > 0)
    if negative_weight == 0:
        return wanted
    # Regularisation counts only wanted pairs: with none, a vector would be zero or undetermined.
    return (
        pairs.where(F.col(rating) != 0)
        .join(wanted.select(v.USER_ID).distinct(), v.USER_ID, "left_semi")
        .join(wanted.select(v.ITEM_ID).distinct(), v.ITEM_ID, "left_semi")
    )


def wanted_rows(interactions: DataFrame) -> PairRows:
    """The wanted pairs with their strength as `weight`, those that were refused more than wanted left out; read by tasks."""
    return PairRows(interactions, (v.STRENGTH, v.NEGATIVE), only_wanted)


def timed_rows(interactions: DataFrame) -> PairRows:
    """The wanted pairs that have a time, with it as `time`: microseconds since 1970; read by tasks."""
    return PairRows(interactions, (v.STRENGTH, v.NEGATIVE, v.LAST_TS), _only_timed)


def _only_timed(pairs: pa.Table) -> pa.Table:
    kept, times = is_wanted(pairs) & has_time(pairs), microseconds(pairs)
    pairs = pairs.drop_columns([v.STRENGTH, v.NEGATIVE, v.LAST_TS]).append_column(TIME, pa.array(times))
    return pairs if kept.all() else pairs.filter(pa.array(kept))


def has_time(pairs: pa.Table) -> NDArray[np.bool_]:
    """Which rows have a last_ts."""
    found: NDArray[np.bool_] = pairs.column(v.LAST_TS).is_valid().to_numpy()
    return found


def microseconds(pairs: pa.Table) -> NDArray[np.int64]:
    """last_ts since 1970; 0 where there is none."""
    column = pairs.column(v.LAST_TS)
    times = column.cast(pa.timestamp("us", tz=column.type.tz), safe=False).cast(pa.int64())
    found: NDArray[np.int64] = pc.fill_null(times, 0).to_numpy()
    return found


def only_wanted(pairs: pa.Table) -> pa.Table:
    """The rows of wanted pairs, with `weight` (float32) in place of strength and negative."""
    strength, wanted = pairs.column(v.STRENGTH).to_numpy(), is_wanted(pairs)
    pairs = pairs.drop_columns([v.STRENGTH, v.NEGATIVE]).append_column(WEIGHT, pa.array(strength.astype(np.float32)))
    return pairs if wanted.all() else pairs.filter(pa.array(wanted))


def is_wanted(pairs: pa.Table) -> NDArray[np.bool_]:
    """Which rows have a strength above 0 that their negative strength does not exceed."""
    strength, negative = (pairs.column(name).to_numpy() for name in (v.STRENGTH, v.NEGATIVE))
    found: NDArray[np.bool_] = (strength > 0) & (negative <= strength)
    return found


def wanted_column() -> Column:
    """The same of a frame's rows."""
    return (F.col(v.STRENGTH) > 0) & (F.col(v.NEGATIVE) <= F.col(v.STRENGTH))


def nothing_to_learn_from(model: str) -> InputError:
    """What to raise where there is not one pair; `model` as it is called in messages."""
    return InputError(
        f"{model} has nothing to learn from: no pair of user and item has a strength above 0. "
        "See features.event_weights and features.low_rating, or recommend with popular."
    )


def _rating(implicit: bool, negative_weight: float) -> Column:
    strength, negative = F.col(v.STRENGTH), F.col(v.NEGATIVE)
    if not implicit:
        return strength - negative
    return F.when(negative > strength, -negative_weight * negative).otherwise(strength)

"""A part of the pairs of some users, held back while models are chosen or weighed."""

from dataclasses import dataclass

import pyarrow as pa
from pyspark.sql import Column, DataFrame, Window
from pyspark.sql import functions as F

from repertoire import vocabulary as v
from repertoire.candidates.training_pairs import wanted_column
from repertoire.frames.materialise import materialise

_SHARE = 0.2
_PLACE, _PAIRS, _HELD = "__place", "__pairs", "__held"


@dataclass(frozen=True)
class HeldBack:
    """train: interactions without what is held back; asked: one column user_id, the users of whom something is; users: how many;
    truth: user_id, item_id of what was held back: wanted and consumed."""

    train: DataFrame
    asked: DataFrame
    users: int
    truth: pa.Table


def some_users(interactions: DataFrame, most_users: int, seed: int) -> Column:
    """Whether a row's user is among about most_users who wanted and consumed something, chosen by a hash of seed and id."""
    consumers = interactions.where(F.col(v.SEEN) & wanted_column())
    [(users,)] = consumers.agg(F.approx_count_distinct(v.USER_ID)).collect()
    share = int(min(1.0, most_users / max(users, 1)) * 1_000_000)
    return F.pmod(F.xxhash64(F.lit(seed), v.USER_ID), F.lit(1_000_000)) < share


def hold_back(interactions: DataFrame, *, most_users: int, seed: int, folder: str) -> HeldBack:
    """Holds back a fifth of the wanted and consumed pairs of `some_users`.

    The last ones by last_ts, pairs without a time first among them by hash. Users keep one pair at least. The train part and the
    users are materialised in the folder; the driver holds the truth.
    """
    chosen = F.col(v.SEEN) & wanted_column() & some_users(interactions, most_users, seed)
    by_hash = F.xxhash64(F.lit(seed + 1), v.USER_ID, v.ITEM_ID)
    newest = Window.partitionBy(v.USER_ID, chosen).orderBy(F.col(v.LAST_TS).desc_nulls_last(), by_hash, v.ITEM_ID)
    placed = interactions.withColumn(_PLACE, F.row_number().over(newest)).withColumn(
        _PAIRS, F.count(F.lit(1)).over(Window.partitionBy(v.USER_ID, chosen))
    )
    held = chosen & (F.col(_PLACE) <= F.floor(F.col(_PAIRS) * _SHARE))
    split = materialise(placed.withColumn(_HELD, held).drop(_PLACE, _PAIRS), f"{folder}/split")
    truth = split.where(_HELD).select(v.USER_ID, v.ITEM_ID).toArrow()
    train = materialise(split.where(~F.col(_HELD)).drop(_HELD), f"{folder}/train")
    asked = materialise(split.where(_HELD).select(v.USER_ID).distinct(), f"{folder}/asked")
    return HeldBack(train, asked, len(truth.column(v.USER_ID).unique()), truth)

"""The split for logs without times: a share of every user's items, chosen by hash."""

from pyspark.sql import DataFrame, Window
from pyspark.sql import functions as F

from repertoire.evaluation.split import Split
from repertoire.vocabulary import ITEM_ID, USER_ID

_PLACE, _PAIRS = "__place", "__pairs"


def hold_back(events: DataFrame, *, share: float, seed: int) -> Split:
    """Holds back floor(share × n) of a user's n distinct items, with all events on them.

    events: user_id and item_id, no nulls; any other columns pass through. share: 0 < share < 1.

    A user's pairs are put in the order of a hash of seed, user and item, and the first floor(share × n) are held back:
    whatever the order of the rows and their partitioning, the same ones. Since share < 1, every user keeps at least one
    pair to learn from, and a user with fewer than 1 / share pairs keeps all. (share × n is rounded to 9 digits first,
    so that .29 × 100 is 29 and not 28.999….)

    One shuffle, by user. Raises ValueError for a share outside (0, 1).
    """
    if not 0 < share < 1:
        raise ValueError(f"the share to hold back must lie between 0 and 1, received {share}")
    of_user = Window.partitionBy(USER_ID)
    by_hash = of_user.orderBy(F.xxhash64(F.lit(seed), F.col(USER_ID), F.col(ITEM_ID)), ITEM_ID)
    placed = events.withColumn(_PLACE, F.dense_rank().over(by_hash)).withColumn(_PAIRS, F.max(_PLACE).over(of_user))
    held_back = F.col(_PLACE) <= F.floor(F.round(F.col(_PAIRS) * F.lit(share), 9))
    return Split(
        train=placed.where(~held_back).drop(_PLACE, _PAIRS), holdout=placed.where(held_back).drop(_PLACE, _PAIRS)
    )

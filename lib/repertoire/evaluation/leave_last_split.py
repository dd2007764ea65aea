"""The split of many papers: each user's last works are held back.

It keeps every user, newcomers too; but a model learns from what others did after a user's own cutoff, so that figures
are higher than a job that runs every night can reach (Meng, McCreadie, Macdonald and Ounis 2020, "Exploring data splitting
strategies for the evaluation of recommendation models"). `temporal_split` has no such leak.
"""

from pyspark.sql import DataFrame, Window
from pyspark.sql import functions as F

from repertoire.evaluation.split import Split
from repertoire.vocabulary import EVENT_TS, ITEM_ID, USER_ID

_FIRST, _PLACE, _PAIRS = "__first", "__place", "__pairs"


def leave_last(events: DataFrame, n: int) -> Split:
    """Holds back the n items that each user turned to last, with all events on them.

    events: user_id, item_id, no nulls, and event_ts; any other columns pass through. An item's time is that of the
    user's first event on it; those without a time count as the oldest, ties go by item_id. A user with n items or fewer
    keeps all, because nothing would be left to learn from.

    One shuffle, by user. Raises ValueError for an n below 1.
    """
    if n < 1:
        raise ValueError(f"the number of items to hold back must be positive, received {n}")
    pair, user = Window.partitionBy(USER_ID, ITEM_ID), Window.partitionBy(USER_ID)
    dated = events.repartition(USER_ID).withColumn(_FIRST, F.min(EVENT_TS).over(pair))
    newest_first = user.orderBy(F.col(_FIRST).desc_nulls_last(), F.desc(ITEM_ID))
    placed = dated.withColumn(_PLACE, F.dense_rank().over(newest_first)).withColumn(_PAIRS, F.max(_PLACE).over(user))
    held_back = (F.col(_PLACE) <= n) & (F.col(_PAIRS) > n)
    return Split(
        train=placed.where(~held_back).drop(_FIRST, _PLACE, _PAIRS),
        holdout=placed.where(held_back).drop(_FIRST, _PLACE, _PAIRS),
    )

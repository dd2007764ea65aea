"""What users turned to after the lists of a day were made: the truth that those lists are judged by."""

import datetime as dt

from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from repertoire.evaluation.ranking_metrics import GAIN
from repertoire.features.interactions import build_interactions
from repertoire.settings import FeatureSettings
from repertoire.vocabulary import EVENT_DATE, EVENT_TS, ITEM_ID, NEGATIVE, SEEN, STRENGTH, USER_ID


def what_followed(
    events: DataFrame,
    history: DataFrame,
    settings: FeatureSettings,
    *,
    day: dt.date,
    cutoff: dt.datetime,
    max_users: int,
    seed: int,
) -> DataFrame:
    """user_id, item_id, gain: what users consumed and liked after `day` and before `cutoff`, and never before.

    events: the table. history: user_id, item_id of what was consumed until `day`. cutoff: a midnight with its time zone,
    that in which days are counted. gain is the strength. Of at most max_users users, always the same ones.
    """
    begin = dt.datetime.combine(day + dt.timedelta(days=1), dt.time(), tzinfo=cutoff.tzinfo)
    days = (F.col(EVENT_DATE) > F.lit(day)) & (F.col(EVENT_DATE) < F.lit(cutoff.date()))
    since = events.where(days & (F.col(EVENT_TS) >= F.lit(begin)))
    followed = build_interactions(since, cutoff=cutoff, settings=settings).frame
    liked = followed.where(F.col(SEEN) & (F.col(STRENGTH) > F.col(NEGATIVE)))
    new = liked.select(USER_ID, ITEM_ID, F.col(STRENGTH).alias(GAIN)).join(history, [USER_ID, ITEM_ID], "left_anti")
    users = new.select(USER_ID).distinct()
    chosen = users.orderBy(F.xxhash64(F.lit(seed), USER_ID), USER_ID).limit(max_users)
    return new.join(chosen, USER_ID, "left_semi")

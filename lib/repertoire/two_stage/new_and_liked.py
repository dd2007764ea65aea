"""The truth that lists are judged by: what users consumed and liked, and never before."""

import datetime as dt

from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from repertoire.evaluation.ranking_metrics import GAIN
from repertoire.features.interactions import build_interactions
from repertoire.settings import FeatureSettings
from repertoire.vocabulary import ITEM_ID, NEGATIVE, SEEN, STRENGTH, TYPES, USER_ID


def liked(events: DataFrame, settings: FeatureSettings, cutoff: dt.datetime) -> DataFrame:
    """user_id, item_id, gain, event_types: what was consumed before the cutoff and wanted more than refused; gain is the
    strength."""
    interactions = build_interactions(events, cutoff=cutoff, settings=settings).frame
    wanted = interactions.where(F.col(SEEN) & (F.col(STRENGTH) > F.col(NEGATIVE)))
    return wanted.select(USER_ID, ITEM_ID, F.col(STRENGTH).alias(GAIN), TYPES)


def new_to_some_users(truth: DataFrame, history: DataFrame, max_users: int, seed: int) -> DataFrame:
    """The rows of the truth whose pairs are not in the history, of at most max_users users, always the same ones."""
    new = truth.join(history, [USER_ID, ITEM_ID], "left_anti")
    users = new.select(USER_ID).distinct()
    chosen = users.orderBy(F.xxhash64(F.lit(seed), USER_ID), USER_ID).limit(max_users)
    return new.join(chosen, USER_ID, "left_semi")

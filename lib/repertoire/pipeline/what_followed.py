"""What users turned to after the lists of a day were made: the truth that those lists are judged by."""

import datetime as dt

from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from repertoire.settings import FeatureSettings
from repertoire.two_stage.new_and_liked import liked, new_to_some_users
from repertoire.vocabulary import EVENT_DATE, EVENT_TS


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
    return new_to_some_users(liked(since, settings, cutoff), history, max_users, seed)

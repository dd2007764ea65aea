"""How much a user's liking of an item counts for its popularity, by its age."""

import datetime as dt

from pyspark.sql import Column
from pyspark.sql import functions as F

from repertoire import vocabulary as v
from repertoire.settings import VoteSettings

# A full vote is so many: whole numbers add up to the same in every order of the rows, doubles do not.
FULL_VOTE = 2**30


def vote(as_of: dt.date, settings: VoteSettings) -> Column:
    """bigint from 0 to FULL_VOTE: 2^(-age / half_life_days) of it, 0 past window_days, where age is from last_ts to the end of
    `as_of`.

    A full vote where the pair is untimed or its time is past that end. The day ends at midnight UTC: for the decay, another time
    zone would multiply all votes alike.
    """
    end = dt.datetime.combine(as_of + dt.timedelta(days=1), dt.time(), dt.UTC).timestamp()
    days = (F.lit(end) - F.unix_micros(v.LAST_TS) / 1e6) / 86_400
    age = F.greatest(F.coalesce(days, F.lit(0.0)), F.lit(0.0))
    full = F.lit(FULL_VOTE).cast("bigint")
    if settings.half_life_days is not None:
        full = F.round(F.pow(F.lit(2.0), -age / settings.half_life_days) * FULL_VOTE).cast("bigint")
    return full if settings.window_days is None else F.when(age <= settings.window_days, full).otherwise(0)

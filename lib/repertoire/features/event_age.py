"""Which events lie before a cutoff, and how old they are there; an event without a time is as old as its day."""

import datetime as dt

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

from repertoire import vocabulary as v

_DAY = 86_400 * 1_000_000
"""Microseconds."""


def before(events: DataFrame, cutoff: dt.datetime) -> DataFrame:
    """The events before the cutoff; of those without a time, the events of days before the cutoff's day.

    cutoff: a midnight with its time zone, that in which event_date is counted. Raises ValueError for one without a zone.
    """
    if cutoff.tzinfo is None:
        raise ValueError(f"the cutoff {cutoff} has no time zone")
    untimed = F.col(v.EVENT_TS).isNull() & (F.col(v.EVENT_DATE) < F.lit(cutoff.date()))
    return events.where((F.col(v.EVENT_TS) < F.lit(cutoff)) | untimed)


def age_days(cutoff: dt.datetime) -> Column:
    """Days from an event to the cutoff, from the start of its day where it has no time."""
    days = F.datediff(F.lit(cutoff.date()), v.EVENT_DATE)
    return F.coalesce(days_since(v.EVENT_TS, cutoff), days.cast("double"))


def days_since(moment: str, cutoff: dt.datetime) -> Column:
    """Days of 24 hours from a column of timestamps to the cutoff."""
    return (F.unix_micros(F.lit(cutoff)) - F.unix_micros(moment)) / F.lit(_DAY)


def pair_ages(interactions: DataFrame, events: DataFrame, cutoff: dt.datetime) -> DataFrame:
    """user_id, item_id, strength, negative, first_age, last_age: the pairs, and the days since their first and last events.

    interactions: what `build_interactions` makes of the events before the cutoff. It knows the times of a pair's timed
    events; where a pair has none, its events are asked for their days. That is a query of its own, but one that finds nothing
    to read in a log where every event has a time: the files' statistics say so.
    """
    known = (v.USER_ID, v.ITEM_ID, v.STRENGTH, v.NEGATIVE)
    timed = interactions.where(F.col(v.FIRST_TS).isNotNull()).select(
        *known, days_since(v.FIRST_TS, cutoff).alias("first_age"), days_since(v.LAST_TS, cutoff).alias("last_age")
    )
    days = F.datediff(F.lit(cutoff.date()), v.EVENT_DATE).cast("double")
    of_days = (
        events.where(F.col(v.EVENT_TS).isNull() & (F.col(v.EVENT_DATE) < F.lit(cutoff.date())))
        .groupBy(v.USER_ID, v.ITEM_ID)
        .agg(F.max(days).alias("first_age"), F.min(days).alias("last_age"))
    )
    untimed = interactions.where(F.col(v.FIRST_TS).isNull()).select(*known)
    return timed.unionByName(untimed.join(of_days, [v.USER_ID, v.ITEM_ID]))

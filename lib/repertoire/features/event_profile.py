"""What must be known of the whole log before its events can be weighed: medians, scales, and how busy a day can be."""

import datetime as dt
import math
from collections.abc import Collection
from dataclasses import dataclass

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

from repertoire.settings import FeatureSettings
from repertoire.vocabulary import EVENT_DATE, EVENT_TYPE, RATING, USER_ID, VALUE

_LEAST_DAILY_CAP = 100
_DAILY_CAP_QUANTILE, _DAILY_CAP_MULTIPLE = 0.99, 10

_DIGITS = 4


@dataclass(frozen=True)
class ValueProfile:
    """Values of one type of events, null, NaN and infinite ones left out.

    median, and cut, which is the value_quantile: both to 4 significant digits, rounded up; highest: as it is.
    """

    median: float
    cut: float
    highest: float


@dataclass(frozen=True)
class EventProfile:
    """What the log holds, and what the settings leave to it.

    events: how many there are of each type. newest: the last event_date, None without events. valued: by type, those of
    valued_events whose values have a median above 0. rating_scale: the setting, or the lowest and highest rating
    that occur; None without ratings. seen_types: the consuming_events that occur. busiest_day: most events of a user on
    a day. max_events_per_day: the setting, or ten times the 99th percentile of users' days, and 100 at least.
    """

    events: dict[str, int]
    newest: dt.date | None
    valued: dict[str, ValueProfile]
    rating_scale: tuple[float, float] | None
    seen_types: tuple[str, ...]
    busiest_day: int
    max_events_per_day: int


def profile_events(events: DataFrame, settings: FeatureSettings) -> EventProfile:
    """Profiles the log in one query, of which a row for each event type and one for the users' days are collected.

    events: user_id, event_type, event_date, value. Quantiles are exact, so that they do not depend on partitions as
    approximate ones do; that values are taken to four digits only keeps the number of distinct ones, and so the memory,
    bounded.
    """
    by_value = [name for name in settings.valued_events if name != RATING]  # ratings go by their scale
    of_types = _of_types(events, by_value, settings.value_quantile)
    rows = of_types.unionByName(_of_days(events), allowMissingColumns=True).collect()
    types = {row[EVENT_TYPE]: row for row in rows if row[EVENT_TYPE] is not None}
    (days,) = (row for row in rows if row[EVENT_TYPE] is None)
    valued = {}
    for name in by_value:
        median, cut = (types[name]["quantiles"] if name in types else None) or (0.0, 0.0)
        if median > 0:
            valued[name] = ValueProfile(median, cut, types[name]["highest"])
    ratings = types.get(RATING)
    occurring = (ratings["lowest"], ratings["highest"]) if ratings and ratings["lowest"] is not None else None
    usual_day = days["usual_day"] or 0.0
    return EventProfile(
        events={name: row["events"] for name, row in types.items()},
        newest=max((row["newest"] for row in types.values()), default=None),
        valued=valued,
        rating_scale=(settings.rating_scale or occurring) if ratings else None,
        seen_types=tuple(name for name in settings.consuming_events if name in types),
        busiest_day=days["busiest_day"] or 0,
        max_events_per_day=settings.max_events_per_day
        or max(_LEAST_DAILY_CAP, math.ceil(_DAILY_CAP_MULTIPLE * usual_day)),
    )


def events_of_days(events: DataFrame) -> DataFrame:
    """user_id, event_date, day_events: how many events a user has on a day."""
    return events.groupBy(USER_ID, EVENT_DATE).agg(F.count(F.lit(1)).alias("day_events"))


def finite(value: Column) -> Column:
    """The value, or null where it is NaN or infinite."""
    return F.when(F.abs(value) < float("inf"), value)


def _of_types(events: DataFrame, valued: Collection[str], quantile: float) -> DataFrame:
    value = finite(F.col(VALUE))
    of_valued = F.when(F.col(EVENT_TYPE).isin(*valued), _few_digits(value)) if valued else F.lit(None).cast("double")
    return events.groupBy(EVENT_TYPE).agg(
        F.count(F.lit(1)).alias("events"),
        F.min(value).alias("lowest"),
        F.max(value).alias("highest"),
        F.percentile(of_valued, F.array(F.lit(0.5), F.lit(quantile))).alias("quantiles"),
        F.max(EVENT_DATE).alias("newest"),
    )


def _of_days(events: DataFrame) -> DataFrame:
    return events_of_days(events).agg(
        F.max("day_events").alias("busiest_day"),
        F.percentile("day_events", F.lit(_DAILY_CAP_QUANTILE)).alias("usual_day"),
    )


def _few_digits(value: Column) -> Column:
    """A positive value rounded up to 4 significant digits, as 12345.6 to 12350; 0 for others."""
    scale = F.pow(F.lit(10.0), F.lit(_DIGITS - 1) - F.floor(F.log10(value)))
    # Rounding first takes away what the multiplication has added to numbers such as 1.1.
    return F.when(value > 0, F.ceil(F.round(value * scale, 6)) / scale).when(value <= 0, F.lit(0.0))

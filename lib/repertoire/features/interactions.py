"""Events become interactions: one row for a user and an item, with how much it was wanted and how much refused."""

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

from repertoire import vocabulary as v
from repertoire.features.event_age import age_days, before
from repertoire.features.event_profile import EventProfile, finite, profile_events
from repertoire.features.interactions_report import InteractionsReport, days_above, report_interactions
from repertoire.settings import FeatureSettings

# A rating that is not low says at least a tenth of what the best one says, even if low_rating is 0.
_LEAST_RATING_SHARE = 0.1

# Strengths are summed as whole billionths: sums of floats would differ in their last bits with the order of the rows,
# and with them everything that is fitted on the interactions.
_DIGITS = 9


@dataclass(frozen=True)
class Interactions:
    """frame: the columns of the table `interactions` but run_date, no pair twice; report: what was cut, and what by."""

    frame: DataFrame
    report: InteractionsReport


def build_interactions(events: DataFrame, *, cutoff: dt.datetime | None, settings: FeatureSettings) -> Interactions:
    """Weighs the events before `cutoff` and adds them up by user and item.

    events: the table `events`. cutoff: a midnight with its time zone, that in which event_date is counted; an event
    without a time counts as of its event_date, so those of days before the cutoff's day are in. None takes all.

    One event gives weight(type) × f × 0.5^(age / half_life), where the age runs from the event to the cutoff (without
    one: to the UTC midnight after the newest event_date), in days; for an untimed event from the start of its day. By
    type:

    - rating: r is the value's place on the scale, 0 to 1 (ratings off the scale count as its end; where there is no
      value, or the scale has but one rating, r is 1). At low_rating or above f = max(r, 0.1). Below, the strength is 0,
      and weight × (1 - r) is negative instead.
    - valued types: f = log2(1 + value / median), the value cut to its type's cut, a negative one to 0, so that f is 1
      at the median and 0 for nothing; where there is no value, or the median is 0, f is 1.
    - others: f = 1.
    - types of negative_weights: that much is negative, value or not.

    If a user has n events on a day, and n is above max_events_per_day, each of them counts max_events_per_day / n.

    A pair's sums are cut to max_strength; then log(1 + sum) is taken if log_strength is set. seen: whether there is an
    event of consuming_events, or where the log has no such type, any event. events counts all of the pair's events;
    event_types names their types, and is null where the log has a single one.
    A pair of events without weight has strength 0 and still a row, for what it says on seen.

    The result does not depend on the order of the events or on their partitions. Profiles the log in one query, counts
    what was cut in up to two more, and gives the frame lazily: one shuffle by user and item.
    Raises ValueError for a cutoff without a time zone.
    """
    events = events if cutoff is None else before(events, cutoff)
    profile = profile_events(events, settings)
    weighed, share = events, F.lit(1.0)
    if profile.busiest_day > profile.max_events_per_day:
        weighed = events.join(days_above(events, profile), [v.USER_ID, v.EVENT_DATE], "left")
        share = F.coalesce(F.lit(float(profile.max_events_per_day)) / F.col("day_events"), F.lit(1.0))
    counted = share * _recency(profile, cutoff, settings.half_life_days)
    strength, negative = _strength_and_negative(profile, settings)
    seen = F.col(v.EVENT_TYPE).isin(*profile.seen_types) if profile.seen_types else F.lit(True)
    frame = weighed.groupBy(v.USER_ID, v.ITEM_ID).agg(
        _total(strength * counted, settings).alias(v.STRENGTH),
        _total(negative * counted, settings).alias(v.NEGATIVE),
        F.count(F.lit(1)).alias(v.EVENTS),
        F.bool_or(seen).alias(v.SEEN),
        F.min(v.EVENT_TS).alias(v.FIRST_TS),
        F.max(v.EVENT_TS).alias(v.LAST_TS),
        _types(profile).alias(v.TYPES),
    )
    return Interactions(frame, report_interactions(events, profile))


def _recency(profile: EventProfile, cutoff: dt.datetime | None, half_life_days: float | None) -> Column:
    if half_life_days is None or profile.newest is None:
        return F.lit(1.0)
    if cutoff is None:
        cutoff = dt.datetime.combine(profile.newest + dt.timedelta(days=1), dt.time(), tzinfo=dt.UTC)
    return F.pow(F.lit(0.5), F.greatest(age_days(cutoff), F.lit(0.0)) / F.lit(half_life_days))


def _strength_and_negative(profile: EventProfile, settings: FeatureSettings) -> tuple[Column, Column]:
    """What one event adds to the two sums, but for its recency and its share of a busy day."""
    weight = _by_type(settings.event_weights)
    negative = _by_type(settings.negative_weights)
    factor = F.lit(1.0)
    value = finite(F.col(v.VALUE))
    for name, of_type in profile.valued.items():
        cut = F.when(value.isNotNull(), F.least(F.greatest(value, F.lit(0.0)), F.lit(of_type.cut)))
        growing = F.coalesce(F.log2(1 + cut / F.lit(of_type.median)), F.lit(1.0))
        factor = F.when(F.col(v.EVENT_TYPE) == name, growing).otherwise(factor)
    if v.RATING in profile.events:
        place, is_rating = _place_on_scale(value, profile.rating_scale), F.col(v.EVENT_TYPE) == v.RATING
        is_low = is_rating & (place < settings.low_rating)
        negative = negative + F.when(is_low, weight * (1 - place)).otherwise(0.0)
        factor = F.when(is_low, 0.0).when(is_rating, F.greatest(place, F.lit(_LEAST_RATING_SHARE))).otherwise(factor)
    return weight * factor, negative


def _place_on_scale(value: Column, scale: tuple[float, float] | None) -> Column:
    """0 for the lowest rating, 1 for the highest and for what cannot be placed."""
    if scale is None or scale[0] >= scale[1]:
        return F.lit(1.0)
    place = (value - F.lit(scale[0])) / F.lit(scale[1] - scale[0])
    return F.when(value.isNull(), 1.0).otherwise(F.least(F.greatest(place, F.lit(0.0)), F.lit(1.0)))


def _by_type(weights: Mapping[str, float]) -> Column:
    weight = F.lit(0.0)
    for name, of_type in weights.items():
        weight = F.when(F.col(v.EVENT_TYPE) == name, F.lit(float(of_type))).otherwise(weight)
    return weight


def _types(profile: EventProfile) -> Column:
    """Which of the log's types a pair has: an aggregate of a truth value for each."""
    if len(profile.events) < 2:
        return F.lit(None).cast("array<string>")
    named = (F.when(F.bool_or(F.col(v.EVENT_TYPE) == name), F.lit(name)) for name in sorted(profile.events))
    return F.array_compact(F.array(*named))


def _total(contribution: Column, settings: FeatureSettings) -> Column:
    """The sum of the contributions, cut and perhaps logarithmic. A contribution above the cut can be cut before."""
    most = F.lit(settings.max_strength)
    billionths = F.round(F.least(contribution, most) * 10**_DIGITS).cast("bigint")
    total = F.least(F.sum(billionths) / F.lit(10.0**_DIGITS), most)
    return F.round(F.log1p(total) if settings.log_strength else total, _DIGITS)

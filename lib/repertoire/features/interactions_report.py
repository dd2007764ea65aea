"""What building the interactions took for granted and what it cut, so that a run can say so."""

from dataclasses import dataclass

from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from repertoire.features.event_profile import EventProfile, events_of_days, finite
from repertoire.vocabulary import EVENT_TYPE, USER_ID, VALUE


@dataclass(frozen=True)
class CutValues:
    """median: where f is 1; cut: what values are cut to; values_cut: how many were."""

    median: float
    cut: float
    values_cut: int


@dataclass(frozen=True)
class InteractionsReport:
    """events: before the cutoff. max_events_per_day: of a user; users_capped, days_capped: users and their days above
    it; events_cut: the excess, so that events - events_cut is what counts in all. valued: by event type. rating_scale:
    the ends in use, None where the log has no ratings. seen_types: the types that make an item a seen one, empty where
    any event does.
    """

    events: int
    max_events_per_day: int
    users_capped: int
    days_capped: int
    events_cut: int
    valued: dict[str, CutValues]
    rating_scale: tuple[float, float] | None
    seen_types: tuple[str, ...]

    def lines(self) -> list[str]:
        """The report in words, for the progress of a run."""
        lines = [f"{self.events:,} events before the cutoff"]
        if self.days_capped:
            lines.append(
                f"{self.events_cut:,} events cut: {self.users_capped:,} users had more than "
                f"{self.max_events_per_day:,} events on {self.days_capped:,} days"
            )
        for name, valued in self.valued.items():
            lines.append(
                f"{name}: median value {valued.median:g}, {valued.values_cut:,} values above {valued.cut:g} cut"
            )
        if self.rating_scale:
            lines.append(f"ratings from {self.rating_scale[0]:g} to {self.rating_scale[1]:g}")
        lines.append(f"seen is what has an event of type {', '.join(self.seen_types) or 'any'}")
        return lines


def report_interactions(events: DataFrame, profile: EventProfile) -> InteractionsReport:
    """Counts what was cut: a query for days, one for values, and neither where the profile shows that nothing was."""
    users, days, excess = 0, 0, 0
    if profile.busiest_day > profile.max_events_per_day:
        (found,) = (
            days_above(events, profile)
            .agg(
                F.count_distinct(USER_ID).alias("users"),
                F.count(F.lit(1)).alias("days"),
                F.sum(F.col("day_events") - profile.max_events_per_day).alias("excess"),
            )
            .collect()
        )
        users, days, excess = found
    values_cut = dict.fromkeys(profile.valued, 0)
    above = {name: of_type.cut for name, of_type in profile.valued.items() if of_type.highest > of_type.cut}
    if above:
        is_above = {
            name: (F.col(EVENT_TYPE) == name) & (finite(F.col(VALUE)) > F.lit(cut)) for name, cut in above.items()
        }
        (counts,) = events.agg(*[F.count_if(condition).alias(name) for name, condition in is_above.items()]).collect()
        values_cut |= counts.asDict()
    return InteractionsReport(
        events=sum(profile.events.values()),
        max_events_per_day=profile.max_events_per_day,
        users_capped=users,
        days_capped=days,
        events_cut=excess,
        valued={
            name: CutValues(of_type.median, of_type.cut, values_cut[name]) for name, of_type in profile.valued.items()
        },
        rating_scale=profile.rating_scale,
        seen_types=profile.seen_types,
    )


def days_above(events: DataFrame, profile: EventProfile) -> DataFrame:
    """user_id, event_date, day_events: the days on which a user has more events than count."""
    return events_of_days(events).where(F.col("day_events") > profile.max_events_per_day)

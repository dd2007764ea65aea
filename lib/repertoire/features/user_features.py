"""What is known of each user at a cutoff: how long and how often they come, what they want and refuse, when, and who they are."""

import datetime as dt
from zoneinfo import ZoneInfo

from pyspark.sql import Column, DataFrame, Window
from pyspark.sql import functions as F

from repertoire import vocabulary as v
from repertoire.declared_features import OF_USERS, PARTS_OF_DAY
from repertoire.features.declared_columns import declared_columns
from repertoire.features.event_age import age_days, before, pair_ages
from repertoire.features.event_profile import finite
from repertoire.settings import FeatureSettings

_PRIOR_RATINGS = 3
_LATEST = 10
_SESSION_DAYS = 0.25
_HOURS_OF_A_PART = 6
_ATTRIBUTES = tuple(one.name for one in OF_USERS if one.kind == "category")
_WEEKEND = (1, 7)  # Sunday and Saturday, as Spark counts


def build_user_features(
    interactions: DataFrame,
    events: DataFrame,
    users: DataFrame | None,
    items: DataFrame | None,
    *,
    cutoff: dt.datetime,
    zone: ZoneInfo,
    settings: FeatureSettings,
) -> DataFrame:
    """user_id and the features of `declared_features.OF_USERS`, a row for each user with an event or an account.

    interactions: the table, of the same cutoff. events: the table; those at or after the cutoff are left out. users:
    user_id, age_band, gender, country, occupation, no user twice; items: item_id, category, creator_id, no item twice; both as
    they held then, None where there is no such table. cutoff: a midnight in `zone`, in which event_date is counted.

    Lazy. Shuffles and sorts the events by user once, narrowed to numbers, and groups the interactions by user once; the
    popularity, category and creator of every item, some 100 bytes each, are sent to all tasks.
    Raises ValueError for a cutoff without a time zone.
    """
    counted = before(events, cutoff)
    pairs = pair_ages(interactions, events, cutoff).join(F.broadcast(_of_items(interactions, items)), v.ITEM_ID, "left")
    rows = _of_events(_narrow(counted, cutoff, zone, settings)).join(_of_pairs(pairs), v.USER_ID, "left")
    if users is not None:
        rows = rows.join(users.select(v.USER_ID, *_ATTRIBUTES), v.USER_ID, "full_outer")
    else:
        rows = rows.withColumns({name: F.lit(None).cast("string") for name in _ATTRIBUTES})
    rows = rows.fillna(0, [name for name in rows.columns if name.startswith("n_")])
    rows = rows.crossJoin(F.broadcast(_of_log(counted, settings)))
    found = _activity() | _values() | _taste(items is not None) | _times()
    return rows.withColumns(found).select(v.USER_ID, *declared_columns(OF_USERS))


def _narrow(events: DataFrame, cutoff: dt.datetime, zone: ZoneInfo, settings: FeatureSettings) -> DataFrame:
    """user_id, age, event_date, part: of the day, 0 to 3, null where untimed; rating, usage, spend: values, mostly null."""
    hour = F.hour(F.from_utc_timestamp(v.EVENT_TS, zone.key))
    return events.select(
        v.USER_ID,
        age_days(cutoff).alias("age"),
        v.EVENT_DATE,
        F.floor(hour / _HOURS_OF_A_PART).cast("tinyint").alias("part"),
        *(value.alias(name) for name, value in _valued(settings).items()),
    )


def _valued(settings: FeatureSettings) -> dict[str, Column]:
    value, of_type = finite(F.col(v.VALUE)), F.col(v.EVENT_TYPE)
    amount = F.when(value > 0, value).when(value <= 0, F.lit(0.0))  # null stays null
    used = [name for name in settings.valued_events if name != v.RATING]
    return {
        "rating": F.when(of_type == v.RATING, value),
        "usage": F.when(of_type.isin(*used) if used else F.lit(False), amount),
        "spend": F.when(of_type == v.PURCHASE, amount),
    }


def _of_log(events: DataFrame, settings: FeatureSettings) -> DataFrame:
    """One row: usual_rating, null without ratings; usage_known, spend_known: whether there are such values. A scan by itself."""
    valued = _valued(settings)
    return events.agg(
        F.avg(valued["rating"]).alias("usual_rating"),
        (F.count(valued["usage"]) > 0).alias("usage_known"),
        (F.count(valued["spend"]) > 0).alias("spend_known"),
    )


def _of_events(rows: DataFrame) -> DataFrame:
    """oldest, newest: ages in days; n_: counts of events and days, and sums of values."""
    # From the last event to the first: sorted rows show days and the last session without distinct counts or a join.
    backwards = Window.partitionBy(v.USER_ID).orderBy(F.desc(v.EVENT_DATE), "age")
    later = F.lag(v.EVENT_DATE).over(backwards)
    rows = rows.withColumns(
        {"last": F.first("age").over(backwards), "new_day": later.isNull() | (later != F.col(v.EVENT_DATE))}
    )
    age, timed = F.col("age"), F.col("part").isNotNull()
    counts = {
        "oldest": F.max(age),
        "newest": F.min(age),
        "n_events": F.count(F.lit(1)),
        "n_events_7": F.count_if(age <= 7),
        "n_events_30": F.count_if(age <= 30),
        "n_session": F.count_if(age <= F.col("last") + _SESSION_DAYS),
        "n_days": F.count_if("new_day"),
        "n_timed": F.count_if(timed),
        "n_weekend": F.count_if(timed & F.dayofweek(v.EVENT_DATE).isin(*_WEEKEND)),
        "n_ratings": F.count("rating"),
        **{f"n_{name}": F.sum(name) for name in ("rating", "usage", "spend")},
        **{f"n_{part}": F.count_if(F.col("part") == place) for place, part in enumerate(PARTS_OF_DAY)},
    }
    return rows.groupBy(v.USER_ID).agg(*(column.alias(name) for name, column in counts.items()))


def _of_items(interactions: DataFrame, items: DataFrame | None) -> DataFrame:
    """Of each item that somebody wants: popularity, the log of how many do; category, creator_id."""
    wanted = interactions.where(F.col(v.STRENGTH) > 0)
    popularity = wanted.groupBy(v.ITEM_ID).agg(F.log(F.count(F.lit(1))).alias("popularity"))
    if items is None:
        return popularity.withColumns({name: F.lit(None).cast("string") for name in ("category", "creator_id")})
    return popularity.join(items.select(v.ITEM_ID, "category", "creator_id"), v.ITEM_ID, "left")


def _of_pairs(pairs: DataFrame) -> DataFrame:
    """n_wanted, n_categories, n_creators, n_refused; popularity: mean of the wanted items'; latest: those of the items with
    the latest events."""
    wanted = F.col(v.STRENGTH) > 0
    return pairs.groupBy(v.USER_ID).agg(
        F.count_if(wanted).alias("n_wanted"),
        F.size(F.collect_set(F.when(wanted, F.col("category")))).alias("n_categories"),
        F.size(F.collect_set(F.when(wanted, F.col("creator_id")))).alias("n_creators"),
        F.sum(v.NEGATIVE).alias("n_refused"),
        F.avg(F.when(wanted, F.col("popularity"))).alias("popularity"),
        F.min_by("popularity", F.when(wanted, F.struct("last_age", v.ITEM_ID)), _LATEST).alias("latest"),
    )


def _activity() -> dict[str, Column]:
    return {
        "tenure_days": F.log1p("oldest"),
        "idle_days": F.log1p("newest"),
        "active_days": F.log1p("n_days"),
        "events_7d": F.log1p("n_events_7"),
        "events_30d": F.log1p("n_events_30"),
        "events_per_active_day": F.log1p(F.try_divide("n_events", "n_days")),
        "last_session_events": F.log1p("n_session"),
    }


def _values() -> dict[str, Column]:
    rated = F.col("n_rating") + _PRIOR_RATINGS * F.col("usual_rating")
    return {
        "total_usage": F.when(F.col("usage_known"), F.log1p("n_usage")),
        "spend": F.when(F.col("spend_known"), F.log1p("n_spend")),
        "mean_rating": rated / (F.col("n_ratings") + _PRIOR_RATINGS),
    }


def _taste(known: bool) -> dict[str, Column]:
    last = F.aggregate("latest", F.lit(0.0), lambda total, one: total + one)
    return {
        "wanted_items": F.log1p("n_wanted"),
        "variety_categories": F.when(F.lit(known), F.log1p("n_categories")),
        "variety_creators": F.when(F.lit(known), F.log1p("n_creators")),
        "mean_popularity": F.col("popularity"),
        "mean_popularity_last_10": F.try_divide(last, F.size("latest").cast("double")),
        "refused_share": (F.col("n_refused") + 1) / (F.col("n_events") + 8),
    }


def _times() -> dict[str, Column]:
    return {f"{name}_share": F.try_divide(f"n_{name}", "n_timed") for name in (*PARTS_OF_DAY, "weekend")}

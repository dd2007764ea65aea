"""What is known of each item at a cutoff: how many want it and since when, how it does of late, and its attributes."""

import datetime as dt

from pyspark.sql import Column, DataFrame, Window
from pyspark.sql import functions as F

from repertoire import vocabulary as v
from repertoire.declared_features import CONSUMED_DAYS, CREATOR_DAYS, HALF_LIVES, OF_ITEMS, POPULARITY_DAYS
from repertoire.features.declared_columns import declared_columns
from repertoire.features.event_age import age_days, before, pair_ages
from repertoire.features.event_profile import finite
from repertoire.settings import FeatureSettings

_TINY = 1e-300  # keeps a sum of nothing from being divided by
_PRIOR_RATINGS = 5
_ATTRIBUTES = {"category": "string", "creator_id": "string", "price": "double", "released": "date"}


def build_item_features(
    interactions: DataFrame,
    events: DataFrame,
    items: DataFrame | None,
    *,
    cutoff: dt.datetime,
    settings: FeatureSettings,
) -> DataFrame:
    """item_id and the features of `declared_features.OF_ITEMS`, a row for each item with an event or in the catalogue.

    interactions: the table, of the same cutoff. events: the table; those at or after the cutoff are left out. items:
    item_id, category, creator_id, price, released as they held then, no item twice; None without a catalogue. cutoff: a
    midnight with its time zone, that in which event_date is counted.

    Lazy. Groups the interactions and the events by item, once each. What needs the sum over all items, or an order of them,
    is a window over the grouped rows: all items pass through one task, which spills what its memory does not hold.
    Raises ValueError for a cutoff without a time zone.
    """
    wanted = _of_pairs(pair_ages(interactions, events, cutoff))
    rows = _of_events(before(events, cutoff), cutoff, settings).join(wanted, v.ITEM_ID, "left")
    if items is not None:
        rows = rows.join(items.select(v.ITEM_ID, *_ATTRIBUTES), v.ITEM_ID, "full_outer")
    else:
        rows = rows.withColumns({name: F.lit(None).cast(kind) for name, kind in _ATTRIBUTES.items()})
    rows = _with_totals(rows.fillna(0, [name for name in rows.columns if name.startswith("n_")]))
    rows = rows.withColumns(_popularity() | _consumption() | _of_creator(items is not None) | _attributes(cutoff))
    return rows.withColumns(_trends()).select(v.ITEM_ID, *declared_columns(OF_ITEMS))


def _of_pairs(pairs: DataFrame) -> DataFrame:
    """n_users_<days>, n_users: users who want the item; n_half_<days>: these, halved with their age; n_refused."""
    wanted, age = F.col(v.STRENGTH) > 0, F.col("first_age")
    young = {f"n_users_{days}": F.count_if(wanted & (age <= days)) for days in POPULARITY_DAYS}
    halved = {
        f"n_half_{days}": F.sum(F.when(wanted, F.pow(F.lit(0.5), age / days)).otherwise(0.0)) for days in HALF_LIVES
    }
    sums = young | halved | {"n_users": F.count_if(wanted), "n_refused": F.sum(v.NEGATIVE)}
    return pairs.groupBy(v.ITEM_ID).agg(*(column.alias(name) for name, column in sums.items()))


def _of_events(events: DataFrame, cutoff: dt.datetime, settings: FeatureSettings) -> DataFrame:
    """oldest, newest: ages in days; n_: counts of events, and the sum of the ratings."""
    rows = events.select(v.ITEM_ID, v.EVENT_TYPE, v.VALUE, age_days(cutoff).alias("age"))
    of_type, age = F.col(v.EVENT_TYPE), F.col("age")
    consumes = of_type.isin(*settings.consuming_events) if settings.consuming_events else F.lit(False)
    rating = F.when(of_type == v.RATING, finite(F.col(v.VALUE)))
    counts = {
        "oldest": F.max(age),
        "newest": F.min(age),
        "n_events": F.count(F.lit(1)),
        "n_consumed": F.count_if(consumes),
        "n_views": F.count_if(of_type.isin(v.VIEW, v.CLICK)),
        "n_ratings": F.count(rating),
        "n_rated": F.sum(rating),
    }
    for days in CONSUMED_DAYS:
        counts[f"n_events_{days}"] = F.count_if(age <= days)
        counts[f"n_consumed_{days}"] = F.count_if(consumes & (age <= days))
    return rows.groupBy(v.ITEM_ID).agg(*(column.alias(name) for name, column in counts.items()))


def _with_totals(rows: DataFrame) -> DataFrame:
    """all_<name>: the sum of n_<name> over all items; items: how many these are."""
    whole, ordered = Window.partitionBy(), Window.orderBy("n_users_30")
    counts = [name for name in rows.columns if name.startswith("n_")]
    totals = {name.replace("n_", "all_", 1): F.sum(name).over(whole) for name in counts}
    return rows.withColumns(
        totals | {"items": F.count(F.lit(1)).over(whole), "popularity_rank_30d": F.percent_rank().over(ordered)}
    )


def _popularity() -> dict[str, Column]:
    found = {f"popularity_{days}d": _log_share(f"users_{days}") for days in POPULARITY_DAYS}
    found["popularity_all"] = _log_share("users")
    for days in HALF_LIVES:
        mean = F.greatest(F.col(f"all_half_{days}"), F.lit(_TINY)) / F.col("items")
        found[f"popularity_decay_{days}d"] = F.log(F.col(f"n_half_{days}") / mean + 0.01)
    return found


def _log_share(name: str) -> Column:
    return _log_share_of(F.col(f"n_{name}"), F.col(f"all_{name}"))


def _log_share_of(count: Column, total: Column) -> Column:
    return F.log((count + 0.5) / (total + 0.5 * F.col("items")) * F.col("items"))


def _consumption() -> dict[str, Column]:
    any_consumed = F.col("all_consumed") > 0
    found = {
        f"consumed_{days}d": F.when(any_consumed, _log_share(f"consumed_{days}")).otherwise(
            _log_share(f"events_{days}")
        )
        for days in CONSUMED_DAYS
    }
    per_view = (F.col("n_consumed") + 2) / (F.col("n_views") + 4)
    found["consumed_per_view"] = F.when(any_consumed & (F.col("all_views") > 0), per_view)
    usual = F.try_divide("all_rated", "all_ratings")
    found["mean_rating"] = (F.col("n_rated") + _PRIOR_RATINGS * usual) / (F.col("n_ratings") + _PRIOR_RATINGS)
    found["refused_share"] = (F.col("n_refused") + 1) / (F.col("n_events") + 8)
    return found | {"age_days": F.log1p("oldest"), "idle_days": F.log1p("newest")}


def _of_creator(known: bool) -> dict[str, Column]:
    if not known:
        return {f"creator_popularity_{days}d": F.lit(None).cast("double") for days in CREATOR_DAYS}
    works = Window.partitionBy("creator_id")
    named = F.col("creator_id").isNotNull()
    return {
        f"creator_popularity_{days}d": F.when(named, F.log(F.avg(f"n_users_{days}").over(works) + 0.1))
        for days in CREATOR_DAYS
    }


def _attributes(cutoff: dt.datetime) -> dict[str, Column]:
    days = F.datediff(F.lit(cutoff.date()), "released")
    return {"released_days": F.signum(days) * F.log1p(F.abs(days)), "release_year": F.year("released")}


def _trends() -> dict[str, Column]:
    pairs = {
        "trend_7d": ("popularity_7d", "popularity_30d"),
        "trend_30d": ("popularity_30d", "popularity_all"),
        "trend_consumed_7d": ("consumed_7d", "consumed_30d"),
    }
    return {name: F.col(late) - F.col(long) for name, (late, long) in pairs.items()}

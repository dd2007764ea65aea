"""A small log, its interactions and its features, for the tests of both tables of features."""

import datetime as dt
import random
from typing import Any
from zoneinfo import ZoneInfo

from hypothesis import strategies as st
from pyspark.sql import DataFrame, Row, SparkSession

from repertoire.features.interactions import build_interactions
from repertoire.features.item_features import build_item_features
from repertoire.features.user_features import build_user_features
from repertoire.settings import FeatureSettings
from repertoire.tables import ITEMS, USERS, Table

DDL = "user_id string, item_id string, event_type string, event_ts timestamp, value double, event_date date"
CUTOFF = dt.datetime(2024, 3, 10, tzinfo=dt.UTC)  # a Sunday begins
PLAIN = FeatureSettings(log_strength=False)

Event = tuple[str, str, str, dt.datetime | None, float | None, dt.date]


def event(
    user: str, item: str, event_type: str, days_ago: float, value: float | None = None, *, timed: bool = True
) -> Event:
    moment = CUTOFF - dt.timedelta(days=days_ago)
    return user, item, event_type, moment if timed else None, value, moment.date()


def log(spark: SparkSession, *events: Event) -> DataFrame:
    return spark.createDataFrame(list(events), DDL)


def known(spark: SparkSession, table: Table, *rows: dict[str, Any]) -> DataFrame:
    """Rows of `items` or `users` as they hold at the cutoff; what a row leaves out is null."""
    columns = [column for column in table.columns if column.name not in ("valid_from", "valid_to")]
    values = [tuple(row.get(column.name) for column in columns) for row in rows]
    return spark.createDataFrame(values, ", ".join(f"{column.name} {column.type}" for column in columns))


def catalogue(spark: SparkSession, *rows: dict[str, Any]) -> DataFrame:
    return known(spark, ITEMS, *rows)


def accounts(spark: SparkSession, *rows: dict[str, Any]) -> DataFrame:
    return known(spark, USERS, *rows)


def interactions(events: DataFrame, cutoff: dt.datetime = CUTOFF) -> DataFrame:
    return build_interactions(events, cutoff=cutoff, settings=PLAIN).frame


def of_items(events: DataFrame, items: DataFrame | None = None, cutoff: dt.datetime = CUTOFF) -> DataFrame:
    return build_item_features(interactions(events, cutoff), events, items, cutoff=cutoff, settings=PLAIN)


def of_users(
    events: DataFrame,
    users: DataFrame | None = None,
    items: DataFrame | None = None,
    *,
    cutoff: dt.datetime = CUTOFF,
    zone: str = "UTC",
) -> DataFrame:
    pairs = interactions(events, cutoff)
    return build_user_features(pairs, events, users, items, cutoff=cutoff, zone=ZoneInfo(zone), settings=PLAIN)


def by_id(frame: DataFrame) -> dict[str, Row]:
    """Rows by their id, which comes first and occurs once."""
    rows = frame.collect()
    found = {row[0]: row for row in rows}
    assert len(found) == len(rows)
    return found


@st.composite
def random_logs(draw: st.DrawFn, first_day: float = 0.001, last_day: float = 40.0) -> list[Event]:
    random_source = random.Random(draw(st.integers(0, 2**32)))
    return [
        event(
            f"u{random_source.randrange(4)}",
            f"i{random_source.randrange(14)}",
            random_source.choice(["view", "play", "rating", "dislike", "read", "purchase"]),
            random_source.uniform(first_day, last_day),
            random_source.choice([None, random_source.lognormvariate(1, 1)]),
            timed=random_source.random() < 0.8,
        )
        for _ in range(draw(st.integers(1, 120)))
    ]

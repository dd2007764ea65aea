"""Features of items: a log that a reader can count, what is null where nothing is known, and the laws of any log."""

import datetime as dt
import random
from collections.abc import Callable
from math import log, log1p

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pyspark.sql import Row, SparkSession
from tests.unit.features import feature_log
from tests.unit.features.feature_log import CUTOFF, Event, by_id, catalogue, event, of_items, random_logs

from repertoire.tables import ITEM_FEATURES

# Ratings run from 2 to 4, so that u1 refuses the book: strength 0, and negative 5. A skip is negative 1.
EVENTS = (
    event("u1", "film", "view", 0.5),
    event("u1", "film", "purchase", 0.25, 10.0),
    event("u2", "film", "rating", 5, 4.0),
    event("u3", "film", "view", 20),
    event("u4", "film", "view", 2),
    event("u1", "book", "rating", 40, 2.0),
    event("u2", "book", "purchase", 40, 10.0),
    event("u4", "book", "cart", 6),
    event("u2", "game", "skip", 3),
    event("u3", "game", "view", 100),
)
ITEMS = (
    {"item_id": "film", "category": "films", "creator_id": "x", "price": 9.5, "released": dt.date(2024, 3, 5)},
    {"item_id": "book", "category": "books", "creator_id": "x", "released": dt.date(2023, 3, 11)},
    {"item_id": "game", "creator_id": "y", "released": dt.date(2024, 3, 20)},
    {"item_id": "dusty"},
)


@pytest.fixture(scope="module")
def rows(spark: SparkSession) -> dict[str, Row]:
    return by_id(of_items(feature_log.log(spark, *EVENTS), catalogue(spark, *ITEMS)))


def close(value: float) -> object:
    return pytest.approx(value, abs=1e-9)


def test_the_frame_is_the_table_but_for_the_run_date(spark: SparkSession) -> None:
    declared = [(column.name, column.type) for column in ITEM_FEATURES.columns if column.name != "run_date"]
    assert of_items(feature_log.log(spark, *EVENTS)).dtypes == declared


@pytest.mark.parametrize(
    ("window", "film", "book", "game", "total"),
    [("1d", 1, 0, 0, 1), ("7d", 3, 1, 0, 4), ("30d", 4, 1, 0, 5), ("90d", 4, 2, 0, 6), ("all", 4, 2, 1, 7)],
)
def test_popularity_counts_users_by_their_first_event(
    rows: dict[str, Row], window: str, film: int, book: int, game: int, total: int
) -> None:
    """Of the film: u1 half a day ago, u4 two, u2 five, u3 twenty. Who refused does not count."""
    counts = {"film": film, "book": book, "game": game, "dusty": 0}
    expected = {item: close(log((count + 0.5) / (total + 0.5 * 4) * 4)) for item, count in counts.items()}
    assert {item: row[f"popularity_{window}"] for item, row in rows.items()} == expected


def test_decayed_popularity_halves_users_with_their_age(rows: dict[str, Row]) -> None:
    sums = {"film": 2**-0.05 + 2**-0.2 + 2**-0.5 + 2**-2, "book": 2**-0.6 + 2**-4, "game": 2**-10, "dusty": 0}
    total = sum(sums.values())
    expected = {item: close(log(4 * part / total + 0.01)) for item, part in sums.items()}
    assert {item: row["popularity_decay_10d"] for item, row in rows.items()} == expected


def test_trends_and_the_rank(rows: dict[str, Row]) -> None:
    """In 30 days four users came to want the film, one the book and none the other two."""
    film = rows["film"]
    assert film["trend_7d"] == close(log(3.5 / 6) - log(4.5 / 7))
    assert film["trend_30d"] == close(log(4.5 / 7) - log(4.5 / 9))
    ranks = {"film": 1, "book": close(2 / 3), "game": 0, "dusty": 0}
    assert {item: row["popularity_rank_30d"] for item, row in rows.items()} == ranks


def test_consuming_events_are_counted_one_by_one(rows: dict[str, Row]) -> None:
    """The film was bought and rated in the last days, the book was 40 days ago. It was viewed three times."""
    assert rows["film"]["consumed_7d"] == close(log(2.5 / 4 * 4))
    assert rows["book"]["consumed_30d"] == close(log(0.5 / 4 * 4))
    assert {item: row["trend_consumed_7d"] for item, row in rows.items()} == dict.fromkeys(rows, 0)
    shares = {"film": close(4 / 7), "book": 1, "game": 0.4, "dusty": 0.5}
    assert {item: row["consumed_per_view"] for item, row in rows.items()} == shares


def test_ages_ratings_and_refusals(rows: dict[str, Row]) -> None:
    assert {item: (row["age_days"], row["idle_days"]) for item, row in rows.items()} == {
        "film": (close(log1p(20)), close(log1p(0.25))),
        "book": (close(log1p(40)), close(log1p(6))),
        "game": (close(log1p(100)), close(log1p(3))),
        "dusty": (None, None),
    }
    ratings = {"film": close(19 / 6), "book": close(17 / 6), "game": 3, "dusty": 3}
    assert {item: row["mean_rating"] for item, row in rows.items()} == ratings
    refused = {"film": close(1 / 13), "book": close(6 / 11), "game": 0.2, "dusty": 0.125}
    assert {item: row["refused_share"] for item, row in rows.items()} == refused


def test_attributes_are_the_catalogues(rows: dict[str, Row]) -> None:
    """The film came out five days before the cutoff's day, and the game comes ten days after."""
    released = {"film": close(log1p(5)), "book": close(log1p(365)), "game": close(-log1p(10)), "dusty": None}
    assert {item: row["released_days"] for item, row in rows.items()} == released
    assert [rows[item]["release_year"] for item in ("film", "book", "dusty")] == [2024, 2023, None]
    assert [rows[item]["price"] for item in ("film", "book")] == [9.5, None]
    assert [rows[item]["category"] for item in ("film", "game")] == ["films", None]


def test_a_creators_popularity_is_that_of_a_work_on_average(rows: dict[str, Row]) -> None:
    weeks = {"film": close(log(2.1)), "book": close(log(2.1)), "game": close(log(0.1)), "dusty": None}
    assert {item: row["creator_popularity_7d"] for item, row in rows.items()} == weeks
    assert rows["book"]["creator_popularity_30d"] == close(log(2.6))


def test_a_poor_log_gives_nulls(spark: SparkSession) -> None:
    """Carts alone: nothing is rated, viewed or consumed, so that all events count as consuming ones."""
    rows = by_id(of_items(feature_log.log(spark, event("u", "a", "cart", 1), event("u", "b", "cart", 20))))
    unknown = ("mean_rating", "consumed_per_view", "price", "category", "released_days", "release_year")
    for name in (*unknown, "creator_popularity_7d", "creator_popularity_30d"):
        assert [row[name] for row in rows.values()] == [None, None], name
    assert (rows["a"]["consumed_7d"], rows["b"]["consumed_7d"]) == (close(log(1.5)), close(log(0.5)))


def test_events_without_a_time_go_by_their_day(spark: SparkSession) -> None:
    untimed = event("u", "a", "view", 7, timed=False), event("v", "a", "view", 8, timed=False)
    row = by_id(of_items(feature_log.log(spark, *untimed, event("v", "b", "view", 2))))["a"]
    assert row["popularity_7d"] == close(log(1.5 / 3 * 2))
    assert row["popularity_30d"] == close(log(2.5 / 4 * 2))
    assert (row["age_days"], row["idle_days"]) == (close(log1p(8)), close(log1p(7)))


def test_without_events_the_catalogue_has_rows(spark: SparkSession) -> None:
    rows = by_id(of_items(feature_log.log(spark), catalogue(spark, {"item_id": "a"}, {"item_id": "b"})))
    assert {item: (row["popularity_7d"], row["popularity_decay_3d"]) for item, row in rows.items()} == {
        "a": (0, close(log(0.01))),
        "b": (0, close(log(0.01))),
    }
    assert by_id(of_items(feature_log.log(spark))) == {}


def test_a_cutoff_without_a_zone_is_refused(spark: SparkSession) -> None:
    with pytest.raises(ValueError, match="time zone"):
        of_items(feature_log.log(spark, *EVENTS), cutoff=CUTOFF.replace(tzinfo=None))


few = settings(max_examples=2, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


@few
@given(random_logs(), st.randoms(use_true_random=False))
def test_neither_order_nor_partitions_change_anything(
    spark: SparkSession, events: list[Event], shuffler: random.Random
) -> None:
    items = catalogue(spark, *ITEMS)
    one = by_id(of_items(feature_log.log(spark, *events).coalesce(1), items))
    shuffler.shuffle(events)
    assert by_id(of_items(feature_log.log(spark, *events).repartition(5), items.repartition(3))) == one


@few
@given(random_logs(), random_logs(first_day=-40.0, last_day=-0.001))
def test_nothing_at_or_after_the_cutoff_changes_anything(
    spark: SparkSession, before: list[Event], after: list[Event]
) -> None:
    after += [event("u0", "i0", "rating", 0, 1e6), event("u0", "new", "view", 0, timed=False)]
    without = by_id(of_items(feature_log.log(spark, *before)))
    assert by_id(of_items(feature_log.log(spark, *before, *after))) == without


def test_few_jobs_are_started_and_none_before_the_frame_is_read(
    spark: SparkSession, jobs_of: Callable[..., int]
) -> None:
    """Adaptive execution runs each shuffle as a job: two by item, one for untimed pairs, by creator, to one task."""
    events, items = feature_log.log(spark, *EVENTS), catalogue(spark, *ITEMS)
    pairs = spark.createDataFrame(feature_log.interactions(events).toPandas(), feature_log.interactions(events).schema)
    arguments = {"cutoff": CUTOFF, "settings": feature_log.PLAIN}
    assert jobs_of(lambda: feature_log.build_item_features(pairs, events, items, **arguments)) == 0
    assert jobs_of(lambda: feature_log.build_item_features(pairs, events, items, **arguments).collect()) <= 9

"""What is known of a user and a candidate together, by a shop of five works that a reader can check."""

import datetime as dt
import math
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F
from scipy.sparse import csr_array

from repertoire.declared_features import of_candidates
from repertoire.errors import SettingsError
from repertoire.features.item_arrays import item_arrays
from repertoire.features.pair_features import build_pair_features

CUTOFF = dt.datetime(2026, 3, 1, tzinfo=dt.UTC)
SOURCES = ("ease", "trending")
DAY = dt.timedelta(days=1)

# item, tags, category, creator, price, released
WORKS = [
    ("a", ["jazz"], "album", "miles", 10.0, dt.date(2020, 1, 1)),
    ("b", ["jazz", "live"], "album", "miles", 20.0, dt.date(2022, 1, 1)),
    ("c", ["rock"], "album", "iggy", 10.0, dt.date(2024, 1, 1)),
    ("d", ["rock"], "film", "iggy", 40.0, dt.date(2026, 1, 1)),
    ("e", None, None, None, None, None),
]
# a speaks for b and d, d for b
VISITS = (pa.array(["a", "b", "d"]), csr_array(np.array([[0, 0.5, 0.125], [0, 0, 0], [0, 0.25, 0]], np.float32)))
PAIR = (
    "user_id string, item_id string, strength double, negative double, events long, seen boolean, last_ts timestamp, "
    "event_types array<string>"
)


def _pairs() -> list[tuple[Any, ...]]:
    return [
        ("u", "a", 2.0, 0.0, 3, True, CUTOFF - 2 * DAY, ["play", "view"]),
        ("u", "d", 0.5, 1.0, 2, False, CUTOFF - 1 * DAY, ["cart", "view"]),
        ("u", "c", 0.0, 1.0, 1, False, CUTOFF - 9 * DAY, ["skip"]),
        ("v", "a", 1.0, 0.0, 1, True, None, ["play"]),
        ("w", "b", 1.0, 0.0, 1, True, CUTOFF - 5 * DAY, ["play"]),
    ]


@pytest.fixture(scope="module")
def works(spark: SparkSession) -> DataFrame:
    schema = "item_id string, tags array<string>, category string, creator_id string, price double, released date"
    return spark.createDataFrame(WORKS, schema)


def _built(
    spark: SparkSession, works: DataFrame | None, proposals: list[tuple[Any, ...]], pairs: list[tuple[Any, ...]]
) -> dict[tuple[str, str], dict[str, Any]]:
    interactions = spark.createDataFrame(pairs, PAIR)
    proposed = spark.createDataFrame(
        proposals, "user_id string, item_id string, source string, score double, rank int, reason string"
    )
    arrays = item_arrays(interactions, works, VISITS, most_mb=10)
    rows = build_pair_features(proposed, interactions, arrays, cutoff=CUTOFF, sources=SOURCES).collect()
    assert len(rows) == len({(row["user_id"], row["item_id"]) for row in rows})
    return {(row["user_id"], row["item_id"]): row.asDict() for row in rows}


PROPOSALS = [
    ("u", "b", "ease", 3.0, 1, "because_of:a"),
    ("u", "d", "ease", 1.0, 2, "because_of:a"),
    ("u", "b", "trending", 7.0, 2, "trending"),
    ("u", "e", "trending", 9.0, 1, "trending"),
    ("u", "x", "popular", 1.0, 1, "popular"),
    ("new", "a", "trending", 5.0, 1, "trending"),
]


@pytest.fixture(scope="module")
def built(spark: SparkSession, works: DataFrame) -> dict[tuple[str, str], dict[str, Any]]:
    return _built(spark, works, PROPOSALS, _pairs())


def test_every_candidate_of_the_sources_has_a_row(built: dict[tuple[str, str], dict[str, Any]]) -> None:
    assert set(built) == {("u", "b"), ("u", "d"), ("u", "e"), ("new", "a")}
    names = {one.name for one in of_candidates(SOURCES)}
    assert all(names <= set(row) for row in built.values())


def test_what_the_wanted_items_say_for_a_candidate_adds_up(built: dict[tuple[str, str], dict[str, Any]]) -> None:
    said = {pair: (row["co_visits"], row["co_visits_last_10"]) for pair, row in built.items()}
    expected = {("u", "b"): 0.75, ("u", "d"): 0.125, ("u", "e"): 0.0, ("new", "a"): 0.0}
    assert said == {pair: (value, value) for pair, value in expected.items()}


def test_sources_say_their_scores_and_ranks(built: dict[tuple[str, str], dict[str, Any]]) -> None:
    both, one, other = built["u", "b"], built["u", "d"], built["u", "e"]
    # ease gives 3 and 1: deviation 1, so 2 and 0 above the least.
    assert (both["score_ease"], one["score_ease"], other["score_ease"]) == (2.0, 0.0, 0.0)
    assert (both["rank_ease"], one["rank_ease"], other["rank_ease"]) == (1 / 11, 1 / 12, 0.0)
    assert (both["score_trending"], other["score_trending"]) == (0.0, 2.0)
    assert [row["sources"] for row in (both, one, other)] == [2.0, 1.0, 1.0]
    assert (both["source"], both["reason"]) == (
        "ease",
        "because_of:a",
    )  # which ranks it first, where trending has it second
    assert built["new", "a"]["score_trending"] == 0.0  # a list of one has no deviation


def test_affinities_are_those_of_wanted_works(built: dict[tuple[str, str], dict[str, Any]]) -> None:
    row = built["u", "b"]  # u wanted a (jazz, album, miles) and d (rock, film, iggy)
    assert row["tag_affinity"] == pytest.approx(math.sqrt(0.5) / 2)
    # All users' wanted works: a twice, d once, b once: jazz (2 + √½) / 4, live √½ / 4, rock 1 / 4.
    base = (math.sqrt(0.5) * (2 + math.sqrt(0.5)) + math.sqrt(0.5) * math.sqrt(0.5)) / 4
    assert row["tag_lift"] == pytest.approx(math.sqrt(0.5) / 2 - base)
    assert row["category_share"] == 0.5
    assert row["category_consumed"] == (1 + 0.5) / (1 + 2)
    assert row["creator_items"] == 1.0
    assert row["creator_lift"] == pytest.approx(math.log(1.5 / (2 * 3 / 4 + 0.5)))
    assert row["creator_idle_days"] == pytest.approx(math.log1p(2))
    assert row["creator_consumed"] == 1.0
    assert row["price_gap"] == pytest.approx(math.log(20) - (math.log(10) + math.log(40)) / 2)
    assert row["year_gap"] == pytest.approx(2022 - (2020 + 2026) / 2, abs=0.01)
    assert row["popularity_gap"] == pytest.approx(math.log(1) - (math.log(2) + math.log(1)) / 2)


def test_what_the_user_did_with_the_candidate_itself_is_known(built: dict[tuple[str, str], dict[str, Any]]) -> None:
    row = built["u", "d"]
    assert row["pair_events"] == pytest.approx(math.log1p(2))
    assert row["pair_refused"] == pytest.approx(math.log1p(1))
    assert row["pair_cart"] == 1.0
    assert row["pair_idle_days"] == pytest.approx(math.log1p(1))
    assert (built["u", "b"]["pair_events"], built["u", "b"]["pair_idle_days"]) == (0.0, None)


def test_what_is_not_known_is_null(built: dict[tuple[str, str], dict[str, Any]]) -> None:
    bare = built["u", "e"]  # a work of which nothing is known
    assert [
        bare[name] for name in ("category_share", "creator_items", "creator_idle_days", "price_gap", "year_gap")
    ] == [None] * 5
    stranger = built["new", "a"]  # a user without a history
    assert [stranger[name] for name in ("tag_affinity", "popularity_gap", "price_gap", "creator_idle_days")] == [
        None
    ] * 4
    assert stranger["creator_items"] == 0.0


def test_the_last_ten_are_the_latest_timed_ones(spark: SparkSession, works: DataFrame) -> None:
    pairs = [("u", f"old{n}", 1.0, 0.0, 1, True, CUTOFF - (20 + n) * DAY, None) for n in range(5)]
    pairs += [("u", "a", 1.0, 0.0, 1, True, CUTOFF - 30 * DAY, None), ("u", "b", 1.0, 0.0, 1, True, None, None)]
    pairs += [("u", f"new{n}", 1.0, 0.0, 1, True, CUTOFF - n * DAY, None) for n in range(1, 10)]
    row = _built(spark, works, [("u", "c", "ease", 1.0, 1, "")], pairs)["u", "c"]
    assert row["category_share"] == pytest.approx(2 / 16)  # a and b
    assert row["category_share_last_10"] == 0.0
    assert row["tag_affinity_last_10"] == 0.0


def test_partitions_do_not_matter(
    spark: SparkSession, works: DataFrame, built: dict[tuple[str, str], dict[str, Any]]
) -> None:
    spark.conf.set("spark.sql.shuffle.partitions", "5")
    try:
        again = _built(spark, works.repartition(3), PROPOSALS[::-1], _pairs()[::-1])
    finally:
        spark.conf.set("spark.sql.shuffle.partitions", "2")
    for key, row in built.items():
        for name, value in row.items():
            if isinstance(value, float):
                assert again[key][name] == pytest.approx(value, abs=1e-12), name
            else:
                assert again[key][name] == value, name


def test_a_log_without_a_catalogue_has_the_rest(spark: SparkSession) -> None:
    row = _built(spark, None, PROPOSALS, _pairs())["u", "b"]
    assert row["score_ease"] == 2.0
    assert row["category_share"] is None
    assert row["popularity_gap"] is not None


def test_too_many_items_are_refused_before_a_worker_holds_them(spark: SparkSession) -> None:
    interactions = spark.range(6000).select(
        F.lit("u").alias("user_id"), F.col("id").cast("string").alias("item_id"), F.lit(1.0).alias("strength")
    )
    with pytest.raises(
        SettingsError, match="features of 6,000 items would take about 3 MB of each .*max_item_table_mb allows 1"
    ):
        item_arrays(interactions, None, VISITS, most_mb=1)


def test_an_item_beyond_the_arrays_takes_no_other_items_place(spark: SparkSession, works: DataFrame) -> None:
    rows = _built(spark, works, [("u", "zzz", "ease", 1.0, 1, "")], _pairs())
    row = rows["u", "zzz"]
    assert [row[name] for name in ("category_share", "creator_items", "price_gap", "popularity_gap")] == [None] * 4
    assert row["pair_events"] == 0.0
    assert np.isfinite(row["score_ease"])

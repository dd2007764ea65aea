"""Lists filled source by source."""

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pyspark.sql import DataFrame, SparkSession

from repertoire.ranking.blend_by_tier import blend_by_tier, fill_up

TIERS = {"als": 0, "popular_in_segment": 1, "popular": 2}
SCHEMA = "user_id string, item_id string, source string, score double, rank int, reason string"


def candidates(spark: SparkSession, rows: list[tuple[str, str, str, float, int]]) -> DataFrame:
    return spark.createDataFrame([(*row, f"why {row[1]}") for row in rows], SCHEMA)


def lists(frame: DataFrame) -> list[tuple[str, int, str, float, str, int]]:
    columns = ("user_id", "rank", "item_id", "score", "source", "fallback_tier")
    return sorted(tuple(row[name] for name in columns) for row in frame.collect())


@pytest.mark.quick
def test_a_list_is_filled_from_the_next_source_where_the_first_runs_out(spark: SparkSession) -> None:
    found = blend_by_tier(
        candidates(
            spark,
            [
                ("ann", "a", "als", 0.9, 1),
                ("ann", "b", "als", 0.4, 2),
                ("ann", "b", "popular_in_segment", 1.0, 1),  # als has it already
                ("ann", "c", "popular_in_segment", 0.7, 2),
                ("ann", "d", "popular", 0.6, 1),
                ("ann", "e", "popular", 0.5, 2),
                ("bob", "d", "popular", 0.6, 1),
            ],
        ),
        TIERS,
        top_k=4,
    )
    # c would start at 0.7, above b's 0.4: it is shifted down to 0.4. d, at 0.6 in raw, then lies 0.1 below c.
    assert lists(found) == [
        ("ann", 1, "a", 0.9, "als", 0),
        ("ann", 2, "b", 0.4, "als", 0),
        ("ann", 3, "c", 0.4, "popular_in_segment", 1),
        ("ann", 4, "d", 0.3, "popular", 2),
        ("bob", 1, "d", 0.6, "popular", 2),
    ]


def test_scores_of_one_source_stay_as_they_are(spark: SparkSession) -> None:
    found = blend_by_tier(
        candidates(spark, [("ann", "b", "als", -0.25, 2), ("ann", "a", "als", 0.123457, 1)]), TIERS, top_k=9
    )
    assert [(rank, score) for _, rank, _, score, _, _ in lists(found)] == [(1, 0.123457), (2, -0.25)]


def test_a_source_that_is_not_among_the_tiers_is_left_out(spark: SparkSession) -> None:
    rows = candidates(spark, [("ann", "a", "ease", 0.9, 1), ("ann", "b", "popular", 0.4, 1)])
    assert [row[2] for row in lists(blend_by_tier(rows, {"popular": 2}, top_k=5))] == ["b"]


@settings(max_examples=10, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    rows=st.lists(
        st.tuples(st.sampled_from("uv"), st.sampled_from("abcdef"), st.sampled_from(sorted(TIERS)), st.integers(-5, 5)),
        min_size=1,
        max_size=25,
        unique_by=lambda row: row[:3],
    ),
    top_k=st.integers(1, 6),
    partitions=st.integers(1, 4),
)
def test_laws(spark: SparkSession, rows: list[tuple[str, str, str, int]], top_k: int, partitions: int) -> None:
    """Ranks run 1, 2, 3, …; no item twice; scores and tiers never go the wrong way; partitioning does not matter."""
    ranked = []
    for user in {row[0] for row in rows}:
        for source in TIERS:
            mine = sorted((row for row in rows if row[0] == user and row[2] == source), key=lambda r: (-r[3], r[1]))
            ranked += [(u, item, source, float(score), place) for place, (u, item, _, score) in enumerate(mine, 1)]
    frame = candidates(spark, ranked)
    found = lists(blend_by_tier(frame.repartition(partitions), TIERS, top_k))
    assert found == lists(blend_by_tier(frame, TIERS, top_k))
    for user in {row[0] for row in rows}:
        mine = [row for row in found if row[0] == user]
        items = [row[2] for row in mine]
        assert [row[1] for row in mine] == list(range(1, len(mine) + 1))
        assert len(mine) == min(top_k, len({row[1] for row in rows if row[0] == user}))
        assert len(set(items)) == len(items)
        assert [row[3] for row in mine] == sorted((row[3] for row in mine), reverse=True)
        assert [row[5] for row in mine] == sorted(row[5] for row in mine)


def test_ranked_candidates_come_first_whoever_proposed_them_and_others_fill_up(spark: SparkSession) -> None:
    schema = "user_id string, item_id string, source string, score double, rank int, reason string"
    ranked = spark.createDataFrame(
        [("u", "a", "ease", 2.0, 1, "because_of:x"), ("u", "b", "trending", 1.0, 2, "trending")], schema
    )
    others = spark.createDataFrame(
        [
            ("u", "c", "ease", 9.0, 1, ""),  # a source whose candidates were ranked fills nothing up
            ("u", "b", "popular", 8.0, 1, "popular"),
            ("u", "d", "popular", 7.0, 2, "popular"),
            ("w", "d", "popular", 7.0, 1, "popular"),
        ],
        schema,
    )
    lists = fill_up(ranked, others, {"popular": 2}, 3).orderBy("user_id", "rank").collect()
    assert [(row.user_id, row.item_id, row.source, row.fallback_tier) for row in lists] == [
        ("u", "a", "ease", 0),
        ("u", "b", "trending", 0),
        ("u", "d", "popular", 2),
        ("w", "d", "popular", 2),
    ]
    scores = [row.score for row in lists if row.user_id == "u"]
    assert scores == sorted(scores, reverse=True)

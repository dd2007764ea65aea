"""What was known when, by timelines that a reader can follow: (from, to, title) of one item; 0 stands for always."""

import datetime as dt
from functools import reduce
from operator import itemgetter

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pyspark.sql import SparkSession

from repertoire.events.history import ALWAYS, first_history, history

Span = tuple[int, int | None, str]
SCHEMA = "item_id string, title string, tags array<string>, valid_from date, valid_to date"


def day(number: int | None) -> dt.date | None:
    if number is None:
        return None
    return dt.date(2024, 1, number) if number else ALWAYS


def merged(
    spark: SparkSession, spans: list[Span], incoming: str | None, on: int, restated: int | None = None
) -> tuple[list[Span], int]:
    """The timeline after the merge by (item_id, valid_from), and the number of rows that were merged."""
    numbers = {day(number): number for number in range(32)} | {None: None}
    current = spark.createDataFrame([("x", title, None, day(a), day(b)) for a, b, title in spans], SCHEMA)
    stated = [("x", incoming, None)] if incoming is not None else []
    new = spark.createDataFrame(stated, "item_id string, title string, tags array<string>")
    changes = history(current, new, dt.date(2024, 1, on), "item_id", restated=day(restated))
    assert changes.columns == current.columns
    rows = changes.collect()
    table = {a: (a, b, title) for a, b, title in spans}
    for row in rows:
        begin = numbers[row["valid_from"]]
        assert begin is not None
        table[begin] = (begin, numbers[row["valid_to"]], row["title"])
    return sorted(table.values()), len(rows)


def test_what_is_first_heard_of_an_id_has_held_always(spark: SparkSession) -> None:
    assert merged(spark, [], "A", 5) == ([(0, None, "A")], 1)


def test_an_unchanged_id_is_left_alone(spark: SparkSession) -> None:
    assert merged(spark, [(1, None, "A")], "A", 5) == ([(1, None, "A")], 0)


def test_an_id_that_the_file_lacks_is_left_alone(spark: SparkSession) -> None:
    assert merged(spark, [(1, None, "A")], None, 5) == ([(1, None, "A")], 0)


@pytest.mark.quick
def test_a_change_closes_one_row_and_opens_another(spark: SparkSession) -> None:
    assert merged(spark, [(1, None, "A")], "B", 5) == ([(1, 5, "A"), (5, None, "B")], 2)


def test_the_same_date_again_replaces_its_own_row(spark: SparkSession) -> None:
    assert merged(spark, [(1, 5, "A"), (5, None, "B")], "C", 5) == ([(1, 5, "A"), (5, None, "C")], 1)


def test_an_older_date_before_all_rows_ends_where_they_begin(spark: SparkSession) -> None:
    assert merged(spark, [(5, None, "A")], "B", 3) == ([(3, 5, "B"), (5, None, "A")], 1)


def test_an_older_date_between_rows_leaves_the_later_ones(spark: SparkSession) -> None:
    assert merged(spark, [(1, 9, "A"), (9, None, "C")], "B", 5) == ([(1, 5, "A"), (5, 9, "B"), (9, None, "C")], 2)


def test_an_older_date_holds_until_the_next_file_which_said_the_same_as_before(spark: SparkSession) -> None:
    spans: list[Span] = [(1, None, "A")]  # taken in on 1 and, unchanged, on 7
    assert merged(spark, spans, "B", 5, restated=7) == ([(1, 5, "A"), (5, 7, "B"), (7, None, "A")], 3)
    assert merged(spark, [(7, None, "A")], "B", 5, restated=6) == ([(5, 6, "B"), (7, None, "A")], 1)


def test_a_correction_of_an_older_date_leaves_what_came_later(spark: SparkSession) -> None:
    spans: list[Span] = [(1, 5, "A"), (5, 9, "B"), (9, None, "C")]
    assert merged(spark, spans, "X", 5) == ([(1, 5, "A"), (5, 9, "X"), (9, None, "C")], 1)


def test_nulls_and_lists_are_compared_as_values(spark: SparkSession) -> None:
    current = spark.createDataFrame(
        [("x", None, ["a", "b"], day(1), None), ("y", "t", None, day(1), None), ("z", "t", ["a"], day(1), None)], SCHEMA
    )
    incoming = spark.createDataFrame(
        [("x", None, ["a", "b"]), ("y", None, None), ("z", "t", ["b"])],
        "item_id string, title string, tags array<string>",
    )
    rows = history(current, incoming, dt.date(2024, 1, 5), "item_id").collect()
    assert sorted((row["item_id"], row["valid_from"].day) for row in rows) == [("y", 1), ("y", 5), ("z", 1), ("z", 5)]


@settings(max_examples=12, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.permutations([(2, "A"), (4, "B"), (6, "A"), (8, "C")]))
def test_files_of_several_dates_in_any_order_give_one_history(
    spark: SparkSession, order: list[tuple[int, str]]
) -> None:
    """On each day holds what the last file up to that day said; before the first, what was heard first of all."""
    taken: list[int] = []

    def take(spans: list[Span], file: tuple[int, str]) -> list[Span]:
        on, title = file
        later = [other for other in taken if other > on]
        taken.append(on)
        return merged(spark, spans, title, on, min(later, default=None))[0]

    spans = reduce(take, order, [])
    for today in range(1, 10):
        said = [title for on, title in sorted(order) if on <= today] or [order[0][1]]
        held = [title for begin, end, title in spans if begin <= today and (end is None or today < end)]
        assert held == said[-1:]


@pytest.mark.parametrize("restated", [None, 7])
def test_a_first_history_is_what_a_merge_into_nothing_gives(spark: SparkSession, restated: int | None) -> None:
    incoming = spark.createDataFrame([("a", "A"), ("b", None)], "item_id string, title string")
    nothing = spark.createDataFrame([], "item_id string, title string, valid_from date, valid_to date")
    later = None if restated is None else day(restated)
    first = first_history(incoming, restated=later)
    assert first.schema.names == nothing.schema.names
    merged_into_nothing = history(nothing, incoming, day(5), "item_id", restated=later)
    key = itemgetter("item_id")
    assert sorted(first.collect(), key=key) == sorted(merged_into_nothing.collect(), key=key)

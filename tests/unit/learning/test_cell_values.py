"""Cells of any plain type as numbers and as names."""

import datetime as dt
import math

import pyarrow as pa

from repertoire.learning.cell_values import as_names, as_numbers, count_infinite

MISSING = ["", "?", "NA", "-999"]


def test_texts_that_are_numbers_become_numbers_and_others_are_unknown() -> None:
    cells = pa.array([" 12 ", "-1.5", "+3", ".5", "1e3", "1,5", "abc", "0x10", "?", "", "-999", None])
    assert as_numbers(cells, MISSING).to_pylist() == [12, -1.5, 3, 0.5, 1000, *[None] * 7]


def test_numbers_of_any_type_become_doubles_and_missing_codes_are_unknown() -> None:
    assert as_numbers(pa.array([1, -999, None]), MISSING).to_pylist() == [1.0, None, None]
    assert as_numbers(pa.array([0.5, math.nan, -999.0]), MISSING).to_pylist() == [0.5, None, None]
    assert as_numbers(pa.array([True, False, None]), MISSING).to_pylist() == [1.0, 0.0, None]


def test_days_and_times_are_days_since_1970() -> None:
    assert as_numbers(pa.array([dt.date(1970, 1, 3)]), MISSING).to_pylist() == [2.0]
    moment = dt.datetime(1970, 1, 2, 12, tzinfo=dt.UTC)
    assert as_numbers(pa.array([moment], pa.timestamp("us", tz="UTC")), MISSING).to_pylist() == [1.5]


def test_names_lose_the_spaces_around_them_and_the_missing_ones() -> None:
    cells = pa.array([" Private", "?", "NA", "", None, "a b"])
    assert as_names(cells, MISSING).to_pylist() == ["Private", None, None, None, None, "a b"]
    assert as_names(pa.array([3, 12]), MISSING).to_pylist() == ["3", "12"]


def test_infinite_numbers_are_counted_and_may_be_taken_for_missing() -> None:
    cells = pa.array(["inf", "-Infinity", "1"])
    assert count_infinite(as_numbers(cells, MISSING)) == 2
    assert as_numbers(cells, ["inf", "-inf"]).to_pylist() == [None, None, 1.0]

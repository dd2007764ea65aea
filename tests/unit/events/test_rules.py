"""Every rule by rows that a reader can check: the row that breaks it, and its neighbour that just does not."""

import datetime as dt
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import pytest

Ingest = Callable[..., SimpleNamespace]
HEADER = "user_id,item_id,event_type,event_ts,value,session_id\n"


def broken(ingest: Ingest, *rows: str, **settings: Any) -> list[tuple[str, str | None, str | None]]:
    """(rule, field, value) of the rejected rows, in the order of their text."""
    found = ingest({"log.csv": HEADER + "\n".join(rows) + "\n"}, **settings)
    return [(row["rule"], row["field"], row["value"]) for row in found.rejected]


def test_a_clean_row_is_taken_as_it_is(ingest: Ingest) -> None:
    found = ingest({"log.csv": HEADER + "u1,i1,rating,2024-05-31T22:30:00Z,4.5,s1\n"})
    (row,) = found.accepted
    del row["event_id"]
    assert row.pop("source").endswith("/in/log.csv")
    assert row == {
        "user_id": "u1",
        "item_id": "i1",
        "event_type": "rating",
        "event_ts": dt.datetime(2024, 5, 31, 22, 30),
        "value": 4.5,
        "session_id": "s1",
        "context": None,
        "event_date": dt.date(2024, 5, 31),
    }


@pytest.mark.quick
def test_missing_ids(ingest: Ingest) -> None:
    assert broken(ingest, ",i1,view,,,", '"",i2,view,,,', "  ,i3,view,,,", "u1,,view,,,", "u1,  ,view,,,") == [
        ("missing_user_id", "user_id", "  "),
        ("missing_user_id", "user_id", None),
        ("missing_user_id", "user_id", None),
        ("missing_item_id", "item_id", "  "),
        ("missing_item_id", "item_id", None),
    ]


def test_long_ids(ingest: Ingest) -> None:
    rows = ("aaaa,i1,view,,,", "aaaaa,i1,view,,,", "u1,bbbb,view,,,", "u1,bbbbb,view,,,", "ééééé,i1,view,,,")
    assert broken(ingest, *rows, max_id_length=4) == [
        ("id_too_long", "user_id", "aaaaa"),
        ("id_too_long", "item_id", "bbbbb"),
        ("id_too_long", "user_id", "ééééé"),
    ]


@pytest.mark.quick
def test_event_types(ingest: Ingest) -> None:
    rows = ("u1,i1,veiw,,,", "u1,i2, VIEW ,,,", "u1,i3,AddToCart,,,", "u1,i4,pv,,,", "u1,i5,,,,")
    found = ingest({"log.csv": HEADER + "\n".join(rows)})
    assert [row["event_type"] for row in found.accepted] == ["view", "cart", "view", "interaction"]
    assert [(row["rule"], row["field"], row["value"]) for row in found.rejected] == [
        ("unknown_event_type", "event_type", "veiw")
    ]


def test_settings_may_give_our_words_another_meaning(ingest: Ingest) -> None:
    rows = "u1,i1,view,,,\nu1,i2,Stream,,,\n"
    found = ingest({"log.csv": HEADER + rows}, event_types={"View": "click", " STREAM ": "play"})
    assert [row["event_type"] for row in found.accepted] == ["click", "play"]


@pytest.mark.quick
def test_times(ingest: Ingest) -> None:
    rows = (
        "u1,i1,view,2024-13-01,,",
        "u1,i2,view,1989-12-31T23:59:59Z,,",
        "u1,i3,view,1990-01-01T00:00:00Z,,",
        "u1,i4,view,2024-06-02T23:59:59Z,,",  # the run's date and one day more
        "u1,i5,view,2024-06-03T00:00:00Z,,",
        "u1,i6,view,,,",
    )
    assert broken(ingest, *rows) == [
        ("bad_timestamp", "event_ts", "2024-13-01"),
        ("timestamp_too_early", "event_ts", "1989-12-31T23:59:59Z"),
        ("timestamp_in_future", "event_ts", "2024-06-03T00:00:00Z"),
    ]


def test_the_bounds_of_time_are_midnights_of_the_runs_zone(ingest: Ingest) -> None:
    rows = ("u1,i1,view,2024-06-02T21:59:59Z,,", "u1,i2,view,2024-06-02T22:00:00Z,,")
    assert broken(ingest, *rows, timezone="Europe/Berlin") == [
        ("timestamp_in_future", "event_ts", "2024-06-02T22:00:00Z")
    ]
    rows = ("u1,i1,view,2024-01-31T22:59:59Z,,", "u1,i2,view,2024-01-31T23:00:00Z,,")
    assert broken(ingest, *rows, timezone="Europe/Berlin", earliest="2024-02-01") == [
        ("timestamp_too_early", "event_ts", "2024-01-31T22:59:59Z")
    ]


def test_the_event_date_is_a_day_of_the_runs_zone(ingest: Ingest) -> None:
    rows = "u1,i1,view,2024-05-31T21:59:59Z,,\nu1,i2,view,2024-05-31T22:00:00Z,,\nu1,i3,view,,,\n"
    found = ingest({"log.csv": HEADER + rows}, timezone="Europe/Berlin")
    assert [row["event_date"] for row in found.accepted] == [
        dt.date(2024, 5, 31),
        dt.date(2024, 6, 1),
        dt.date(2024, 6, 1),  # untimed: the run's date
    ]


def test_values(ingest: Ingest) -> None:
    values = ("four", "1d", "NaN", "inf", "-Infinity", "1e999", "-0.5", "-0", "", "007.50", "1e2")
    found = ingest({"log.csv": HEADER + "".join(f"u1,i{n:02},play,,{value},\n" for n, value in enumerate(values))})
    assert [(row["rule"], row["field"], row["value"]) for row in found.rejected] == [
        ("bad_value", "value", "four"),
        ("bad_value", "value", "1d"),
        ("value_not_finite", "value", "NaN"),
        ("value_not_finite", "value", "inf"),
        ("value_not_finite", "value", "-Infinity"),
        ("value_not_finite", "value", "1e999"),
        ("negative_value", "value", "-0.5"),
    ]
    assert [str(row["value"]) for row in found.accepted] == ["0.0", "None", "7.5", "100.0"]


def test_ragged_rows_are_kept_as_they_are(ingest: Ingest) -> None:
    rows = "u1,i1,view,,,\nu2,i2\nu3,i3,view,,,,extra\nu4,i4,view,,,\n"
    found = ingest({"log.csv": HEADER + rows})
    assert [(row["rule"], row["field"], row["value"], row["raw"]) for row in found.rejected] == [
        ("malformed_row", None, None, "u2,i2"),
        ("malformed_row", None, None, "u3,i3,view,,,,extra"),
    ]
    assert [row["user_id"] for row in found.accepted] == ["u1", "u4"]


def test_the_first_broken_rule_counts(ingest: Ingest) -> None:
    assert broken(ingest, ",,nonsense,nonsense,nonsense,", "u1,i1,nonsense,nonsense,-1,", "u1,i1,view,x,-1,") == [
        ("missing_user_id", "user_id", None),
        ("unknown_event_type", "event_type", "nonsense"),
        ("bad_timestamp", "event_ts", "x"),
    ]


def test_ids_lose_the_spaces_around_them_and_nothing_else(ingest: Ingest) -> None:
    found = ingest({"log.csv": HEADER + " u 1 ,007,view,,,\n😀,ÅÄ,view,,,\n"})
    assert [(row["user_id"], row["item_id"]) for row in found.accepted] == [("u 1", "007"), ("😀", "ÅÄ")]


@pytest.mark.parametrize(
    "text",
    ['"u,1",,view,,,', "u1,,view,2024-01-01,3, s1 ", '"a""b",,view,,,', ",i1,view,,,"],
)
def test_the_raw_text_of_a_row_that_parses_is_put_together_again(ingest: Ingest, text: str) -> None:
    found = ingest({"log.csv": HEADER + text + "\n"})
    assert [row["raw"] for row in found.rejected] == [text]


def test_a_rejected_row_can_be_found_again(ingest: Ingest) -> None:
    first = ingest({"log.csv": HEADER + ",i1,view,,,\n,i1,view,,,\n,i2,view,,,\n"})
    hashes = [row["row_hash"] for row in first.rejected]
    assert len(set(hashes)) == 3
    assert {row["run_date"] for row in first.rejected} == {dt.date(2024, 6, 1)}
    assert all(row["source"].endswith("/in/log.csv") for row in first.rejected)

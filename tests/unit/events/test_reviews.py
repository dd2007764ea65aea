"""Reviews: every column, every rule, and what makes two of them one, by rows that a reader can check."""

import datetime as dt
import hashlib
import io
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from pyspark.sql import SparkSession
from tests.unit.events.conftest import RUN_DATE

from repertoire.errors import InputError
from repertoire.events.review_kind import REVIEW_KIND
from repertoire.tables import REVIEWS

Ingest = Callable[..., SimpleNamespace]
HEADER = "user_id,item_id,event_ts,value,title,text,language\n"


@pytest.fixture
def read(ingest: Ingest) -> Ingest:
    def run(files: Any, **settings: Any) -> SimpleNamespace:
        return ingest({"reviews.csv": files} if isinstance(files, str) else files, kind=REVIEW_KIND, **settings)

    return run


def md5(text: str) -> str:
    return hashlib.md5(text.encode()).hexdigest()


FULL = {
    "review_id": md5("1714557600000000|4.5|2|2|5|2|u1|i1|Great|en|Loved it,\nall."),
    "user_id": "u1",
    "item_id": "i1",
    "event_ts": dt.datetime(2024, 5, 1, 10),
    "value": 4.5,
    "title": "Great",
    "text": "Loved it,\nall.",
    "language": "en",
    "context": {"helpful": "3"},
    "event_date": dt.date(2024, 5, 1),
}
CSV = HEADER.replace("\n", ",helpful\n") + 'u1,i1,2024-05-01T10:00:00Z,4.5, Great ,"Loved it,\nall.",en,3\n'
JSONL = (
    '{"user_id": "u1", "item_id": "i1", "event_ts": 1714557600, "value": 4.5, "title": "Great", '
    '"text": "Loved it,\\nall.", "language": "en", "helpful": 3}\n'
)


def parquet() -> bytes:
    buffer = io.BytesIO()
    named = {name: [FULL[name]] for name in ("user_id", "item_id", "event_ts", "value", "title", "text", "language")}
    pq.write_table(pa.table(named | {"helpful": [3]}), buffer)
    return buffer.getvalue()


@pytest.mark.quick
@pytest.mark.parametrize("name, data", [("a.csv", CSV), ("a.jsonl.gz", JSONL), ("a.parquet", parquet())])
def test_every_format_gives_the_same_review(read: Ingest, name: str, data: str | bytes) -> None:
    found = read({name: data}, context_columns=["helpful"])
    (row,) = found.accepted
    assert row.pop("source").endswith(f"/in/{name}")
    assert row == FULL
    assert found.frames.accepted.dtypes == [(column.name, column.type) for column in REVIEWS.columns]


def test_only_the_text_is_needed(read: Ingest) -> None:
    (row,) = read("review\nfine\n").accepted
    assert {
        name: value for name, value in row.items() if value is not None and name not in ("review_id", "source")
    } == {
        "text": "fine",
        "event_date": RUN_DATE,
    }


@pytest.mark.parametrize("header", ["review", "reviewText", "review_body", "body", "comment", "content"])
def test_well_known_names_of_the_text(read: Ingest, header: str) -> None:
    assert [row["text"] for row in read(f"{header},headline,stars,date\nfine,t,4,2024-05-01\n").accepted] == ["fine"]
    row = read(f"{header},headline,stars,date\nfine,t,4,2024-05-01\n").accepted[0]
    assert (row["title"], row["value"], row["event_date"]) == ("t", 4.0, dt.date(2024, 5, 1))


def test_a_file_without_texts_is_refused(read: Ingest) -> None:
    with pytest.raises(InputError, match=r"a.csv has no column text. Its columns: user_id, item_id, rating."):
        read({"a.csv": "user_id,item_id,rating\nu,i,5\n"})


def test_settings_name_columns(read: Ingest) -> None:
    text = "wer,was\nu1,schön\n"
    (row,) = read(text, columns={"text": "was", "user_id": "wer", "item_id": "sku"}).accepted
    assert (row["user_id"], row["item_id"], row["text"]) == ("u1", None, "schön")  # sku may be the events' name
    with pytest.raises(InputError, match=r'ingest.columns.language names "sprache", which no file has'):
        read(text, columns={"text": "was", "language": "sprache"})


@pytest.mark.quick
def test_rules(read: Ingest) -> None:
    rows = (
        "u,i,,,t,,en",
        'u,i,,,t,"  ",en',
        "u,i,,four,t,x,en",
        "u,i,,inf,t,x,en",
        "u,i,2024-13-01,,t,x,en",
        "u,i,1980-01-01,,t,x,en",
        "u,i,2093-01-01,,t,x,en",
        "uuuuu,i,,,t,x,en",
        "u,iiiii,,,t,x,en",
        "u,i",
        ",,,-1,,kept,",
    )
    found = read(HEADER + "\n".join(rows) + "\n", max_id_length=4)
    assert {(row["rule"], row["field"], row["value"]) for row in found.rejected} == {
        ("missing_text", "text", None),
        ("missing_text", "text", "  "),
        ("bad_value", "value", "four"),
        ("value_not_finite", "value", "inf"),
        ("bad_timestamp", "event_ts", "2024-13-01"),
        ("timestamp_too_early", "event_ts", "1980-01-01"),
        ("timestamp_in_future", "event_ts", "2093-01-01"),
        ("id_too_long", "user_id", "uuuuu"),
        ("id_too_long", "item_id", "iiiii"),
        ("malformed_row", None, None),
    }
    assert len(found.rejected) == 10
    assert [(row["text"], row["value"], row["user_id"]) for row in found.accepted] == [("kept", -1.0, None)]


def test_too_many_rows_without_a_text_stop_the_run(read: Ingest) -> None:
    with pytest.raises(
        InputError, match=r"line 2, column text: nothing stands there, which breaks the rule missing_text"
    ):
        read("text,title\n,t\nx,t\n", max_rejected_share=0.1)


def test_equal_timed_reviews_are_one_whatever_their_context(read: Ingest) -> None:
    header, row = "user_id,item_id,event_ts,text,votes\n", "u,i,2024-05-01,x,"
    files = {"a.csv": header + f"{row}1\n{row}2\n", "b.csv": header + f"{row}1\nu,i,2024-05-01,y,1\n"}
    found = read(files, context_columns=["votes"])
    assert sorted((row["text"], row["context"]["votes"]) for row in found.accepted) == [("x", "1"), ("y", "1")]
    assert {name: (c.read, c.accepted, c.duplicate) for name, c in found.counts.items()} == {
        "a.csv": (2, 1, 1),
        "b.csv": (2, 1, 1),
    }


def test_every_part_of_the_key_counts(read: Ingest) -> None:
    parts = ["u1", "i1", "2024-05-01", "4", "t", "x", "en"]
    others = ["u2", "i2", "2024-05-02", "5", "s", "y", "de"]
    rows = [parts] + [[*parts[:n], other, *parts[n + 1 :]] for n, other in enumerate(others)]
    rows += [["u1", "i1", "2024-05-01", "4", "", "x", "en"], ["", "i1", "2024-05-01", "4", "t", "x", "en"]]
    found = read(HEADER + "".join(",".join(row) + "\n" for row in rows))
    assert len({row["review_id"] for row in found.accepted}) == len(found.accepted) == 10


def test_equal_untimed_reviews_are_kept_apart(read: Ingest) -> None:
    text = "text\nfine\nfine\nbad\n"
    content = "sha256:" + hashlib.sha256(text.encode()).hexdigest()
    assert {row["review_id"] for row in read(text).accepted} == {
        md5(f"{content}#1||||||||||fine"),
        md5(f"{content}#2||||||||||fine"),
        md5(f"{content}#1||||||||||bad"),
    }


def test_what_is_stored_already_is_a_duplicate(read: Ingest, spark: SparkSession) -> None:
    first = read("text,date\nfine,2024-05-01\n")
    rows = [(row["review_id"], row["event_date"]) for row in first.accepted]
    known = spark.createDataFrame(rows, "review_id string, event_date date")
    again = read("text,date\nfine,2024-05-01\nnew,2024-05-01\n", known=known)
    assert [row["text"] for row in again.accepted] == ["new"]
    assert again.counts["reviews.csv"].duplicate == 1

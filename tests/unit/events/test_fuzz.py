"""Whatever lies in a file: it is refused with an InputError, or every row of it is accepted, rejected or a duplicate."""

import datetime as dt
import gzip
import io
import itertools
import os
import shutil
from collections.abc import Sequence
from pathlib import Path
from types import SimpleNamespace

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pyspark.sql import SparkSession
from tests.unit.events.conftest import RUN_DATE

from repertoire.errors import InputError
from repertoire.events.attributes import read_items, read_users
from repertoire.events.ingest import LOG_KINDS, read_log
from repertoire.events.input_files import InputFile, list_files
from repertoire.events.log_kind import LogKind
from repertoire.settings import IngestSettings

CRITEO = (
    "1\t" + "\t".join(str(n) for n in range(1, 14)) + "\t" + "\t".join(f"68fd1e{n:02}" for n in range(1, 27)) + "\n"
)
TEXTS: dict[str, dict[str, str]] = {
    "events": {
        "log.csv": (
            'user_id,item_id,event_type,event_ts,value\nu1,"a ""b"", c",view,2024-05-01T10:00:00Z,\n'
            "u2,b,rating,1714557600,4.5\n"
        ),
        "log.tsv": "user_id\titem_id\tvalue\nu1\ta\t1\nu2\tb\t-0.0\n",
        "log.jsonl": (
            '{"user_id": "u1", "item_id": 7, "event_ts": "2024-05-01"}\n'
            '{"user_id": "u2", "item_id": "b", "value": 1e3}\n'
        ),
        "u.data": "196\t242\t3\t881250949\n186\t302\t5\t891717742\n",
        "ratings.dat": "1::1193::5::978300760\n",
        "steam-200k.csv": '5250,"Warhammer 40,000",play,0.1,0\n',
        "log.adjacency": "0 7580 3730\n1 31613\n",
        "Beauty.jsonl": '{"user_id": "u", "parent_asin": "B0", "rating": 4.0, "timestamp": 1588687728923}\n',
    },
    "reviews": {
        "reviews.csv": (
            "user_id,item_id,event_ts,value,title,text,language\n"
            'u1,a,2024-05-01T10:00:00Z,4.5,"so ""good""","one,\ntwo",en\n,,,,,fine,\n'
        ),
        "reviews.jsonl": '{"text": "fine"}\n{"user_id": 1, "text": "bad", "value": -1, "event_ts": 1714557600}\n',
        "Fashion.json": (
            '{"reviewerID": "A1", "asin": "B0", "overall": 5.0, "reviewText": "x", "summary": "y", "helpful": [2, 3], '
            '"unixReviewTime": 1252800000}\n'
        ),
        "Beauty.jsonl": (
            '{"user_id": "u", "parent_asin": "B0", "asin": "B1", "rating": 4.0, "timestamp": 1588687728923, '
            '"title": "t", "text": "x", "verified_purchase": true}\n'
        ),
    },
    "impressions": {
        "slates.csv": (
            "user_id,item_id,event_ts,position,policy,propensity,reward,session_id\n"
            "u1,a,2024-05-01T10:00:00Z,1,random,0.25,1,s1\n,b,,2,random,1,0,s1\n"
        ),
        "slates.jsonl": '{"item_id": "a", "clicked": true, "position": 1}\n{"item_id": "b", "clicked": false}\n',
        "bts_men.csv": (
            ",timestamp,item_id,position,click,propensity_score,user_feature_0\n"
            "0,2019-11-24 00:01:03.979311+00:00,2,2,0,0.045525,cef3\n"
        ),
        "log.criteo": CRITEO + CRITEO,
    },
    "items": {
        "items.csv": (
            "item_id,title,category,creator_id,tags,description,price,released,available\n"
            '1,"Solaris, 1972",film,tarkovsky,space|drama,"A planet\nthinks.",9.50,1972-03-20,yes\n1,,,,,,,,\n'
        ),
        "items.jsonl": '{"item_id": 1, "tags": ["b", "a"], "price": 9.5, "released": "1972-03", "available": true}\n',
        "u.item": "1|Toy Story (1995)|01-Jan-1995||http://x|" + "|".join("0101000000000000001") + "\n",
        "movies.dat": "1::Toy Story (1995)::Animation|Comedy\n",
        "meta_Old.json": "{'asin': 'B0', 'title': \"Girls' Tutu\", 'price': 3.17, 'categories': [['a', 'b'], ['a']]}\n",
        "meta_New.jsonl": (
            '{"parent_asin": "B0", "main_category": "All", "store": "S", "categories": ["a"], "description": ["x", "y"], '
            '"price": "$1,212.99"}\n'
        ),
        "bts_men_item_context.csv": ",item_id,item_feature_0,item_feature_1\n0,0,-0.677,c82d\n",
    },
    "users": {
        "users.csv": (
            "user_id,age,gender,country,occupation,consent,joined\nu1,17,F,DE,student,true,2024-01-31T23:00:00Z\n"
        ),
        "users.jsonl": '{"user_id": 7, "consent": false, "joined": "2024-01-31"}\n{"user_id": 7}\n',
        "u.user": "1|24|M|technician|85711\n",
        "users.dat": "1::F::1::10::48067\n",
    },
}
PARTS = (
    *["", ",", "\t", '"', '""', "\n", "\r\n", "\r", "|", "::", "{", "}", "[", "\\", "\\u0000", "\x00", "\x1a", "\ufeff"],
    *["\u2028", "user_id", "item_id", "user_id,", "NaN", "-Infinity", "1e999", "99999999999999999999", "-1", "0x10", "1d"],
    *["0000-00-00", "9999-12-31T23:59:60Z", "-290308-01-01", "24:00", "2024-02-30", "😀", "é", "'", "`", "%", "null"],
    *["true", "2147483648", "1.5", "$12.99", "[[", '["a"]', "{'", "\\'", "\\x", "item_id", "text", "reward", "a=b"],
    "é" * 700,
)  # fmt: skip

_runs = itertools.count()


def read(spark: SparkSession, folder: Path, kind: str, name: str, data: bytes) -> str:
    """How it ended; a broken promise or any other error is a failure."""
    place = folder / str(next(_runs))
    (place / "in").mkdir(parents=True)
    (place / "in" / name).write_bytes(data)
    chosen = IngestSettings(format=form_of(name), max_rejected_share=1.0)
    try:
        files = list_files(spark, str(place / "in"), kind)
        if kind in LOG_KINDS:
            found = _log(spark, files, chosen, LOG_KINDS[kind], str(place / "scratch"))
        else:
            found = _attributes(spark, files, chosen, kind, str(place / "scratch"))
        rejected = found.rejected.collect()
    except InputError as error:
        refusal = str(error)
    else:
        refusal = ""
    finally:
        shutil.rmtree(place, ignore_errors=True)
    if refusal:
        assert name in refusal
        assert "Exception" not in refusal
        return "refused"
    if not found.counts:
        return "nothing"
    (counts,) = found.counts
    assert counts.read == counts.accepted + counts.rejected + counts.duplicate
    assert (len(found.ids), len(rejected)) == (counts.accepted, counts.rejected)
    assert None not in found.ids
    assert len(set(found.ids)) == len(found.ids)
    assert len({row["row_hash"] for row in rejected}) == len(rejected)
    return "read"


def _log(
    spark: SparkSession, files: Sequence[InputFile], chosen: IngestSettings, kind: LogKind, scratch: str
) -> SimpleNamespace:
    found = read_log(spark, files, chosen, kind, run_date=RUN_DATE, timezone="UTC", scratch=scratch)
    accepted = found.accepted.collect()
    assert all(row["event_date"] in found.event_dates for row in accepted)
    needed = [column.name for column in kind.table.columns if not column.nullable]
    assert all(row[name] not in (None, "") for row in accepted for name in needed)
    if kind.name == "impressions":
        assert all(row["propensity"] is None or 0 < row["propensity"] <= 1 for row in accepted)
        assert all(row["position"] is None or row["position"] >= 1 for row in accepted)
    return SimpleNamespace(ids=[row[kind.key] for row in accepted], rejected=found.rejected, counts=found.counts)


def _attributes(
    spark: SparkSession, files: Sequence[InputFile], chosen: IngestSettings, kind: str, scratch: str
) -> SimpleNamespace:
    reader, key = {"items": (read_items, "item_id"), "users": (read_users, "user_id")}[kind]
    found = reader(spark, files, chosen, run_date=RUN_DATE, scratch=scratch)
    ids = [row[key] for row in found.rows.collect()]
    assert all(ids)
    return SimpleNamespace(ids=ids, rejected=found.rejected, counts=found.counts)


def form_of(name: str) -> str:
    ending = name.removesuffix(".gz").rsplit(".", 1)[-1]
    return ending if ending in ("adjacency", "criteo") else "auto"


@st.composite
def mutated(draw: st.DrawFn, kind: str) -> tuple[str, bytes]:
    """A good file with some bytes taken out, put in or doubled."""
    name = draw(st.sampled_from(sorted(TEXTS[kind])))
    data = TEXTS[kind][name].encode()
    for _ in range(draw(st.integers(0, 4))):
        at, length = draw(st.integers(0, len(data))), draw(st.integers(0, 6))
        piece = draw(st.one_of(st.sampled_from(PARTS).map(str.encode), st.binary(max_size=4)))
        data = data[:at] + piece * draw(st.integers(0, 2)) + data[at + length :]
    return name, data


# The same few files each time; REPERTOIRE_FUZZ=500 tries as many new ones of each kind.
MANY = os.environ.get("REPERTOIRE_FUZZ")


def fuzz(few: int) -> settings:
    return settings(
        max_examples=int(MANY or few),
        derandomize=MANY is None,
        deadline=None,
        suppress_health_check=[HealthCheck.function_scoped_fixture],
    )


@pytest.mark.parametrize("kind", TEXTS)
@fuzz(6)
@given(data=st.data(), packed=st.booleans())
def test_text(spark: SparkSession, tmp_path: Path, kind: str, data: st.DataObject, packed: bool) -> None:
    name, content = data.draw(mutated(kind))
    read(spark, tmp_path, kind, name + ".gz" * packed, gzip.compress(content) if packed else content)


NAMES = [(kind, name) for kind, texts in TEXTS.items() for name in (*sorted(texts), "log.parquet", "log.csv.gz")]


@fuzz(12)
@given(data=st.binary(max_size=60), named=st.sampled_from(NAMES))
def test_any_bytes(spark: SparkSession, tmp_path: Path, data: bytes, named: tuple[str, str]) -> None:
    read(spark, tmp_path, *named, data)


WHOLE = {
    "events": {"user_id": ["u", "v"], "item_id": ["a", "b"], "value": [1.0, None]},
    "reviews": {"text": ["x", None], "value": [1, 2], "event_ts": [dt.datetime(2024, 5, 1), None]},
    "impressions": {"reward": [True, None], "propensity": [0.5, 1.5], "position": [1, None], "item_id": ["a", "b"]},
    "items": {"item_id": [1, 2], "tags": [["a", "b"], None], "released": [dt.date(2024, 5, 1), None]},
    "users": {"user_id": [1.0, None], "consent": [True, None]},
}


@fuzz(12)
@given(kind=st.sampled_from(sorted(WHOLE)), cut=st.integers(0, 120), at=st.integers(0, 2000), byte=st.integers(0, 255))
def test_damaged_parquet_and_gzip(spark: SparkSession, tmp_path: Path, kind: str, cut: int, at: int, byte: int) -> None:
    buffer = io.BytesIO()
    pq.write_table(pa.table(WHOLE[kind]), buffer)
    text = next(text for name, text in TEXTS[kind].items() if name.endswith(".csv"))
    for name, data in (("log.parquet", buffer.getvalue()), ("log.csv.gz", gzip.compress(text.encode() * 20))):
        place = at % len(data)
        damaged = data[:place] + bytes([byte]) + data[place + 1 :]
        read(spark, tmp_path, kind, name, damaged[: len(damaged) - cut % len(damaged)])

"""Impressions: every column, every rule, and what makes two of them one, by rows that a reader can check."""

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
from repertoire.events.impression_kind import IMPRESSION_KIND
from repertoire.tables import IMPRESSIONS

Ingest = Callable[..., SimpleNamespace]
HEADER = "user_id,item_id,event_ts,position,policy,propensity,reward,session_id\n"


@pytest.fixture
def read(ingest: Ingest) -> Ingest:
    def run(files: Any, **settings: Any) -> SimpleNamespace:
        return ingest({"log.csv": files} if isinstance(files, str) else files, kind=IMPRESSION_KIND, **settings)

    return run


def md5(text: str) -> str:
    return hashlib.md5(text.encode()).hexdigest()


FULL = {
    "impression_id": md5('1714557600000000|2|0.25|1.0|2|2|6|2|u1|i1|random|s1|{"age":"young"}'),
    "user_id": "u1",
    "item_id": "i1",
    "event_ts": dt.datetime(2024, 5, 1, 10),
    "position": 2,
    "policy": "random",
    "propensity": 0.25,
    "reward": 1.0,
    "session_id": "s1",
    "context": {"age": "young"},
    "event_date": dt.date(2024, 5, 1),
}
CSV = HEADER.replace("\n", ",age\n") + "u1,i1,2024-05-01T10:00:00Z,2,random,0.25,1,s1,young\n"
JSONL = (
    '{"user_id": "u1", "item_id": "i1", "event_ts": 1714557600, "position": 2, "policy": "random", "propensity": 0.25, '
    '"reward": true, "session_id": "s1", "age": "young"}\n'
)


def parquet() -> bytes:
    buffer = io.BytesIO()
    columns = {name: [FULL[name]] for name in HEADER.strip().split(",")}
    pq.write_table(pa.table(columns | {"reward": [True], "age": ["young"]}), buffer)
    return buffer.getvalue()


@pytest.mark.quick
@pytest.mark.parametrize("name, data", [("a.csv", CSV), ("a.jsonl.gz", JSONL), ("a.parquet", parquet())])
def test_every_format_gives_the_same_impression(read: Ingest, name: str, data: str | bytes) -> None:
    found = read({name: data}, context_columns=["age"])
    (row,) = found.accepted
    assert row.pop("source").endswith(f"/in/{name}")
    assert row == FULL
    assert found.frames.accepted.dtypes == [(column.name, column.type) for column in IMPRESSIONS.columns]


def test_only_the_reward_is_needed(read: Ingest) -> None:
    (row,) = read("clicked\n0\n").accepted
    given = {name: value for name, value in row.items() if value is not None}
    assert given.keys() == {"impression_id", "reward", "source", "event_date"}
    assert (row["reward"], row["event_date"]) == (0.0, RUN_DATE)


def test_well_known_names(read: Ingest) -> None:
    (row,) = read("visitor,product,slot,pscore,click,slate_id\nu,i,3,0.5,0,s\n").accepted
    assert [row[name] for name in ("user_id", "item_id", "position", "propensity", "reward", "session_id")] == [
        "u",
        "i",
        3,
        0.5,
        0.0,
        "s",
    ]


def test_a_log_without_rewards_is_refused(read: Ingest) -> None:
    with pytest.raises(InputError, match=r"log.csv has no column reward. Its columns: user_id, item_id"):
        read("user_id,item_id\nu,i\n")
    with pytest.raises(InputError, match=r'ingest.columns.propensity names "p", which no file has'):
        read("reward\n1\n", columns={"propensity": "p"})


@pytest.mark.quick
def test_rules(read: Ingest) -> None:
    given = {"position": "1", "propensity": "1", "reward": "-0.5", "event_ts": "", "user_id": "u", "session_id": "s"}
    broken = [
        ("bad_position", "position", "0"),
        ("bad_position", "position", "-1"),
        ("bad_position", "position", "1.5"),
        ("bad_position", "position", "top"),
        ("bad_position", "position", "NaN"),
        ("bad_position", "position", "2147483648"),
        ("bad_propensity", "propensity", "high"),
        ("propensity_out_of_range", "propensity", "0"),
        ("propensity_out_of_range", "propensity", "-0.1"),
        ("propensity_out_of_range", "propensity", "1.0001"),
        ("propensity_out_of_range", "propensity", "NaN"),
        ("propensity_out_of_range", "propensity", "inf"),
        ("bad_reward", "reward", "often"),
        ("bad_reward", "reward", "NaN"),
        ("bad_reward", "reward", "inf"),
        ("missing_reward", "reward", None),
        ("missing_reward", "reward", "  "),
        ("bad_timestamp", "event_ts", "noon"),
        ("timestamp_in_future", "event_ts", "2093-01-01"),
        ("id_too_long", "user_id", "uuuuu"),
        ("id_too_long", "session_id", "sssss"),
    ]
    rows = [given | {field: value or ""} for _, field, value in broken] + [given, given | {"position": "2147483647"}]
    text = ",".join(given) + "\n" + "".join(",".join(row.values()) + "\n" for row in rows) + "1\n"
    found = read(text, max_id_length=4)
    assert {(row["rule"], row["field"], row["value"]) for row in found.rejected} == {
        *broken,
        ("malformed_row", None, None),
    }
    assert len(found.rejected) == len(broken) + 1
    assert sorted((row["position"], row["propensity"], row["reward"]) for row in found.accepted) == [
        (1, 1.0, -0.5),
        (2147483647, 1.0, -0.5),
    ]


@pytest.mark.parametrize("said, reward", [("true", 1.0), ("False", 0.0), ("yes", 1.0), ("2.5", 2.5)])
def test_rewards_may_be_truths(read: Ingest, said: str, reward: float) -> None:
    assert [row["reward"] for row in read(f"reward\n{said}\n").accepted] == [reward]


def test_every_part_of_the_key_counts_and_so_does_the_context(read: Ingest) -> None:
    parts = ["u1", "i1", "2024-05-01", "1", "random", "0.5", "0", "s1", "young"]
    others = ["u2", "i2", "2024-05-02", "2", "bts", "0.25", "1", "s2", "old"]
    rows = [parts, parts] + [[*parts[:n], other, *parts[n + 1 :]] for n, other in enumerate(others)]
    text = HEADER.replace("\n", ",age\n") + "".join(",".join(row) + "\n" for row in rows)
    found = read(text, context_columns=["age"])
    assert len({row["impression_id"] for row in found.accepted}) == len(found.accepted) == 10
    assert found.counts["log.csv"].duplicate == 1
    without = read(text)
    assert (len(without.accepted), without.counts["log.csv"].duplicate) == (9, 2)


def test_equal_untimed_impressions_are_kept_apart(read: Ingest) -> None:
    text = "reward,age\n0,young\n0,young\n0,old\n0,\n"
    content = "sha256:" + hashlib.sha256(text.encode()).hexdigest()
    found = read({"a.csv": text, "b.csv": text + "\n"}, context_columns=["age"])
    young, old = '{"age":"young"}', '{"age":"old"}'
    assert {row["impression_id"] for row in found.accepted if row["source"].endswith("a.csv")} == {
        md5(f"{content}#1|||0.0|||||||||{young}"),
        md5(f"{content}#2|||0.0|||||||||{young}"),
        md5(f"{content}#1|||0.0|||||||||{old}"),
        md5(f"{content}#1|||0.0||||||||"),
    }
    assert len({row["impression_id"] for row in found.accepted}) == len(found.accepted) == 8


def test_what_is_stored_already_is_a_duplicate(read: Ingest, spark: SparkSession) -> None:
    first = read("reward,ts\n1,2024-05-01\n")
    rows = [(row["impression_id"], row["event_date"]) for row in first.accepted]
    known = spark.createDataFrame(rows, "impression_id string, event_date date")
    again = read("reward,ts\n1,2024-05-01\n0,2024-05-01\n", known=known)
    assert [row["reward"] for row in again.accepted] == [0.0]
    assert again.counts["log.csv"].duplicate == 1

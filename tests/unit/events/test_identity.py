"""What makes two rows one event, by rows that a reader can check."""

import hashlib
from collections.abc import Callable
from types import SimpleNamespace

from pyspark.sql import SparkSession

from repertoire.events.identity import shared_hashes

Ingest = Callable[..., SimpleNamespace]
TIMED = "user_id,item_id,event_type,event_ts,value,session_id\n"
UNTIMED = "user_id,item_id,value\n"


def md5(text: str) -> str:
    return hashlib.md5(text.encode()).hexdigest()


def test_the_id_of_a_timed_event_is_the_md5_of_its_parts(ingest: Ingest) -> None:
    rows = "uma,i12,view,1970-01-02T00:00:00Z,,\numa,i12,rating,1970-01-02T00:00:00.5Z,4.5,s1\n"
    found = ingest({"log.csv": TIMED + rows}, earliest="1970-01-01")
    assert {row["event_id"] for row in found.accepted} == {
        md5("view|86400000000||3|3|uma|i12"),
        md5("rating|86400500000|4.5|3|3|uma|i12|s1"),
    }


def test_the_id_of_an_untimed_event_has_its_file_and_occurrence(ingest: Ingest) -> None:
    text = UNTIMED + "u,i,\nu,i,\n"
    content = "sha256:" + hashlib.sha256(text.encode()).hexdigest()
    found = ingest({"log.csv": text})
    assert {row["event_id"] for row in found.accepted} == {
        md5(f"interaction|{content}#1||1|1|u|i"),
        md5(f"interaction|{content}#2||1|1|u|i"),
    }


def test_ids_cannot_flow_into_each_other(ingest: Ingest) -> None:
    rows = ["u|1,i", "u,1|i", "u|1|i,x", "u,1|i|x"]
    found = ingest({"log.csv": "user_id,item_id,event_ts\n" + "".join(f"{row},2024-05-01\n" for row in rows)})
    assert len({row["event_id"] for row in found.accepted}) == 4


def test_equal_timed_rows_are_one_event(ingest: Ingest) -> None:
    row = "u1,i1,rating,2024-05-01T10:00:00Z,4,s1\n"
    same = "u1,i1,RATING,2024-05-01T12:00:00+02:00,4.0,s1\n"
    found = ingest({"a.csv": TIMED + row + row, "b.csv": TIMED + same})
    assert len(found.accepted) == 1
    assert found.accepted[0]["source"].endswith("a.csv")
    assert (found.counts["a.csv"].accepted, found.counts["a.csv"].duplicate) == (1, 1)
    assert (found.counts["b.csv"].accepted, found.counts["b.csv"].duplicate) == (0, 1)


def test_every_part_of_the_key_counts(ingest: Ingest) -> None:
    rows = (
        "u1,i1,rating,2024-05-01T10:00:00Z,4,s1",
        "u2,i1,rating,2024-05-01T10:00:00Z,4,s1",
        "u1,i2,rating,2024-05-01T10:00:00Z,4,s1",
        "u1,i1,play,2024-05-01T10:00:00Z,4,s1",
        "u1,i1,rating,2024-05-01T10:00:01Z,4,s1",
        "u1,i1,rating,2024-05-01T10:00:00Z,5,s1",
        "u1,i1,rating,2024-05-01T10:00:00Z,4,s2",
        "u1,i1,rating,2024-05-01T10:00:00Z,4,",
        "u1,i1,rating,2024-05-01T10:00:00Z,,s1",
    )
    found = ingest({"log.csv": TIMED + "\n".join(rows)})
    assert len(found.accepted) == len({row["event_id"] for row in found.accepted}) == len(rows)


def test_an_event_that_gets_its_type_by_default_equals_one_that_names_it(ingest: Ingest) -> None:
    rows = "u1,i1,,2024-05-01T10:00:00Z,4,\nu1,i1,rating,2024-05-01T10:00:00Z,4,\n"
    found = ingest({"log.csv": TIMED + rows})
    assert [row["event_type"] for row in found.accepted] == ["rating"]


def test_equal_untimed_rows_are_kept_apart(ingest: Ingest) -> None:
    found = ingest({"a.csv": UNTIMED + "u,i,5\nu,i,5\nu,j,5\n", "b.csv": UNTIMED + "u,i,5\n"})
    assert len(found.accepted) == len({row["event_id"] for row in found.accepted}) == 4


def test_the_kept_row_is_the_first_by_file_and_context(ingest: Ingest) -> None:
    header = "user_id,item_id,event_ts,shop\n"
    files = {"b.csv": header + "u,i,2024-05-01,a\n", "a.csv": header + "u,i,2024-05-01,z\nu,i,2024-05-01,m\n"}
    found = ingest(files, context_columns=["shop"])
    (row,) = found.accepted
    assert (row["source"].rsplit("/", 1)[1], row["context"]) == ("a.csv", {"shop": "m"})


def test_only_what_occurs_twice_is_looked_at_again(spark: SparkSession) -> None:
    typed = spark.createDataFrame([(1,), (2,), (1,), (None,), (None,), (3,), (3,), (3,)], "key_hash bigint")
    assert sorted(row["key_hash"] for row in shared_hashes(typed, 8).collect()) == [1, 3]

"""The batch as a whole: counts, what is stored already, the share of refused rows, the cost in Spark jobs."""

import datetime as dt
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace

import pytest
from pyspark.sql import SparkSession
from tests.unit.events.conftest import RUN_DATE, write_files

from repertoire.errors import InputError, RepertoireError
from repertoire.events.counts import FileCounts
from repertoire.events.event_kind import EVENT_KIND
from repertoire.events.ingest import read_log
from repertoire.events.input_files import InputFile, list_files
from repertoire.settings import IngestSettings
from repertoire.tables import EVENTS, REJECTED_EVENTS

Ingest = Callable[..., SimpleNamespace]
HEADER = "user_id,item_id,event_ts,value\n"


def test_the_frames_have_the_declared_columns(ingest: Ingest) -> None:
    frames = ingest({"log.csv": HEADER + "u,i,2024-05-01,\n"}).frames
    assert frames.accepted.dtypes == [(column.name, column.type) for column in EVENTS.columns]
    assert frames.rejected.dtypes == [(column.name, column.type) for column in REJECTED_EVENTS.columns]


@pytest.mark.quick
def test_each_file_is_counted(ingest: Ingest) -> None:
    files = {
        "a.csv": HEADER + "u1,i1,2024-05-01,\nu1,i1,2024-05-01,\n,i,2024-05-01,\n",
        "b.csv": HEADER + "u1,i1,2024-05-01,\nu2,i2,x,\nu2,i2,y,\n,i,2024-05-01,\n",
        "c.jsonl": '{"user_id": 1, "item_id": 2}\n{"user_id": 1, "item_id": 2}\n',
    }
    counts = ingest(files).counts
    shown = {name: (c.read, c.accepted, c.rejected, c.duplicate, dict(c.rules)) for name, c in counts.items()}
    assert shown == {
        "a.csv": (3, 1, 1, 1, {"missing_user_id": 1}),
        "b.csv": (4, 0, 3, 1, {"bad_timestamp": 2, "missing_user_id": 1}),
        "c.jsonl": (2, 2, 0, 0, {}),
    }


def test_counts_that_do_not_add_up_are_a_fault() -> None:
    file = InputFile("/a.csv", "a.csv", "file:/a.csv", "file:///a.csv", 1, 0, "sha256:0")
    FileCounts(file, 6, 1, 2, 3, {"bad_value": 2})
    for wrong in ((7, 1, 2, 3, {"bad_value": 2}), (6, 1, 2, 3, {}), (0, -1, 0, 1, {})):
        with pytest.raises(RepertoireError, match="a fault of Repertoire"):
            FileCounts(file, *wrong)


def test_what_is_stored_already_is_a_duplicate(ingest: Ingest, spark: SparkSession) -> None:
    first = ingest({"a.csv": HEADER + "u1,i1,2024-05-01,\nu2,i2,2024-05-02,\n"})
    rows = [(row["event_id"], row["event_date"]) for row in first.accepted]
    known = spark.createDataFrame(rows, "event_id string, event_date date")
    again = ingest({"b.csv": HEADER + "u1,i1,2024-05-01,\nu1,i1,2024-05-01,\nu3,i3,2024-05-01,\n"}, known=known)
    assert [row["user_id"] for row in again.accepted] == ["u3"]
    counts = again.counts["b.csv"]
    assert (counts.read, counts.accepted, counts.duplicate) == (3, 1, 2)


def test_only_the_days_of_the_batch_are_compared(ingest: Ingest, spark: SparkSession) -> None:
    first = ingest({"a.csv": HEADER + "u1,i1,2024-05-01,\n"})
    elsewhere = [(first.accepted[0]["event_id"], dt.date(2024, 5, 9))]
    known = spark.createDataFrame(elsewhere, "event_id string, event_date date")
    assert len(ingest({"b.csv": HEADER + "u1,i1,2024-05-01,\n"}, known=known).accepted) == 1


def test_an_untimed_file_taken_in_again_is_all_duplicates(ingest: Ingest, spark: SparkSession) -> None:
    text = "user_id,item_id\nu,i\nu,i\nu,j\n"
    first = ingest({"a.csv": text})
    rows = [(row["event_id"], row["event_date"]) for row in first.accepted]
    known = spark.createDataFrame(rows, "event_id string, event_date date")
    again = ingest({"renamed.csv": text}, known=known)
    assert (again.accepted, again.counts["renamed.csv"].duplicate) == ([], 3)


@pytest.mark.quick
def test_past_the_share_of_refused_rows_the_batch_is_refused(ingest: Ingest) -> None:
    rows = "u1,i1,2024-05-01,\n" * 6 + "u2,i2,2024-05-01,\n" + "u1,i1,2026-13-01,\n,i,2024-05-01,\n,i,2024-05-01,x\n"
    assert ingest({"log.csv": HEADER + rows}, max_rejected_share=0.3).counts["log.csv"].rejected == 3
    with pytest.raises(InputError) as error:
        ingest({"log.csv": HEADER + rows}, max_rejected_share=0.29)
    place, *rest = str(error.value).split("\n")
    assert place.endswith('/in/log.csv, line 9, column event_ts: "2026-13-01" breaks the rule bad_timestamp.')
    assert rest == [
        "Allowed: ISO 8601, or a number of seconds, milli- or microseconds since 1970 (ingest.ts_unit is auto), or nothing.",
        "3 of 10 rows (0.3) are refused: missing_user_id 2, bad_timestamp 1.",
        "Fix them, or let them be rejected with --set ingest.max_rejected_share=0.3 (now 0.29).",
    ]


def test_the_first_refused_row_of_other_formats_is_shown_too(ingest: Ingest) -> None:
    with pytest.raises(InputError, match=r'log.jsonl, line 3: "\{" breaks the rule malformed_row.'):
        ingest({"log.jsonl": '{"user_id": 1, "item_id": 2}\n\n{\n'}, max_rejected_share=0)
    with pytest.raises(
        InputError, match=r"log.csv, line 2, column item_id: nothing stands there, which breaks the rule"
    ):
        ingest({"log.csv": "user_id,item_id\nu,\n"}, max_rejected_share=0)
    with pytest.raises(InputError, match=r'column user_id: "a{80}… \(600 characters\)" breaks the rule id_too_long.'):
        ingest({"log.csv": f"user_id,item_id\n{'a' * 600},i\n"}, max_rejected_share=0)


def test_a_column_that_settings_name_must_be_in_some_file(ingest: Ingest) -> None:
    files = {"a.csv": "user_id,item_id,points\nu1,i1,5\n", "b.csv": "user_id,item_id\nu2,i2\n"}
    assert [row["value"] for row in ingest(files, columns={"value": "points"}).accepted] == [5.0, None]
    with pytest.raises(InputError, match=r'ingest.columns.value names "stars", which no file has.'):
        ingest(files, columns={"value": "stars"})


@pytest.mark.quick
def test_types_by_default(ingest: Ingest) -> None:
    ratings = "user_id,item_id,stars\n" + "".join(f"u{n},i,{n / 2}\n" for n in range(1, 11))
    by_values = ingest({"log.csv": ratings}, columns={"value": "stars"})
    assert {row["event_type"] for row in by_values.accepted} == {"rating"}
    assert by_values.notes[-1].startswith(
        "10 events name no type; their values look like ratings up to 5: taken as rating"
    )
    hours = ingest({"log.csv": ratings + "u11,i,271.5\n"}, columns={"value": "stars"})
    assert {row["event_type"] for row in hours.accepted} == {"play"}
    by_setting = ingest({"log.csv": ratings}, columns={"value": "stars"}, default_event_type="purchase")
    assert {row["event_type"] for row in by_setting.accepted} == {"purchase"}
    assert by_setting.notes == ()


def test_values_of_refused_rows_and_of_named_types_do_not_decide(ingest: Ingest) -> None:
    rows = "user_id,item_id,event_type,value\nu1,i1,,4\nu2,i2,play,250\nu3,,,250\n"
    assert [row["event_type"] for row in ingest({"log.csv": rows}).accepted] == ["rating", "play"]


def test_files_of_the_same_bytes_are_taken_once(ingest: Ingest) -> None:
    found = ingest({"a.csv": "user_id,item_id\nu,i\n", "b.csv": "user_id,item_id\nu,i\n"})
    assert len(found.accepted) == 1
    assert list(found.counts) == ["a.csv"]
    assert "b.csv holds the same bytes as" in found.notes[0]


def test_the_number_of_spark_jobs(spark: SparkSession, tmp_path: Path, jobs_of: Callable[..., int]) -> None:
    """On small data the jobs are the cost: a clean batch takes the write, two aggregations and one look."""
    write_files(tmp_path / "in", {"a.csv": HEADER + "u,i,2024-05-01,\n", "b.jsonl": '{"user_id": 1, "item_id": 2}\n'})
    files, scratch = list_files(spark, str(tmp_path / "in")), str(tmp_path / "scratch")
    settings = IngestSettings()
    jobs = jobs_of(
        lambda: read_log(spark, files, settings, EVENT_KIND, run_date=RUN_DATE, timezone="UTC", scratch=scratch)
    )
    assert 1 <= jobs <= 6


def test_nothing_is_written_outside_the_scratch_folder(spark: SparkSession, tmp_path: Path) -> None:
    write_files(tmp_path / "in", {"a.csv": HEADER + "u,i,2024-05-01,\nu,i,2024-05-01,\n"})
    read_log(
        spark,
        list_files(spark, str(tmp_path / "in")),
        IngestSettings(),
        EVENT_KIND,
        run_date=RUN_DATE,
        timezone="UTC",
        scratch=str(tmp_path / "scratch"),
    )
    assert sorted(path.name for path in tmp_path.iterdir()) == ["in", "scratch"]
    assert [path.name for path in (tmp_path / "in").iterdir()] == ["a.csv"]

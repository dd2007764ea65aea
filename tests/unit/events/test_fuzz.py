"""Whatever lies in a file: it is refused with an InputError, or every row of it is accepted, rejected or a duplicate."""

import gzip
import io
import itertools
import os
import shutil
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pyspark.sql import SparkSession
from tests.unit.events.conftest import RUN_DATE

from repertoire.errors import InputError
from repertoire.events.event_kind import EVENT_KIND
from repertoire.events.ingest import read_log
from repertoire.events.input_files import list_files
from repertoire.settings import IngestSettings

TEXTS = {
    "log.csv": (
        'user_id,item_id,event_type,event_ts,value\nu1,"a ""b"", c",view,2024-05-01T10:00:00Z,\n'
        "u2,b,rating,1714557600,4.5\n"
    ),
    "log.tsv": "user_id\titem_id\tvalue\nu1\ta\t1\nu2\tb\t-0.0\n",
    "log.jsonl": '{"user_id": "u1", "item_id": 7, "event_ts": "2024-05-01"}\n{"user_id": "u2", "item_id": "b", "value": 1e3}\n',
    "u.data": "196\t242\t3\t881250949\n186\t302\t5\t891717742\n",
    "ratings.dat": "1::1193::5::978300760\n",
    "steam-200k.csv": '5250,"Warhammer 40,000",play,0.1,0\n',
    "log.adjacency": "0 7580 3730\n1 31613\n",
}
PARTS = (
    *["", ",", "\t", '"', '""', "\n", "\r\n", "\r", "|", "::", "{", "}", "[", "\\", "\\u0000", "\x00", "\x1a", "\ufeff"],
    *["\u2028", "user_id", "item_id", "user_id,", "NaN", "-Infinity", "1e999", "99999999999999999999", "-1", "0x10", "1d"],
    *["0000-00-00", "9999-12-31T23:59:60Z", "-290308-01-01", "24:00", "2024-02-30", "😀", "é", "'", "`", "%", "null"],
    "é" * 700,
)  # fmt: skip

_runs = itertools.count()


def read(spark: SparkSession, folder: Path, name: str, data: bytes, form: str) -> str:
    """How it ended; a broken promise or any other error is a failure."""
    place = folder / str(next(_runs))
    (place / "in").mkdir(parents=True)
    (place / "in" / name).write_bytes(data)
    chosen = IngestSettings(format=form, max_rejected_share=1.0)
    try:
        files = list_files(spark, str(place / "in"))
        found = read_log(
            spark, files, chosen, EVENT_KIND, run_date=RUN_DATE, timezone="UTC", scratch=str(place / "scratch")
        )
        accepted, rejected = found.accepted.collect(), found.rejected.collect()
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
    (counts,) = found.counts or [None]
    if counts is None:
        return "nothing"
    assert counts.read == counts.accepted + counts.rejected + counts.duplicate
    assert (len(accepted), len(rejected)) == (counts.accepted, counts.rejected)
    assert len({row["event_id"] for row in accepted}) == len(accepted)
    assert len({row["row_hash"] for row in rejected}) == len(rejected)
    assert all(row["user_id"] and row["item_id"] and row["event_date"] in found.event_dates for row in accepted)
    return "read"


@st.composite
def mutated(draw: st.DrawFn) -> tuple[str, bytes]:
    """A good file with some bytes taken out, put in or doubled."""
    name = draw(st.sampled_from(sorted(TEXTS)))
    data = TEXTS[name].encode()
    for _ in range(draw(st.integers(0, 4))):
        at, length = draw(st.integers(0, len(data))), draw(st.integers(0, 6))
        piece = draw(st.one_of(st.sampled_from(PARTS).map(str.encode), st.binary(max_size=4)))
        data = data[:at] + piece * draw(st.integers(0, 2)) + data[at + length :]
    return name, data


def form_of(name: str) -> str:
    return "adjacency" if name.endswith(".adjacency") else "auto"


# The same few files each time; REPERTOIRE_FUZZ=500 tries as many new ones.
MANY = os.environ.get("REPERTOIRE_FUZZ")
FUZZ = settings(
    max_examples=int(MANY or 12),
    derandomize=MANY is None,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)


@FUZZ
@given(file=mutated(), packed=st.booleans())
def test_text(spark: SparkSession, tmp_path: Path, file: tuple[str, bytes], packed: bool) -> None:
    name, data = file
    read(spark, tmp_path, name + ".gz" * packed, gzip.compress(data) if packed else data, form_of(name))


@FUZZ
@given(data=st.binary(max_size=60), name=st.sampled_from([*sorted(TEXTS), "log.parquet", "log.csv.gz"]))
def test_any_bytes(spark: SparkSession, tmp_path: Path, data: bytes, name: str) -> None:
    read(spark, tmp_path, name, data, form_of(name))


@FUZZ
@given(cut=st.integers(0, 120), at=st.integers(0, 2000), byte=st.integers(0, 255))
def test_damaged_parquet_and_gzip(spark: SparkSession, tmp_path: Path, cut: int, at: int, byte: int) -> None:
    buffer = io.BytesIO()
    pq.write_table(pa.table({"user_id": ["u", "v"], "item_id": ["a", "b"], "value": [1.0, None]}), buffer)
    for name, data in (
        ("log.parquet", buffer.getvalue()),
        ("log.csv.gz", gzip.compress(TEXTS["log.csv"].encode() * 20)),
    ):
        place = at % len(data)
        damaged = data[:place] + bytes([byte]) + data[place + 1 :]
        read(spark, tmp_path, name, damaged[: len(damaged) - cut % len(damaged)], "auto")

"""Laws that hold whatever the log holds: nothing is lost, and order, partitioning and cutting into files do not matter."""

import datetime as dt
import tempfile
from collections import Counter
from pathlib import Path

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pyspark.sql import SparkSession
from tests.unit.events.conftest import Files, write_files

from repertoire.events.event_kind import EVENT_KIND
from repertoire.events.ingest import IngestedLog, read_log
from repertoire.events.input_files import list_files
from repertoire.settings import IngestSettings

HEADER = "user_id,item_id,event_type,event_ts,value\n"
FEW = settings(max_examples=8, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])

users = st.sampled_from(["u1", "u2", " u1 ", "", "ü", '"u,3"', "x" * 600])
items = st.sampled_from(["i1", "i2", "", '"i""4"'])
types = st.sampled_from(["view", "PLAY", "", "veiw", "buy"])
untimed = st.sampled_from(["", "2024-13-01", "noon"])
times = st.sampled_from(
    ["2024-05-01", "2024-05-01T10:00:00Z", "1714557600", "1714557600000", "2093-01-01", "1970-01-01"]
)
values = st.sampled_from(["", "1", "1.0", "4.5", "-1", "NaN", "x", "1e400"])
ragged = st.sampled_from(
    ["u1", "u1,i1", "a,b,c,d,e,f,g", '"', 'u1,"i1,view,2024-05-01,1', ",,,,,", "\x00", "\ufeff", "😀" * 3]
)


def line(time: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    return st.tuples(users, items, types, time, values).map(",".join)


anything = st.lists(st.one_of(line(times), line(untimed), ragged), max_size=25)
timed = st.lists(line(times), max_size=25)


def read(spark: SparkSession, folder: Path, files: Files, partition_bytes: int | None = None) -> IngestedLog:
    write_files(folder / "in", files)
    conf = "spark.sql.files.maxPartitionBytes"
    if partition_bytes:
        spark.conf.set(conf, partition_bytes)
    try:
        found = read_log(
            spark,
            list_files(spark, str(folder / "in")),
            IngestSettings(max_rejected_share=1.0, default_event_type="interaction"),
            EVENT_KIND,
            run_date=dt.date(2024, 6, 1),
            timezone="UTC",
            scratch=str(folder / "scratch"),
        )
    finally:
        spark.conf.unset(conf)
    return found


def accepted(found: IngestedLog) -> Counter[tuple[object, ...]]:
    """The events without the file that they came from."""
    kept = [name for name in found.accepted.columns if name not in ("source", "context")]
    return Counter(tuple(row[name] for name in kept) for row in found.accepted.collect())


def log(lines: list[str]) -> str:
    return HEADER + "".join(f"{text}\n" for text in lines)


@FEW
@given(anything)
def test_every_row_is_accepted_rejected_or_duplicate(spark: SparkSession, lines: list[str]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        found = read(spark, Path(folder), {"log.csv": log(lines).replace("\x00", "")})
        (counts,) = found.counts
        rejected = found.rejected.collect()
        assert counts.read == len([text for text in lines if text.replace("\x00", "").strip()])
        assert counts.accepted == found.accepted.count() == len(accepted(found))
        assert counts.rejected == len(rejected) == len({row["row_hash"] for row in rejected})
        assert counts.read == counts.accepted + counts.rejected + counts.duplicate


@FEW
@given(anything, st.randoms())
def test_neither_order_nor_partitioning_matters(spark: SparkSession, lines: list[str], random: object) -> None:
    lines = [text for text in lines if "\x00" not in text]
    shuffled = sorted(lines, key=lambda _: random.random())  # type: ignore[attr-defined]
    with tempfile.TemporaryDirectory() as one, tempfile.TemporaryDirectory() as two:
        whole = read(spark, Path(one), {"log.csv": log(lines)})
        in_pieces = read(spark, Path(two), {"log.csv": log(shuffled)}, partition_bytes=64)
        # An untimed event's id has its file's checksum, which the order of the rows changes.
        first, second = (Counter(key[1:] for key in accepted(found).elements()) for found in (whole, in_pieces))
        assert first == second
        rules = [Counter(found.counts[0].rules) for found in (whole, in_pieces)]
        assert rules[0] == rules[1]


@FEW
@given(anything)
def test_the_same_bytes_give_the_same_ids_in_any_partitioning(spark: SparkSession, lines: list[str]) -> None:
    text = log([text for text in lines if "\x00" not in text])
    with tempfile.TemporaryDirectory() as one, tempfile.TemporaryDirectory() as two:
        assert accepted(read(spark, Path(one), {"log.csv": text})) == accepted(
            read(spark, Path(two), {"log.csv": text}, partition_bytes=64)
        )


@FEW
@given(timed, st.integers(0, 25))
def test_a_timed_log_may_be_cut_into_files_anywhere(spark: SparkSession, lines: list[str], cut: int) -> None:
    with tempfile.TemporaryDirectory() as one, tempfile.TemporaryDirectory() as two:
        whole = read(spark, Path(one), {"log.csv": log(lines)})
        cut_up = read(spark, Path(two), {"a.csv": log(lines[:cut]), "b.csv.gz": log(lines[cut:])})
        assert accepted(whole) == accepted(cut_up)
        assert sum(counts.rejected for counts in cut_up.counts) == whole.counts[0].rejected

"""Ingest against Spark's own reading and writing of the same CSV file, in one run and one session.

    python benchmarks/ingest.py --rows 10000000

(a) plain: spark.read.csv with a given schema, written as Parquet with Spark's defaults. (b) plain, with the settings of
our session: smaller tasks, zstd. (c) ingest: list and checksum the file, `read_log`,
and write the accepted events as Parquet, partitioned by event_date. Each is warmed up on a small file and then run in
turn; the figure is the median. The log is made from a seed, in the order of time as logs are, with 0.2 % of repeated and
0.1 % of broken rows. Prints a table and one line of JSON.
"""

import argparse
import datetime as dt
import json
import shutil
import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv as pa_csv
from pyspark.sql import SparkSession

from repertoire.events.event_kind import EVENT_KIND
from repertoire.events.ingest import read_log
from repertoire.events.input_files import list_files
from repertoire.session import start_session
from repertoire.settings import IngestSettings, SparkSettings

FIRST_DAY = dt.date(2025, 1, 1)
DAYS = 60
RUN_DATE = FIRST_DAY + dt.timedelta(days=DAYS)
TYPES = ("view", "click", "cart", "purchase", "rating")
DEFAULTS = {
    "spark.sql.files.maxPartitionBytes": "128m",
    "spark.sql.parquet.compression.codec": "snappy",
    "spark.sql.parquet.outputTimestampType": "INT96",
}
SCHEMA = "user_id string, item_id string, event_type string, event_ts timestamp, value double"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", type=int, default=10_000_000)
    parser.add_argument("--seed", type=int, default=42)
    parser.add_argument("--repeats", type=int, default=3)
    arguments = parser.parse_args()
    spark = start_session(SparkSettings(), app="benchmark-ingest")
    with tempfile.TemporaryDirectory() as folder:
        print(json.dumps(measure(spark, Path(folder), arguments.rows, arguments.seed, arguments.repeats)))
    spark.stop()


def measure(spark: SparkSession, folder: Path, rows: int, seed: int, repeats: int) -> dict[str, float]:
    """Seconds of both, their ratio, and what became of the rows."""
    small, big = folder / "small.csv", folder / "big.csv"
    write_log(small, max(1_000, rows // 50), seed)
    write_log(big, rows, seed)
    ways: dict[str, Callable[[Path], dict[str, int]]] = {
        "plain": lambda file: plain(spark, file, folder / "out", DEFAULTS),
        "tuned": lambda file: plain(spark, file, folder / "out", {}),
        "ingest": lambda file: ingest(spark, file, folder / "out", folder / "scratch"),
    }
    for way in ways.values():
        way(small)
    seconds: dict[str, list[float]] = {name: [] for name in ways}
    counts: dict[str, int] = {}
    for turn in range(repeats):
        for name, way in ways.items():
            started = time.perf_counter()
            counts |= way(big)
            seconds[name].append(time.perf_counter() - started)
            print(f"{name:8} turn {turn + 1}: {seconds[name][-1]:7.1f} s", flush=True)
            shutil.rmtree(folder / "out")
    found = {name: round(statistics.median(times), 1) for name, times in seconds.items()}
    ratios = {
        f"ratio_to_{name}": round(
            statistics.median(b / a for a, b in zip(seconds[name], seconds["ingest"], strict=True)), 2
        )
        for name in ("plain", "tuned")
    }
    print(f"{rows:,} rows, {big.stat().st_size / 1e6:,.0f} MB: {found} seconds, {ratios}")
    return {"rows": rows, **{f"{name}_seconds": value for name, value in found.items()}, **ratios, **counts}


def plain(spark: SparkSession, file: Path, out: Path, settings: dict[str, str]) -> dict[str, int]:
    """Spark alone: nothing checked, nothing counted."""
    ours = {key: spark.conf.get(key) for key in settings}
    for key, value in settings.items():
        spark.conf.set(key, value)
    spark.read.schema(SCHEMA).option("header", True).csv(str(file)).write.mode("overwrite").parquet(str(out))
    for key, value in ours.items():
        spark.conf.set(key, str(value))
    return {}


def ingest(spark: SparkSession, file: Path, out: Path, scratch: Path) -> dict[str, int]:
    """Ours, with the rejected rows written too."""
    found = read_log(
        spark,
        list_files(spark, str(file)),
        IngestSettings(),
        EVENT_KIND,
        run_date=RUN_DATE,
        timezone="UTC",
        scratch=str(scratch),
    )
    found.accepted.write.mode("overwrite").partitionBy("event_date").parquet(str(out / "events"))
    found.rejected.write.mode("overwrite").parquet(str(out / "rejected"))
    shutil.rmtree(scratch)
    (counts,) = found.counts
    return {name: getattr(counts, name) for name in ("accepted", "rejected", "duplicate")}


def write_log(path: Path, rows: int, seed: int, chunk: int = 1_000_000) -> None:
    """A log of five columns: 200,000 users and 50,000 items of very uneven activity, sixty days."""
    random = np.random.default_rng(seed)
    start = np.datetime64(FIRST_DAY, "s").astype(np.int64)
    with path.open("wb") as file:
        file.write(b"user_id,item_id,event_type,event_ts,value\n")
        for first in range(0, rows, chunk):
            size = min(chunk, rows - first)
            begin, end = (start + DAYS * 86_400 * place / rows for place in (first, first + size))
            second = np.sort(random.integers(int(begin), int(end), size=size))
            types = random.choice(len(TYPES), size=size, p=(0.6, 0.2, 0.08, 0.04, 0.08))
            columns = {
                "user_id": _names("u", random.zipf(1.2, size) % 200_000),
                "item_id": _names("i", random.zipf(1.3, size) % 50_000),
                "event_type": pa.array(TYPES).take(pa.array(types)),
                "event_ts": pc.binary_join_element_wise(np.datetime_as_string(second.astype("datetime64[s]")), "Z", ""),
                "value": pc.if_else(
                    types == TYPES.index("rating"), pa.array(random.integers(1, 6, size)).cast("string"), ""
                ),
            }
            columns["event_ts"] = pc.if_else(random.random(size) < 0.001, "2025-13-01T00:00:00Z", columns["event_ts"])
            repeats = np.where(random.random(size) < 0.002, np.maximum(np.arange(size) - 1, 0), np.arange(size))
            table = pa.table(columns).take(pa.array(repeats))
            pa_csv.write_csv(table, file, pa_csv.WriteOptions(include_header=False, quoting_style="none"))


def _names(prefix: str, numbers: np.ndarray) -> pa.Array:
    return pc.binary_join_element_wise(prefix, pa.array(numbers).cast("string"), "")


if __name__ == "__main__":
    main()

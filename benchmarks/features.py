"""Seconds of building interactions, user_features and item_features, against the number of events.

    .venv/bin/python benchmarks/features.py [--sizes S1,S20/4,S20] [--repeats 1] [--data FOLDER]

The pairs are those of generated_pairs.py, in FOLDER/<size>, made if they are not there; S20/4 is every fourth user of S20. Each
pair is an event of one of five types, with a value, in one of ten sessions of its user within 400 days. The catalogue has a
category and one of a few thousand creators for every item. A table is built and written as Parquet, from Parquet, in one
session after a warm-up on the first size; the interactions are built once a turn and read by the other two, as in the
nightly stage. Prints seconds, and by which power of the number of events they grow from one size to the next, and JSON.
"""

import argparse
import datetime as dt
import json
import math
import statistics
import sys
import tempfile
import time
from pathlib import Path
from zoneinfo import ZoneInfo

from generated_pairs import SIZES, generate
from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F

from repertoire.features.interactions import build_interactions
from repertoire.features.item_features import build_item_features
from repertoire.features.user_features import build_user_features
from repertoire.frames.materialise import materialise
from repertoire.session import start_session
from repertoire.settings import FeatureSettings, SparkSettings

CUTOFF = dt.datetime(2026, 3, 2, tzinfo=ZoneInfo("UTC"))
TYPES = ("view", "click", "purchase", "play", "rating")
TABLES = ("interactions", "user_features", "item_features")
DAY = 86_400
SETTINGS = FeatureSettings()


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--sizes", default="S1,S20/4,S20")
    parser.add_argument("--repeats", type=int, default=1)
    parser.add_argument("--data", type=Path, help="a folder with a folder of pairs for each size")
    given = parser.parse_args()
    spark = start_session(SparkSettings(), app="benchmark-features")
    found: list[dict[str, float]] = []
    with tempfile.TemporaryDirectory() as scratch:
        for size in given.sizes.split(","):
            events, items = made(spark, size, given.data or Path(scratch, "pairs"), Path(scratch, "log"))
            if not found:
                build(events, items, scratch)
            turns = [build(events, items, scratch) for _ in range(given.repeats)]
            seconds = {name: round(statistics.median(turn[name] for turn in turns), 1) for name in TABLES}
            found.append({"events": events.count(), **seconds})
            print(f"{size:6s} {found[-1]['events']:12,} events {told(found)}", flush=True)
    spark.stop()
    print(json.dumps(dict(zip(given.sizes.split(","), found, strict=True))))
    return 0


def made(spark: SparkSession, size: str, data: Path, folder: Path) -> tuple[DataFrame, DataFrame]:
    """Events and catalogue of a size, as Parquet."""
    name, _, part = size.partition("/")
    if not (data / name).exists():
        print(f"{generate(SIZES[name], data / name):,} pairs", file=sys.stderr)
    pairs = spark.read.parquet(str(data / name))
    if part:
        pairs = pairs.where(F.pmod(F.col("user_id").cast("bigint"), F.lit(int(part))) == 0)
    user, pair = F.xxhash64("user_id"), F.xxhash64("user_id", "item_id")
    session = F.pmod(user, F.lit(300)) + F.pow(F.pmod(pair, F.lit(10)), 2)
    second = session * DAY + F.pmod(F.shiftright(pair, 8), F.lit(DAY // 4))
    event_ts = F.timestamp_seconds(F.lit(int(CUTOFF.timestamp())) - 1 - second)
    events = pairs.select(
        "user_id",
        "item_id",
        F.element_at(F.array(*map(F.lit, TYPES)), (F.pmod(F.shiftright(pair, 4), F.lit(5)) + 1).cast("int")).alias(
            "event_type"
        ),
        event_ts.alias("event_ts"),
        (F.pmod(F.shiftright(pair, 20), F.lit(50)) / 10).alias("value"),
        F.to_date(event_ts).alias("event_date"),
    )
    number = F.col("item_id").cast("bigint")
    items = pairs.select("item_id").distinct()
    items = items.select(
        "item_id",
        F.concat(F.lit("category "), number % 20).alias("category"),
        F.concat(F.lit("creator "), number % 3_000).alias("creator_id"),
        (number % 100).cast("double").alias("price"),
        F.date_sub(F.lit(CUTOFF.date()), (number % 2_000).cast("int")).alias("released"),
    )
    place = size.replace("/", "-")
    return materialise(events, str(folder / place / "events")), materialise(items, str(folder / place / "items"))


def build(events: DataFrame, items: DataFrame, scratch: str) -> dict[str, float]:
    """Seconds of each table."""
    seconds = {}

    def timed(name: str, frame: DataFrame) -> DataFrame:
        clock = time.perf_counter()
        written = materialise(frame, f"{scratch}/made/{name}")
        seconds[name] = time.perf_counter() - clock + spent
        return written

    clock = time.perf_counter()
    built = build_interactions(events, cutoff=CUTOFF, settings=SETTINGS).frame
    spent = time.perf_counter() - clock  # its profile of the log
    pairs = timed("interactions", built)
    spent = 0.0
    zone = ZoneInfo("UTC")
    timed("user_features", build_user_features(pairs, events, None, items, cutoff=CUTOFF, zone=zone, settings=SETTINGS))
    timed("item_features", build_item_features(pairs, events, items, cutoff=CUTOFF, settings=SETTINGS))
    return seconds


def told(found: list[dict[str, float]]) -> str:
    """The seconds of the last size, and the power by which they have grown since the one before."""
    now = found[-1]
    words = []
    for name in TABLES:
        power = ""
        if len(found) > 1:
            before = found[-2]
            grown = math.log(now[name] / before[name]) / math.log(now["events"] / before["events"])
            power = f" (power {grown:.2f})"
        words.append(f"{name} {now[name]:.1f} s{power}")
    return ", ".join(words)


if __name__ == "__main__":
    sys.exit(main())

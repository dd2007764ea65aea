"""The scorer against MLlib's recommendForAllUsers on MovieLens 1M: the top 10 unseen items of every user.

    python benchmarks/scorer.py [FOLDER] [--repeats 3]

Same factors (MLlib ALS, rank 64), same session, Parquet in and out. MLlib cannot leave seen items out, so it is asked
for more items than needed and what was seen is taken away by an anti-join: once for so many that every list is certain
to be full, once for 100 more, which leaves some lists short. Prints a table, then one line of JSON.
"""

import argparse
import json
import os
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from pyspark.ml.recommendation import ALS, ALSModel
from pyspark.sql import DataFrame, SparkSession, Window
from pyspark.sql import functions as F

from repertoire.candidates.propose_by_factors import propose_by_factors
from repertoire.candidates.recommender import FittedModel, Request
from repertoire.session import start_session
from repertoire.settings import CandidateSettings, SparkSettings

K = 10
RANK = 64
HERE = Path(__file__).resolve().parent


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", nargs="?", type=Path, default=HERE.parent.parent / "shared" / "data" / "ml-1m")
    parser.add_argument("--repeats", type=int, default=3)
    arguments = parser.parse_args()
    ratings = arguments.folder / "ratings.csv.gz"
    if not ratings.exists():
        print(f"skipped: there is no {ratings}; name a folder that holds MovieLens 1M as ratings.csv.gz")
        return 0
    os.environ.setdefault("PYTHONPATH", str(HERE.parent / "lib"))
    spark = start_session(SparkSettings(driver_memory="4g", shuffle_partitions=2), app="benchmark-scorer")
    with tempfile.TemporaryDirectory() as folder:
        print(json.dumps(measure(spark, ratings, folder, arguments.repeats)))
    spark.stop()
    return 0


def measure(spark: SparkSession, ratings: Path, folder: str, repeats: int) -> dict[str, object]:
    mllib, model, seen = prepare(spark, ratings, folder)
    users = model.tables["user_factors"].select("user_id")
    [(most_seen,)] = seen.groupBy("user_id").count().agg(F.max("count")).collect()

    def ours(explain: bool) -> DataFrame:
        settings = CandidateSettings(explain=explain)
        return propose_by_factors(model, Request(spark, users, seen, None, K, settings))

    ways: dict[str, Callable[[], DataFrame]] = {
        "masked_top_k": lambda: ours(explain=False),
        "masked_top_k with reasons": lambda: ours(explain=True),
        "recommendForAllUsers(110), anti-join": lambda: over_fetched(mllib, seen, K + 100),
        f"recommendForAllUsers({K + most_seen}), anti-join": lambda: over_fetched(mllib, seen, K + most_seen),
    }
    seconds: dict[str, list[float]] = {way: [] for way in ways}
    for repeat in range(repeats):
        # Another one goes first each time: the first in a new session pays for the warm-up.
        names = [*ways][repeat % len(ways) :] + [*ways][: repeat % len(ways)]
        for way in names:
            start = time.perf_counter()
            ways[way]().write.mode("overwrite").parquet(path_of(folder, way))
            seconds[way].append(time.perf_counter() - start)
            print(f"{repeat + 1}/{repeats}  {way:45} {seconds[way][-1]:7.2f} s", file=sys.stderr, flush=True)
    medians = {way: statistics.median(taken) for way, taken in seconds.items()}
    fastest = next(iter(ways))
    lists = {way: spark.read.parquet(path_of(folder, way)) for way in ways}
    same = {way: share_in_common(lists[fastest], lists[way]) for way in ways}

    print(f"\n{'':45} {'median s':>9} {'times':>6} {'rows':>8} {'in common':>10}")
    for way, median in medians.items():
        print(
            f"{way:45} {median:9.2f} {median / medians[fastest]:6.1f} {lists[way].count():8,} {same[way]:10.4f}",
            flush=True,
        )
    return {
        "users": users.count(),
        "items": model.tables["item_factors"].count(),
        "rank": RANK,
        "k": K,
        "seconds": seconds,
        "median_seconds": medians,
        "times_as_long": {way: median / medians[fastest] for way, median in medians.items()},
        "share_in_common": same,
    }


def prepare(spark: SparkSession, ratings: Path, folder: str) -> tuple[ALSModel, FittedModel, DataFrame]:
    """The same fitted factors for both, and the interactions, all read from Parquet."""
    schema = "user int, item int, rating double, ts bigint"
    spark.read.csv(str(ratings), header=True, schema=schema).coalesce(1).write.parquet(f"{folder}/ratings")
    pairs = spark.read.parquet(f"{folder}/ratings")
    als = ALS(userCol="user", itemCol="item", ratingCol="rating", implicitPrefs=True, seed=1)
    als.setParams(rank=RANK, maxIter=3, regParam=0.1)
    als.fit(pairs).save(f"{folder}/mllib")
    mllib = ALSModel.load(f"{folder}/mllib")
    tables = {}
    for name, factors, id_column in (
        ("user_factors", mllib.userFactors, "user_id"),
        ("item_factors", mllib.itemFactors, "item_id"),
    ):
        named = factors.select(F.col("id").cast("string").alias(id_column), F.col("features").alias("factors"))
        named.write.parquet(f"{folder}/{name}")
        tables[name] = spark.read.parquet(f"{folder}/{name}")
    pairs.select(
        F.col("user").cast("string").alias("user_id"),
        F.col("item").cast("string").alias("item_id"),
        F.col("rating").alias("strength"),
        F.lit(True).alias("seen"),
        F.timestamp_seconds("ts").alias("last_ts"),
    ).write.parquet(f"{folder}/interactions")
    return mllib, FittedModel("als", tables), spark.read.parquet(f"{folder}/interactions")


def over_fetched(mllib: ALSModel, seen: DataFrame, count: int) -> DataFrame:
    """What is left of MLlib's lists of `count` when the seen items are taken away, cut to K."""
    flat = mllib.recommendForAllUsers(count).select("user", F.explode("recommendations").alias("one"))
    rows = flat.select(
        F.col("user").cast("string").alias("user_id"),
        F.col("one.item").cast("string").alias("item_id"),
        F.col("one.rating").cast("double").alias("score"),
    ).join(seen.select("user_id", "item_id"), ["user_id", "item_id"], "left_anti")
    order = Window.partitionBy("user_id").orderBy(F.desc("score"), "item_id")
    return rows.withColumn("rank", F.row_number().over(order)).where(F.col("rank") <= K)


def path_of(folder: str, way: str) -> str:
    return f"{folder}/out/{''.join(letter if letter.isalnum() else '_' for letter in way)}"


def share_in_common(lists: DataFrame, others: DataFrame) -> float:
    """Share of the pairs of `lists` that `others` has, too."""
    pair = ["user_id", "item_id"]
    return lists.join(others.select(pair), pair, "left_semi").count() / lists.count()


if __name__ == "__main__":
    sys.exit(main())

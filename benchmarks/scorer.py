"""The scorer beside MLlib's recommendForAllUsers and implicit: the top 10 unseen items of every user.

    python benchmarks/scorer.py [FOLDER] [--repeats 3] [--peers .cache/peers/bin/python]

FOLDER: MovieLens 1M, or what generated_pairs.py wrote. Same factors (MLlib ALS, rank 64), same session, Parquet in and out.
MLlib cannot leave seen items out, so it is asked for more items than needed and what was seen is taken away by an
anti-join: once for 100 more, which leaves some lists short, and on MovieLens for so many that every list is certain to be
full. implicit runs in a process of its own: `implicit` is its recommend alone, with the matrix of what was seen made
before; `implicit, read and written` is that with reading Parquet and writing lists. Prints a table, then one line of JSON.
"""

import argparse
import json
import os
import statistics
import subprocess
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
    parser.add_argument("--peers", type=Path, help="a Python that has implicit")
    arguments = parser.parse_args()
    generated = any(arguments.folder.glob("users-from-*.parquet"))
    ratings = arguments.folder if generated else arguments.folder / "ratings.csv.gz"
    if not ratings.exists():
        print(f"skipped: there is no {ratings}; name a folder that holds MovieLens 1M as ratings.csv.gz")
        return 0
    os.environ.setdefault("PYTHONPATH", str(HERE.parent / "lib"))
    spark = start_session(SparkSettings(driver_memory="8g", shuffle_partitions=8), app="benchmark-scorer")
    with tempfile.TemporaryDirectory() as folder:
        print(json.dumps(measure(spark, ratings, folder, arguments.repeats, arguments.peers)))
    spark.stop()
    return 0


def measure(spark: SparkSession, ratings: Path, folder: str, repeats: int, peers: Path | None) -> dict[str, object]:
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
    }
    if ratings.is_file():
        certain = f"recommendForAllUsers({K + most_seen}), anti-join"
        ways[certain] = lambda: over_fetched(mllib, seen, K + most_seen)
    alone: dict[str, list[float]] = {"implicit": [], "implicit, read and written": []}
    seconds: dict[str, list[float]] = {way: [] for way in ways}
    for repeat in range(repeats):
        # Another one goes first each time: the first in a new session pays for the warm-up.
        names = [*ways][repeat % len(ways) :] + [*ways][: repeat % len(ways)]
        for way in names:
            start = time.perf_counter()
            ways[way]().write.mode("overwrite").parquet(path_of(folder, way))
            seconds[way].append(time.perf_counter() - start)
            print(f"{repeat + 1}/{repeats}  {way:45} {seconds[way][-1]:7.2f} s", file=sys.stderr, flush=True)
        for way, taken in zip(alone, by_implicit(peers, folder) if peers else (), strict=False):
            alone[way].append(taken)
            print(f"{repeat + 1}/{repeats}  {way:45} {taken:7.2f} s", file=sys.stderr, flush=True)
    if peers:
        ways |= dict.fromkeys(alone, lambda: spark.read.parquet(f"{folder}/implicit.parquet"))
        seconds |= alone
    medians = {way: statistics.median(taken) for way, taken in seconds.items()}
    fastest = next(iter(ways))
    lists = {way: ways[way]() if way in alone else spark.read.parquet(path_of(folder, way)) for way in ways}
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
    if ratings.is_file():
        schema = "user int, item int, rating double, ts bigint"
        spark.read.csv(str(ratings), header=True, schema=schema).coalesce(1).write.parquet(f"{folder}/ratings")
    else:
        ids = [F.col(f"{name}_id").cast("int").alias(name) for name in ("user", "item")]
        rows = spark.read.parquet(str(ratings)).select(*ids, F.col("strength").alias("rating"), F.lit(0).alias("ts"))
        rows.write.parquet(f"{folder}/ratings")
    pairs = spark.read.parquet(f"{folder}/ratings")
    spark.sparkContext.setCheckpointDir(f"{folder}/checkpoints")
    als = ALS(userCol="user", itemCol="item", ratingCol="rating", implicitPrefs=True, seed=1)
    als.setParams(rank=RANK, maxIter=3 if ratings.is_file() else 1, regParam=0.1)
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


_IMPLICIT = """
import sys, time
import numpy as np, pyarrow as pa, pyarrow.compute as pc, pyarrow.parquet as pq, scipy.sparse as sp
from implicit.cpu.topk import topk
folder = sys.argv[1]
began = time.perf_counter()
def factors(name):
    table = pq.read_table(f"{folder}/{name}_factors").combine_chunks()
    values = table.column("factors").combine_chunks().flatten().to_numpy()
    return table.column(f"{name}_id").combine_chunks(), values.reshape(len(table), -1)
users, of_users = factors("user")
items, of_items = factors("item")
names = ["user_id", "item_id"]
table = pq.read_table(f"{folder}/interactions", columns=names, read_dictionary=names)
codes = []
for name, ids in zip(names, (users, items)):
    column = table.column(name).unify_dictionaries().combine_chunks()
    column = column.chunk(0) if isinstance(column, pa.ChunkedArray) else column
    codes.append(pc.index_in(column.dictionary, ids).to_numpy()[column.indices.to_numpy()])
seen = sp.csr_matrix((np.ones(len(codes[0]), np.float32), codes), shape=(len(users), len(items)))
ready = time.perf_counter()
found, scores = topk(of_items, of_users, 10, filter_query_items=seen, num_threads=2)
done = time.perf_counter()
user, rank = np.repeat(np.arange(len(users)), 10), np.tile(np.arange(1, 11, dtype=np.int32), len(users))
lists = {"user_id": users.take(pa.array(user)), "rank": rank, "item_id": items.take(pa.array(found.ravel()))}
pq.write_table(pa.table(lists | {"score": scores.ravel().astype(np.float64)}), f"{folder}/implicit.parquet")
print(done - ready, time.perf_counter() - began)
"""


def by_implicit(peers: Path, folder: str) -> tuple[float, ...]:
    """Seconds of its recommend alone, and with reading and writing."""
    environment = {**os.environ, "OPENBLAS_NUM_THREADS": "1"}
    words = [str(peers), "-c", _IMPLICIT, folder]
    done = subprocess.run(words, capture_output=True, text=True, check=True, env=environment)
    return tuple(float(word) for word in done.stdout.split())


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

"""Parquet in, Parquet out: `repertoire recommend` beside a script of pyarrow and implicit, and one of Spark MLlib.

    python3.11 -m venv .cache/peers && .cache/peers/bin/pip install -r benchmarks/peers.txt
    .venv/bin/python benchmarks/whole_command.py S20 --peers .cache/peers/bin/python [--repeats 3] [--engines …]

The top 10 unseen items of every user, rank 64, 10 iterations, from the start of the process to its end, in turn. The log has
user_id and item_id. MLlib's script asks for 110 items of each user and takes away what was seen by an anti-join, which leaves
lists of busy users short; a list that is certain to be full takes much longer. Prints a table and one line of JSON.
"""

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import pyarrow.parquet as pq
from generated_pairs import SIZES, generate
from peak_memory import PeakMemory

HERE = Path(__file__).resolve().parent

_IMPLICIT = """
import sys
import numpy as np, pyarrow as pa, pyarrow.parquet as pq, scipy.sparse as sp
from implicit.als import AlternatingLeastSquares
log, out = sys.argv[1:]
names = ["user_id", "item_id"]
table = pq.read_table(log, columns=names, read_dictionary=names)
columns = [table.column(name).unify_dictionaries().combine_chunks() for name in names]
columns = [c.chunk(0) if isinstance(c, pa.ChunkedArray) else c for c in columns]
codes = [c.indices.to_numpy() for c in columns]
users, items = (c.dictionary for c in columns)
matrix = sp.csr_matrix((np.ones(len(codes[0]), np.float32), codes), shape=[len(users), len(items)])
model = AlternatingLeastSquares(factors=64, iterations=10, regularization=0.01, alpha=1.0, num_threads=2, random_state=1)
model.fit(matrix, show_progress=False)
found, scores = model.recommend(np.arange(len(users)), matrix, N=10, filter_already_liked_items=True)
user = np.repeat(np.arange(len(users)), found.shape[1])
rank = np.tile(np.arange(1, found.shape[1] + 1, dtype=np.int32), len(users))
lists = {"user_id": users.take(pa.array(user)), "rank": rank, "item_id": items.take(pa.array(found.ravel()))}
pq.write_table(pa.table(lists | {"score": scores.ravel().astype(np.float64)}), out + ".parquet")
"""

_MLLIB = """
import sys
from pyspark.ml.recommendation import ALS
from pyspark.sql import Window, functions as F
from repertoire.session import start_session
from repertoire.settings import SparkSettings
log, out = sys.argv[1:]
spark = start_session(SparkSettings(driver_memory="8g", shuffle_partitions=8), app="mllib")
pairs = spark.read.parquet(log).select("user_id", "item_id")
def ranks(name):
    order = Window.orderBy(name)
    return pairs.select(name).distinct().select(name, (F.row_number().over(order) - 1).alias(name[:4]))
users, items = ranks("user_id"), ranks("item_id")
pairs.join(users, "user_id").join(items, "item_id").select("user", "item").write.parquet(out + "/pairs")
coded = spark.read.parquet(out + "/pairs")
als = ALS(userCol="user", itemCol="item", ratingCol="one", implicitPrefs=True, rank=64, maxIter=10, regParam=0.1, seed=1)
spark.sparkContext.setCheckpointDir(out + "/checkpoints")
model = als.fit(coded.withColumn("one", F.lit(1.0)))
flat = model.recommendForAllUsers(110).select("user", F.explode("recommendations").alias("one"))
rows = flat.select("user", "one.item", F.col("one.rating").alias("score")).join(coded, ["user", "item"], "left_anti")
order = Window.partitionBy("user").orderBy(F.desc("score"), "item")
lists = rows.withColumn("rank", F.row_number().over(order)).where("rank <= 10")
lists.join(users, "user").join(items, "item").select("user_id", "rank", "item_id", "score").write.parquet(out + "/lists")
"""


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("size", choices=SIZES)
    parser.add_argument("--peers", type=Path, default=Path(".cache/peers/bin/python"))
    parser.add_argument("--engines", default="ials,implicit,mllib")
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--data", type=Path, help="a folder of generated_pairs.py, to be made if it is not there")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as scratch:
        data = given.data or Path(scratch, "data")
        if not data.exists():
            print(f"{generate(SIZES[given.size], data):,} pairs", file=sys.stderr)
        log = Path(scratch, "log")
        log.mkdir()
        for file in sorted(data.glob("*.parquet")):
            pq.write_table(pq.read_table(file, columns=["user_id", "item_id"]), log / file.name, compression="zstd")
        runs: dict[str, list[tuple[float, float]]] = {engine: [] for engine in given.engines.split(",")}
        for repeat in range(given.repeats):
            for engine, found in runs.items():
                with tempfile.TemporaryDirectory(dir=scratch) as out:
                    found.append(measured(command(engine, str(log), f"{out}/lists", given.peers)))
                print(f"{repeat + 1}/{given.repeats} {engine}: {found[-1][0]:.1f} s", file=sys.stderr, flush=True)
    medians = {engine: [statistics.median(part) for part in zip(*found, strict=True)] for engine, found in runs.items()}
    base = next(iter(medians.values()))[0]
    print(f"{given.size}, rank 64, 10 iterations, top 10, medians of {given.repeats}")
    print(f"{'':10}{'seconds':>9}{'×':>7}{'MiB':>8}")
    for engine, (seconds, mebibytes) in medians.items():
        print(f"{engine:10}{seconds:9.1f}{seconds / base:7.2f}{mebibytes:8.0f}")
    print(json.dumps({"size": given.size, "runs": runs}))
    return 0


def command(engine: str, log: str, out: str, peers: Path) -> list[str]:
    if engine == "implicit":
        return [str(peers), "-c", _IMPLICIT, log, out]
    if engine == "mllib":
        return [sys.executable, "-c", _MLLIB, log, out]
    options = ["--model", engine, "--top-k", "10", "--set", f"candidates.{engine}.iterations=10"]
    options += ["--set", f"candidates.{engine}.rank=64"]
    return [str(Path(sys.executable).with_name("repertoire")), "recommend", log, "--out", out, *options]


def measured(words: list[str]) -> tuple[float, float]:
    """Seconds, and the peak of memory in MiB of the process and all that it starts."""
    environment = {**os.environ, "OPENBLAS_NUM_THREADS": "1", "PYTHONPATH": str(HERE.parent / "lib")}
    if words[0] != sys.executable:
        environment.pop("PYTHONPATH")
    began = time.perf_counter()
    with subprocess.Popen(words, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, env=environment) as process:
        memory = PeakMemory(process.pid)
        _, errors = process.communicate()
        memory.stop()
    if process.returncode:
        raise SystemExit(f"{words[0]} ended with {process.returncode}: {errors.decode()[-2000:]}")
    return time.perf_counter() - began, memory.peak / 2**20


if __name__ == "__main__":
    sys.exit(main())

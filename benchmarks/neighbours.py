"""Item neighbours beside `implicit`'s, from the same Parquet, and the lists of user_knn: seconds and memory.

    .venv/bin/python benchmarks/neighbours.py S20 [--engines item_knn,implicit,user_knn] [--repeats 3] [--neighbors 100]

Cosine, the same number of neighbours, two threads, each engine in a process of its own, in turn. item_knn: from the Parquet
folder to its model as Parquet; implicit: from the folder (read by pyarrow) to its similarities in memory; user_knn: from the
folder to ten items for every user as Parquet. The start of the JVM is not counted, what is compiled or warmed up is.
Prints a table and one line of JSON; needs `implicit`, which set-up installs for the tests.
"""

import argparse
import datetime as dt
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from generated_pairs import SIZES, generate
from peak_memory import PeakMemory

HERE = Path(__file__).resolve().parent
K = 10


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("size", choices=SIZES)
    parser.add_argument("--engines", default="item_knn,implicit,user_knn")
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--neighbors", type=int, default=100)
    parser.add_argument("--data", type=Path, help="a folder of generated_pairs.py, to be made if it is not there")
    parser.add_argument("--one", help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.one:
        print(json.dumps({"seconds": of_implicit(given) if given.one == "implicit" else of_spark(given)}))
        return 0
    with tempfile.TemporaryDirectory() as scratch:
        given.data = given.data or Path(scratch, given.size)
        if not given.data.exists():
            print(f"{generate(SIZES[given.size], given.data):,} pairs", file=sys.stderr)
        runs: dict[str, list[dict[str, float]]] = {engine: [] for engine in given.engines.split(",")}
        for repeat in range(given.repeats):
            for engine, found in runs.items():
                found.append(measured(engine, given))
                print(f"{repeat + 1}/{given.repeats} {engine}: {found[-1]}", file=sys.stderr, flush=True)
    medians = {
        engine: {key: statistics.median(run[key] for run in found) for key in found[0]}
        for engine, found in runs.items()
    }
    for engine, row in medians.items():
        times = f"{row['seconds'] / medians['implicit']['seconds']:8.2f} x" if "implicit" in medians else ""
        print(f"{engine:10s} {row['seconds']:9.1f} s {row['MiB']:9,.0f} MiB {times}")
    print(json.dumps({"size": given.size, "neighbors": given.neighbors, "repeats": given.repeats, **medians}))
    return 0


def measured(engine: str, given: argparse.Namespace) -> dict[str, float]:
    """One run in a process of its own: its seconds, and the peak memory of it and all that it starts."""
    command = [sys.executable, __file__, given.size, "--one", engine, "--data", str(given.data)]
    command += ["--neighbors", str(given.neighbors)]
    environment = {**os.environ, "PYTHONPATH": str(HERE.parent / "lib"), "OPENBLAS_NUM_THREADS": "1"}
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=environment) as process:
        memory = PeakMemory(process.pid)
        out, _ = process.communicate()
        memory.stop()
    if process.returncode:
        raise SystemExit(f"{engine} ended with {process.returncode}")
    return json.loads(out.splitlines()[-1]) | {"MiB": memory.peak / 2**20}


def of_implicit(given: argparse.Namespace) -> float:
    """Seconds of implicit's CosineRecommender, the reading by pyarrow included."""
    import numpy as np
    import pyarrow as pa
    import pyarrow.parquet as pq
    from implicit.nearest_neighbours import CosineRecommender
    from scipy.sparse import csr_matrix

    began, names = time.perf_counter(), ["user_id", "item_id"]
    table = pq.read_table(given.data, columns=names, read_dictionary=names)
    whole = [table.column(name).unify_dictionaries().combine_chunks() for name in names]
    columns: list[Any] = [column.chunk(0) if isinstance(column, pa.ChunkedArray) else column for column in whole]
    users, items = (column.indices.to_numpy() for column in columns)
    shape = [len(column.dictionary) for column in columns]
    model = CosineRecommender(K=given.neighbors, num_threads=2)
    model.fit(csr_matrix((np.ones(len(users)), (users, items)), shape=shape), show_progress=False)
    return time.perf_counter() - began


def of_spark(given: argparse.Namespace) -> float:
    """Seconds of item_knn's fit, or of user_knn's lists for everybody."""
    from repertoire.candidates.recommender import Fitting, Request
    from repertoire.candidates.registry import recommender
    from repertoire.session import start_session
    from repertoire.settings import CandidateSettings, ItemKnnSettings, SparkSettings

    spark = start_session(SparkSettings(driver_memory="4g", shuffle_partitions=4), app="benchmark")
    pairs, model = spark.read.parquet(str(given.data)), recommender(given.one)
    knn = ItemKnnSettings(neighbors=given.neighbors, user_exponent=0, shrink=0)
    settings = CandidateSettings(item_knn=knn, explain=False)
    with tempfile.TemporaryDirectory() as scratch:
        began = time.perf_counter()
        fitting = Fitting(spark, pairs, None, None, dt.date(2026, 1, 1), 1, scratch, settings)
        fitted = model.fit(fitting)
        if given.one == "item_knn":
            [frame] = fitted.tables.values()
        else:
            users = pairs.select("user_id").distinct()
            frame = model.propose(fitted, Request(spark, users, pairs, None, K, settings))
        frame.write.parquet(f"{scratch}/out")
        seconds = time.perf_counter() - began
    spark.stop()
    return seconds


if __name__ == "__main__":
    sys.exit(main())

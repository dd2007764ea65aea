"""Implicit ALS beside MLlib and implicit, from the same Parquet: seconds by phase, and memory.

    python3.11 -m venv .cache/peers && .cache/peers/bin/pip install -r benchmarks/peers.txt
    .venv/bin/python benchmarks/ials.py S20 --peers .cache/peers/bin/python [--repeats 3] [--engines ials,implicit,mllib]

Rank 64, 15 iterations (--mllib-iterations: MLlib's seconds for an iteration come from fewer), each engine in a process of its
own, in turn. `prepare` is all from the Parquet folder to what is fitted on; `fit` the alternations; `all` from the call to
the factors (for Spark: written as Parquet), without the start of the JVM. Prints a table and one line of JSON.
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
from typing import Any

from generated_pairs import SIZES, generate
from peak_memory import PeakMemory

RANK, ITERATIONS = 64, 15
HERE = Path(__file__).resolve().parent

_IMPLICIT = """
import json, sys, time
import numpy as np, pyarrow as pa, pyarrow.parquet as pq, scipy.sparse as sp
from implicit.als import AlternatingLeastSquares
folder, iterations = sys.argv[1], int(sys.argv[2])
began = time.perf_counter()
names = ["user_id", "item_id"]
table = pq.read_table(folder, columns=[*names, "strength"], read_dictionary=names)
columns = [table.column(name).unify_dictionaries().combine_chunks() for name in names]
columns = [c.chunk(0) if isinstance(c, pa.ChunkedArray) else c for c in columns]
codes = [c.indices.to_numpy() for c in columns]
values = table.column("strength").to_numpy().astype(np.float32)
matrix = sp.csr_matrix((values, codes), shape=[len(c.dictionary) for c in columns])
prepared = time.perf_counter()
model = AlternatingLeastSquares(factors=64, iterations=iterations, regularization=0.01, alpha=1.0, num_threads=2, random_state=1)
model.fit(matrix, show_progress=False)
done = time.perf_counter()
print(json.dumps({"prepare": prepared - began, "fit": done - prepared, "all": done - began}))
"""


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("size", choices=SIZES)
    parser.add_argument("--peers", type=Path, default=Path(".cache/peers/bin/python"))
    parser.add_argument("--engines", default="ials,implicit,mllib")
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--mllib-iterations", type=int, default=ITERATIONS)
    parser.add_argument("--data", type=Path, help="a folder of generated_pairs.py, to be made if it is not there")
    parser.add_argument("--set", action="append", default=[], dest="settings", help="of candidates.ials: KEY=VALUE")
    parser.add_argument("--one", help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.one:
        print(json.dumps(spark_engine(given)))
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
    show(runs, given)
    return 0


def measured(engine: str, given: argparse.Namespace) -> dict[str, float]:
    """One run in a process of its own: seconds by phase, peak memory of it and all that it starts."""
    if engine == "implicit":
        command = [str(given.peers), "-c", _IMPLICIT, str(given.data), str(ITERATIONS)]
        environment = {**os.environ, "OPENBLAS_NUM_THREADS": "1"}
    else:
        settings = [word for text in given.settings for word in ("--set", text)]
        command = [sys.executable, __file__, given.size, "--one", engine, "--data", str(given.data), *settings]
        command += ["--mllib-iterations", str(given.mllib_iterations)]
        environment = {**os.environ, "PYTHONPATH": str(HERE.parent / "lib")}
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=environment) as process:
        memory = PeakMemory(process.pid)
        out, _ = process.communicate()
        memory.stop()
    if process.returncode:
        raise SystemExit(f"{engine} ended with {process.returncode}")
    found: dict[str, float] = json.loads(out.splitlines()[-1])
    return found | {"MiB": memory.peak / 2**20}


def spark_engine(given: argparse.Namespace) -> dict[str, float]:
    """`fit` of ours or MLlib's ALS through ours, factors written as Parquet; the fit alone by what one less iteration takes."""
    import datetime as dt

    from repertoire.candidates.recommender import Fitting
    from repertoire.candidates.registry import recommender
    from repertoire.session import start_session
    from repertoire.settings import AlsSettings, CandidateSettings, IalsSettings, SparkSettings

    spark = start_session(SparkSettings(driver_memory="8g", shuffle_partitions=4), app="benchmark")
    pairs = spark.read.parquet(str(given.data))

    def seconds(iterations: int) -> float:
        own = dict(text.split("=", 1) for text in given.settings)
        settings = CandidateSettings(
            als=AlsSettings(rank=RANK, iterations=iterations),
            ials=IalsSettings.model_validate({"rank": RANK, "iterations": iterations, **own}),
        )
        with tempfile.TemporaryDirectory() as scratch:
            began = time.perf_counter()
            name = "als" if given.one == "mllib" else given.one
            model = recommender(name).fit(Fitting(spark, pairs, None, None, dt.date(2026, 1, 1), 1, scratch, settings))
            for table, frame in model.tables.items():
                frame.write.parquet(f"{scratch}/out/{table}")
            return time.perf_counter() - began

    seconds_of_one = seconds(1)  # warms up as well
    iterations = given.mllib_iterations if given.one == "mllib" else ITERATIONS
    again, everything = seconds(1), seconds(iterations)
    spark.stop()
    an_iteration = (everything - again) / (iterations - 1)
    return {
        "first": seconds_of_one,
        "prepare": again - an_iteration,
        "fit": an_iteration * ITERATIONS,
        "all": again + an_iteration * (ITERATIONS - 1),
    }


def show(runs: dict[str, list[dict[str, float]]], given: argparse.Namespace) -> None:
    medians: dict[str, Any] = {
        engine: {key: statistics.median(run[key] for run in found) for key in found[0]}
        for engine, found in runs.items()
    }
    base = next(iter(medians.values()))
    print(f"{given.size}, rank {RANK}, {ITERATIONS} iterations, medians of {given.repeats}")
    print(f"{'':10}{'prepare':>9}{'fit':>9}{'an it.':>9}{'all':>9}{'MiB':>8}{'fit ×':>8}{'all ×':>8}")
    for engine, row in medians.items():
        print(
            f"{engine:10}{row['prepare']:9.1f}{row['fit']:9.1f}{row['fit'] / ITERATIONS:9.2f}{row['all']:9.1f}{row['MiB']:8.0f}"
            f"{row['fit'] / base['fit']:8.1f}{row['all'] / base['all']:8.1f}"
        )
    print(json.dumps({"size": given.size, "runs": runs}))


if __name__ == "__main__":
    sys.exit(main())

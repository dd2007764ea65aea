"""The network that Spark's workers train beside Keras' own `fit` in one process: seconds and AUC, as ratios.

    .venv/bin/python benchmarks/network.py [--rows 32768] [--epochs 30] [--batch-size 256] [--workers 1,2] [--repeats 3]

Generated rows, 30 numbers and two coded columns, a fifth of them held out; the same layers, batch size, epochs and Adam, and
the best epoch's weights in the end. Each run is in a process of its own, with one thread of TensorFlow for each worker. `epochs`
is all epochs, with what TensorFlow compiles in the first; `an epoch` the median one; `all` from the Parquet folder to the bytes
of a .keras file, with the import of TensorFlow, without the start of Spark. Prints a table and one line of JSON.
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

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

WIDTH, LEVELS = 30, (200, 10)
HERE = Path(__file__).resolve().parent
Sample = dict[str, NDArray[Any]]


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", type=int, default=32_768, help="to learn from")
    parser.add_argument("--epochs", type=int, default=30)
    parser.add_argument("--batch-size", type=int, default=256)
    parser.add_argument("--workers", default="1", help="of Spark: a list of numbers")
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--one", nargs=2, metavar=("ENGINE", "FOLDER"), help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.one:
        engine, folder = given.one
        print(json.dumps(by_keras(folder, given) if engine == "keras" else by_spark(folder, given, int(engine))))
        return 0
    runs: dict[str, list[dict[str, float]]] = {engine: [] for engine in ("keras", *given.workers.split(","))}
    with tempfile.TemporaryDirectory() as folder:
        pq.write_table(generated(given.rows * 5 // 4), f"{folder}/rows.parquet", row_group_size=8192)
        for repeat in range(given.repeats):
            for engine, found in runs.items():
                found.append(measured(engine, folder, given))
                print(f"{repeat + 1}/{given.repeats} {engine}: {found[-1]}", file=sys.stderr, flush=True)
    show(runs, given)
    return 0


def generated(rows: int) -> pa.Table:
    random = np.random.default_rng(1)
    numbers = random.normal(size=(rows, WIDTH)).astype(np.float32)
    codes = np.stack([random.integers(1, levels, rows, dtype=np.int32) for levels in LEVELS], 1)
    effects = [random.normal(size=levels)[codes[:, column]] for column, levels in enumerate(LEVELS)]
    logits = 2 * numbers[:, 0] * numbers[:, 1] + np.sin(3 * numbers[:, 2]) + numbers[:, 3] * effects[0] + effects[1]
    return pa.table(
        {
            "numbers": pa.array(list(numbers), pa.list_(pa.float32())),
            "codes": pa.array(list(codes), pa.list_(pa.int32())),
            "label": (random.random(rows) < 1 / (1 + np.exp(-logits))).astype(np.int32),
            "weight": np.ones(rows),
            "held": np.arange(rows) % 5 == 0,
        }
    )


def measured(engine: str, folder: str, given: argparse.Namespace) -> dict[str, float]:
    words = ["--epochs", str(given.epochs), "--batch-size", str(given.batch_size), "--one", engine, folder]
    environment = {**os.environ, "PYTHONPATH": str(HERE.parent / "lib"), "TF_CPP_MIN_LOG_LEVEL": "3"}
    command = [sys.executable, __file__, *words]
    done = subprocess.run(command, capture_output=True, text=True, env=environment)
    if done.returncode:
        raise SystemExit(f"{engine} ended with {done.returncode}: {done.stderr[-2000:]}")
    found: dict[str, float] = json.loads(done.stdout.splitlines()[-1])
    return found


def read(folder: str) -> tuple[Sample, Sample]:
    """The rows to learn from, and those held out."""
    table = pq.read_table(f"{folder}/rows.parquet").combine_chunks()
    columns: Sample = {name: table.column(name).to_numpy() for name in ("label", "weight", "held")}
    for name in ("numbers", "codes"):
        values = table.column(name).combine_chunks().flatten().to_numpy()
        columns[name] = values.reshape(len(table), -1)
    held = columns["held"]
    return {n: c[~held] for n, c in columns.items()}, {n: c[held] for n, c in columns.items()}


def by_keras(folder: str, given: argparse.Namespace) -> dict[str, float]:
    began = time.perf_counter()
    import keras
    import tensorflow as tf
    from sklearn.metrics import roc_auc_score

    from repertoire.learning.network.layers import Layers
    from repertoire.settings.network import NetworkSettings

    tf.config.threading.set_intra_op_parallelism_threads(1)
    tf.config.threading.set_inter_op_parallelism_threads(1)
    keras.utils.set_random_seed(1)
    learnt, held = read(folder)
    model = Layers(WIDTH, LEVELS, 2, NetworkSettings()).model
    model.compile("adam", "binary_crossentropy", weighted_metrics=[])
    ends = [time.perf_counter()]
    best = keras.callbacks.EarlyStopping(patience=given.epochs, restore_best_weights=True)
    clock = keras.callbacks.LambdaCallback(on_epoch_end=lambda *_: ends.append(time.perf_counter()))
    x, y, weight = [{n: rows[n] for n in ("numbers", "codes")} for rows in (learnt, held)], "label", "weight"
    model.fit(
        x[0],
        learnt[y],
        sample_weight=learnt[weight],
        validation_data=(x[1], held[y], held[weight]),
        batch_size=given.batch_size,
        epochs=given.epochs,
        verbose=0,
        callbacks=[clock, best],
    )
    model.save(f"{folder}/keras.keras")
    seconds = time.perf_counter() - began
    auc = roc_auc_score(held[y], model.predict(x[1], batch_size=8192, verbose=0)[:, 0])
    return {
        "epochs": ends[-1] - ends[0],
        "an epoch": float(np.median(np.diff(ends))),
        "all": seconds,
        "auc": float(auc),
    }


def by_spark(folder: str, given: argparse.Namespace, workers: int) -> dict[str, float]:
    from sklearn.metrics import roc_auc_score

    from repertoire.learning.network import fit_network, network_scores
    from repertoire.session import start_session
    from repertoire.settings import SparkSettings
    from repertoire.settings.network import NetworkSettings

    spark = start_session(SparkSettings(master="local[2]", driver_memory="2g"), app="benchmark-network")
    frame = spark.read.parquet(f"{folder}/rows.parquet")
    settings = NetworkSettings(
        epochs=given.epochs, batch_size=given.batch_size, workers=workers, patience=None, threads=1
    )
    with tempfile.TemporaryDirectory() as scratch:
        began = time.perf_counter()
        trained = fit_network(
            frame, levels=LEVELS, classes=2, settings=settings, seed=1, scratch=scratch, say=lambda _: None
        )
        seconds = time.perf_counter() - began
    spark.stop()
    _, held = read(folder)
    auc = roc_auc_score(held["label"], network_scores(trained.keras)(held["numbers"], held["codes"])[:, 1])
    epochs = [epoch.seconds for epoch in trained.history]
    return {"epochs": sum(epochs), "an epoch": statistics.median(epochs), "all": seconds, "auc": float(auc)}


def show(runs: dict[str, list[dict[str, float]]], given: argparse.Namespace) -> None:
    medians = {
        engine: {key: statistics.median(run[key] for run in found) for key in found[0]}
        for engine, found in runs.items()
    }
    base = medians["keras"]
    print(f"{given.rows:,} rows, {given.epochs} epochs, batches of {given.batch_size}, medians of {given.repeats}")
    print(f"{'':10}{'epochs':>9}{'an epoch':>10}{'all':>9}{'AUC':>9}{'epochs ×':>10}{'all ×':>8}{'AUC −':>9}")
    for engine, row in medians.items():
        name = engine if engine == "keras" else f"spark, {engine}"
        times = f"{row['epochs'] / base['epochs']:10.2f}{row['all'] / base['all']:8.2f}{row['auc'] - base['auc']:9.4f}"
        print(f"{name:10}{row['epochs']:9.2f}{row['an epoch']:10.3f}{row['all']:9.2f}{row['auc']:9.4f}{times}")
    print(json.dumps({"rows": given.rows, "epochs": given.epochs, "batch_size": given.batch_size, "runs": runs}))


if __name__ == "__main__":
    sys.exit(main())

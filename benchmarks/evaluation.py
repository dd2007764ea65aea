"""`repertoire evaluate` against pandas + ranx on the same lists and truth, in one run.

    .venv/bin/python benchmarks/evaluation.py [--users 1000000] [--top-k 20] [--repeat 1]

Lists and truth are made from a seed and written as Parquet: every user has top-k items of 50,000 and 1 to 9 relevant
ones, of which some stand in the list. Both sides read these files and give recall, precision, nDCG, hit rate, MRR and
MAP at 5, 10 and 20, ours with intervals. ranx is warmed up on one user, so that its compilation does not count; our
seconds include the start of Spark. Figures that differ by more than 1e-9 fail the benchmark; MAP is left out of that,
since ranx divides by all relevant items and not by those that fit into the list. Memory is the peak of the process and
all that it starts. Prints a table and one line of JSON.
"""

import argparse
import json
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from peak_memory import PeakMemory

K = (5, 10, 20)
NAMES = ("recall", "precision", "ndcg", "hit_rate", "mrr", "map")
ITEMS = 50_000

RANX = """
import json, sys, time, warnings
warnings.filterwarnings("ignore")
import pandas as pd
from ranx import Qrels, Run, evaluate
metrics = [f"{name}@{k}" for name in %(names)r for k in %(k)r]
few = Qrels({"u": {"a": 1}}), Run({"u": {"a": 1.0}})
evaluate(*few, metrics)
began = time.monotonic()
lists, truth = pd.read_parquet(sys.argv[1]), pd.read_parquet(sys.argv[2])
lists["score"], truth["gain"] = -lists["rank"].astype("float64"), 1
run = Run.from_df(lists, q_id_col="user_id", doc_id_col="item_id", score_col="score")
qrels = Qrels.from_df(truth, q_id_col="user_id", doc_id_col="item_id", score_col="gain")
found = evaluate(qrels, run, metrics, make_comparable=True)
print(json.dumps({"seconds": time.monotonic() - began, "figures": {key: float(value) for key, value in found.items()}}))
"""
OURS = "from repertoire.cli.main import main; main()"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--users", type=int, default=1_000_000)
    parser.add_argument("--top-k", type=int, default=20)
    parser.add_argument("--repeat", type=int, default=1)
    parser.add_argument("--seed", type=int, default=42)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        write(folder, arguments.users, arguments.top_k, arguments.seed)
        files = [str(folder / "lists.parquet"), str(folder / "truth.parquet")]
        sides = {
            "repertoire": [sys.executable, "-c", OURS, "evaluate", *files, "--k", ",".join(map(str, K)), "--json"],
            "pandas + ranx": [sys.executable, "-c", RANX % {"names": NAMES, "k": K}, *files],
        }
        runs: dict[str, list[dict[str, Any]]] = {side: [] for side in sides}
        for _ in range(arguments.repeat):
            for side, command in sides.items():
                runs[side].append(measured(command))
                print(f"{side}: {runs[side][-1]['seconds']:.1f} s, {runs[side][-1]['mebibytes']:,.0f} MiB", flush=True)
    compare(*(of[0]["figures"] for of in runs.values()))
    result = {
        side: {what: round(statistics.median(run[what] for run in of), 1) for what in ("seconds", "mebibytes")}
        for side, of in runs.items()
    }
    ours, theirs = result.values()
    ratios = {what: round(theirs[what] / ours[what], 2) for what in ours}
    print(f"{arguments.users:,} users x {arguments.top_k}: {result}; ranx over ours: {ratios}")
    print(json.dumps({"users": arguments.users, "top_k": arguments.top_k, **result, "ranx_over_ours": ratios}))


def measured(command: list[str]) -> dict[str, Any]:
    """Seconds (what the command itself says, else of the whole process), peak MiB and figures of one run."""
    began = time.monotonic()
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    memory = PeakMemory(process.pid)
    output, _ = process.communicate()
    memory.stop()
    seconds = time.monotonic() - began
    if process.returncode:
        raise SystemExit(f"{command[3:]} failed with {process.returncode}")
    found = json.loads(output)
    if "measurements" in found:
        figures = {f"{one['metric']}@{one['k']}": one["value"] for one in found["measurements"]}
    else:
        figures, seconds = found["figures"], found["seconds"]
    return {"seconds": seconds, "mebibytes": memory.peak / 2**20, "figures": figures}


def compare(ours: dict[str, float], theirs: dict[str, float]) -> None:
    """Raises SystemExit where the two do not mean the same."""
    for key, value in theirs.items():
        if not key.startswith("map") and abs(ours[key] - value) > 1e-9:
            raise SystemExit(f"{key}: ours {ours[key]}, ranx {value}")


def write(folder: Path, users: int, top_k: int, seed: int) -> None:
    """lists.parquet and truth.parquet."""
    random = np.random.default_rng(seed)
    user = np.repeat(np.arange(users), top_k)
    # No item twice in a list: a start and odd steps through the catalogue, whose size is no multiple of them.
    start, step = random.integers(0, ITEMS, users), 2 * random.integers(1, 100, users) + 1
    place = np.tile(np.arange(top_k), users)
    item = (np.repeat(start, top_k) + np.repeat(step, top_k) * place) % ITEMS
    pq.write_table(
        pa.table({"user_id": _ids("u", user), "item_id": _ids("i", item), "rank": pa.array(place + 1, pa.int32())}),
        folder / "lists.parquet",
    )
    relevant = random.integers(1, 10, users)
    who = np.repeat(np.arange(users), relevant)
    # Places 0, 3, 6, … of the list and beyond it: the n-th relevant item is the 3 n-th of the user's steps.
    nth = np.arange(len(who)) - np.repeat(np.cumsum(relevant) - relevant, relevant)
    what = (start[who] + step[who] * (nth * 3 + random.integers(0, 3, users)[who] + 6 * (who % 4))) % ITEMS
    pairs = np.unique(np.stack([who, what]), axis=1)
    pq.write_table(pa.table({"user_id": _ids("u", pairs[0]), "item_id": _ids("i", pairs[1])}), folder / "truth.parquet")


def _ids(prefix: str, numbers: np.ndarray) -> pa.Array:
    return pc.binary_join_element_wise(prefix, pa.array(numbers).cast("string"), "")


if __name__ == "__main__":
    main()

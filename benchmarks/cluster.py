"""The whole job on YARN: seconds by stage beside local mode, and the memory that executors took.

    eval "$(scripts/cluster.sh env)"            # of a cluster that is up
    .venv/bin/python benchmarks/cluster.py --log ../shared/data/ml-1m --run-date 2003-03-01      # local and YARN in turn
    .venv/bin/python benchmarks/cluster.py --events 20000000 --yarn-only --set candidates.als.iterations=2

The log is a folder or file that the command can read, or is generated: events over 30 days, of one user for each hundred and
one item for each thousand events, both with popularity falling as a power. YARN gets two executors of --executor-memory heap
with --overhead beside it. Memory is what Spark's own samples say (table stage_costs); an executor that YARN or the kernel
ended shows in the history server. Prints a table and one line of JSON.
"""

import argparse
import datetime as dt
import json
import os
import subprocess
import sys
import tempfile
import time
import urllib.request
import uuid
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from repertoire.pipeline.ledger import Ledger
from repertoire.store import open_warehouse
from repertoire.tables import STAGE_COSTS

ROOT = Path(__file__).resolve().parents[1]
DAYS = 30
LAST_DAY = dt.date(2026, 3, 1)
TYPES = ("view", "click", "cart", "purchase", "play")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    what = parser.add_mutually_exclusive_group(required=True)
    what.add_argument("--log", type=Path)
    what.add_argument("--events", type=int)
    parser.add_argument("--run-date", type=dt.date.fromisoformat, default=LAST_DAY)
    parser.add_argument("--executor-memory", default="2g")
    parser.add_argument("--overhead", default="1g")
    parser.add_argument("--executor-cores", default="1")
    parser.add_argument("--driver-memory", default="3g")
    parser.add_argument("--yarn-only", action="store_true")
    parser.add_argument("--set", action="append", default=[], dest="settings")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as scratch:
        log = given.log or generate(Path(scratch, "events"), given.events)
        results: dict[str, Any] = {"log": str(given.log or f"{given.events:,} generated events")}
        if not given.yarn_only:
            results["local"] = local(log, given, Path(scratch, "warehouse"))
        results["yarn"] = yarn(log, given)
    show(results)
    print(json.dumps(results))


def generate(folder: Path, events: int, seed: int = 42) -> Path:
    """A Parquet file a day, in the order of time."""
    random = np.random.default_rng(seed)
    users, items = max(events // 100, 10), max(events // 1000, 10)
    folder.mkdir(parents=True)
    first = LAST_DAY - dt.timedelta(days=DAYS - 1)
    for day in range(DAYS):
        count = events // DAYS + (day < events % DAYS)
        start = int(dt.datetime.combine(first, dt.time(), dt.UTC).timestamp() + day * 86400) * 1_000_000
        rows = {
            "user_id": pa.array(_power(random, users, count, 0.5)).cast(pa.string()),
            "item_id": pa.array(_power(random, items, count, 0.7)).cast(pa.string()),
            "event_type": pa.DictionaryArray.from_arrays(random.integers(0, len(TYPES), count, np.int8), list(TYPES)),
            "event_ts": pa.array(
                np.sort(random.integers(start, start + 86_400_000_000, count)), pa.timestamp("us", "UTC")
            ),
        }
        pq.write_table(pa.table(rows), folder / f"{first + dt.timedelta(days=day)}.parquet")
    return folder


def _power(random: np.random.Generator, size: int, count: int, skew: float) -> np.ndarray[Any, Any]:
    """Numbers below `size`, the low ones more often: density falls as rank to the power of -skew."""
    return np.asarray(size * random.random(count) ** (1 / (1 - skew)), np.int64)


def local(log: Path, given: argparse.Namespace, warehouse: Path) -> dict[str, Any]:
    own = [f"ingest.events={log}", f"run.warehouse={warehouse}", *given.settings]
    command = [
        str(Path(sys.executable).with_name("repertoire")),
        "run",
        "--run-date",
        str(given.run_date),
        "--env",
        "local",
    ]
    return measured([*command, *_set(own)], str(warehouse), given.run_date)


def yarn(log: Path, given: argparse.Namespace) -> dict[str, Any]:
    place = f"/benchmark-{uuid.uuid4().hex[:8]}"
    hadoop("-put", str(log), place)
    sizes = {
        "spark.executor.memory": given.executor_memory,
        "spark.executor.memoryOverhead": given.overhead,
        "spark.executor.cores": given.executor_cores,
        "spark.executor.instances": "2",
        "spark.driver.memory": given.driver_memory,
        "spark.dynamicAllocation.enabled": "false",
    }
    conf = [word for key, value in sizes.items() for word in ("--conf", f"{key}={value}")]
    own = [f"ingest.events=hdfs://{place}", f"run.warehouse=hdfs://{place}-warehouse", "spark.shuffle_partitions=8"]
    command = [str(ROOT / "scripts" / "submit.sh"), "run_pipeline", *conf, "--run-date", str(given.run_date)]
    subprocess.run([str(ROOT / "scripts" / "package.sh"), "--upload"], check=True, stdout=sys.stderr)
    found = measured(
        [*command, "--env", "cluster", *_set([*own, *given.settings])], own[1].split("=")[1], given.run_date
    )
    found |= {"executor_memory": given.executor_memory, "overhead": given.overhead, "lost": lost(found["application"])}
    hadoop("-rm", "-r", "-skipTrash", place, f"{place}-warehouse")
    return found


def measured(command: list[str], warehouse: str, day: dt.date) -> dict[str, Any]:
    began = time.monotonic()
    done = subprocess.run(command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False)
    seconds = time.monotonic() - began
    if done.returncode not in (0, 3):  # a gate that refuses lists of random events has measured them all the same
        raise SystemExit(done.stdout[-5000:])
    opened = open_warehouse(warehouse)
    costs = {row["stage"]: row for row in opened.tables.rows(STAGE_COSTS, where=[("run_date", "=", day)]).to_pylist()}
    stages = {entry.stage: entry.seconds for entry in Ledger(opened, day).entries()}
    kept = (
        "executor_heap_bytes",
        "executor_python_bytes",
        "executor_rss_bytes",
        "executor_limit_bytes",
        "driver_heap_bytes",
    )
    memory = {
        name: {key: row[key] for key in kept} | {"failed_tasks": row["failed_tasks"]} for name, row in costs.items()
    }
    application = next(iter(costs.values()))["application_id"]
    return {"seconds": seconds, "stages": stages, "memory": memory, "application": application}


def lost(application: str) -> list[str]:
    """Why executors ended before the application did, from the history server."""
    api = f"{os.environ['REPERTOIRE_HISTORY']}/api/v1/applications/{application}"
    for _ in range(30):
        try:
            with urllib.request.urlopen(f"{api}/allexecutors") as reply:
                executors = json.load(reply)
            return [executor["removeReason"] for executor in executors if executor.get("removeReason")]
        except OSError:
            time.sleep(2)  # it looks for new logs every few seconds
    return ["the history server does not know the application"]


def hadoop(*arguments: str) -> None:
    subprocess.run([str(ROOT / "scripts" / "hadoop-fs.sh"), *arguments], check=True, stderr=subprocess.DEVNULL)


def _set(settings: list[str]) -> list[str]:
    return [word for text in settings for word in ("--set", text)]


def show(results: dict[str, Any]) -> None:
    modes = [mode for mode in ("local", "yarn") if mode in results]
    print(f"{results['log']}: " + ", ".join(f"{mode} {results[mode]['seconds']:.0f} s in all" for mode in modes))
    yarn_run = results["yarn"]
    print(
        f"{'stage':26}"
        + "".join(f"{mode + ' s':>10}" for mode in modes)
        + f"{'heap':>9}{'Python':>9}{'RSS':>9}{'limit':>9}  MiB"
    )
    for stage in yarn_run["stages"]:
        row = yarn_run["memory"].get(stage, {})
        cells = [results[mode]["stages"].get(stage) for mode in modes]
        peaks = [row.get(f"executor_{name}_bytes") for name in ("heap", "python", "rss", "limit")]
        print(
            f"{stage:26}"
            + "".join(f"{cell:10.1f}" for cell in cells)
            + "".join(f"{'-' if peak is None else round(peak / 2**20):>9}" for peak in peaks)
        )
    print(
        f"executors of {yarn_run['executor_memory']} + {yarn_run['overhead']}; ended early: {yarn_run['lost'] or 'none'}"
    )


if __name__ == "__main__":
    main()

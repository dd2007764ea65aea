"""Seconds and Spark jobs by stage, and peak memory, of `repertoire recommend` on public data.

    .venv/bin/python benchmarks/recommend.py ../shared/data/ml-100k ../shared/data/ml-1m [--repeat 3] [-- --model ials …]

Each argument is a log that the command can read; one that is not there is left out, with a word. What follows -- are options of
the command. Memory is the largest sum of the proportional set sizes of the command, its JVM and its Python workers, looked at
five times a second.
"""

import argparse
import json
import re
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from peak_memory import PeakMemory

_STAGE = re.compile(r"^(\w+): done.*?([\d.]+) s, (\d+) Spark jobs$")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("logs", nargs="+", type=Path)
    parser.add_argument("--repeat", type=int, default=3)
    words = sys.argv[1:]
    end = words.index("--") if "--" in words else len(words)
    given, options = parser.parse_args(words[:end]), words[end + 1 :]
    results = []
    for log in given.logs:
        if not log.exists():
            print(f"{log}: not there, left out", file=sys.stderr)
            continue
        results.append(_summary(log, [_measure(log, options) for _ in range(given.repeat)]))
        _print(results[-1])
    print(json.dumps(results))


def _measure(log: Path, options: list[str]) -> dict[str, Any]:
    """One run: seconds in all, and by stage; Spark jobs by stage; peak memory in MiB."""
    repertoire = Path(sys.executable).with_name("repertoire")
    folder = Path(tempfile.mkdtemp(prefix="repertoire-benchmark-"))
    began = time.monotonic()
    process = subprocess.Popen(
        [repertoire, "recommend", log, "--out", folder / "out", *options],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    memory = PeakMemory(process.pid)
    try:
        output, _ = process.communicate()
    finally:
        memory.stop()
        shutil.rmtree(folder, ignore_errors=True)
    if process.returncode:
        raise SystemExit(output)
    stages = {
        found[1]: (float(found[2]), int(found[3])) for line in output.splitlines() if (found := _STAGE.match(line))
    }
    return {"seconds": time.monotonic() - began, "stages": stages, "mebibytes": memory.peak / 2**20}


def _summary(log: Path, runs: list[dict[str, Any]]) -> dict[str, Any]:
    """Medians over the runs."""
    stages = {
        name: {
            "seconds": statistics.median(run["stages"][name][0] for run in runs),
            "spark_jobs": statistics.median(run["stages"][name][1] for run in runs),
        }
        for name in runs[0]["stages"]
    }
    seconds = statistics.median(run["seconds"] for run in runs)
    return {
        "log": log.name,
        "runs": len(runs),
        "seconds": round(seconds, 1),
        "outside_stages": round(seconds - sum(stage["seconds"] for stage in stages.values()), 1),
        "mebibytes": round(statistics.median(run["mebibytes"] for run in runs)),
        "stages": stages,
    }


def _print(result: dict[str, Any]) -> None:
    print(f"\n{result['log']}, medians of {result['runs']} runs")
    for name, stage in result["stages"].items():
        print(f"  {name:24} {stage['seconds']:7.1f} s  {stage['spark_jobs']:4.0f} Spark jobs")
    print(f"  {'start-up and writing':24} {result['outside_stages']:7.1f} s")
    print(f"  {'in all':24} {result['seconds']:7.1f} s  {result['mebibytes']:,} MiB at most")


if __name__ == "__main__":
    main()

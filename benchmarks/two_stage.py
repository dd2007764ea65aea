"""Two stages beside their sources and the blend: nDCG@10 at rolling cutoffs, all windows together, with a paired test.

    .venv/bin/python benchmarks/two_stage.py LOG [--items CATALOGUE] [--days 14] [--windows 3] [--set KEY=VALUE]

Prints a line a model: nDCG@10 with its interval, and what two stages gain on it. Seconds are of the whole comparison.
"""

import argparse
import json
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

from repertoire.settings import load_settings
from repertoire.vocabulary import BLEND, TWO_STAGE


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("log")
    parser.add_argument("--items")
    parser.add_argument("--days", type=int, default=14)
    parser.add_argument("--windows", type=int, default=3)
    parser.add_argument("--set", action="append", default=[], metavar="KEY=VALUE")
    options = parser.parse_args()
    models = [TWO_STAGE, BLEND, *load_settings(overrides=options.set).ranking.ranker.sources]
    command = [
        str(Path(sys.executable).with_name("repertoire")),
        "backtest",
        options.log,
        "--split",
        "global_time",
        "--json",
    ]
    command += ["--days", str(options.days), "--windows", str(options.windows), "--k", "10"]
    command += ["--items", options.items] if options.items else []
    for name in models:
        command += ["--model", name]
        command += ["--against", name] if name != TWO_STAGE else []
    for text in options.set:
        command += ["--set", text]
    clock = time.monotonic()
    done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True)
    seconds = time.monotonic() - clock
    results: list[dict[str, Any]] = json.loads(done.stdout)
    for result in results:
        found = {
            one["model"]: one
            for one in result["measurements"]
            if (one["metric"], one["k"], one["segment"]) == ("ndcg", 10, None)
        }
        users = max(one["users"] for one in found.values()) if found else 0
        print(f"{result['split']}: {users:,} users")
        for name in (*models, "popular"):
            if name not in found:
                continue
            own, gain = found[name], found.get(f"{TWO_STAGE} - {name}")
            line = f"  {name:14} {own['value']:.4f} [{own['low']:.4f}, {own['high']:.4f}]"
            if gain:
                ratio = gain["value"] / own["value"] if own["value"] else float("inf")
                bounds = f"[{gain['low']:+.4f}, {gain['high']:+.4f}]"
                line += f"   gain {gain['value']:+.4f} {bounds}, {ratio:+.0%}, p {gain['p_value']:.3g}"
            print(line)
    print(f"{seconds:,.0f} s")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())

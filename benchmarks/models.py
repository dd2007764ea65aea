"""Every candidate model on public data, by a judge apart from the product: quality, seconds and memory, into docs/models.md.

    .venv/bin/python benchmarks/models.py --judge ../shared/acceptance/accept.py [--models ease] [--sets ml-100k] [--set K=V]

The judge is a script that runs `repertoire recommend` on a set and prints its metrics; without it this one has nothing to do.
Each run is a process of its own, with default settings unless --set says otherwise. Models named implicit-… are a peer's
(implicit_recommend.py). What was measured before and is not asked
for again stays: results are kept in docs/models.json, from which the table in docs/models.md is written between its two marks.
"""

import argparse
import datetime as dt
import json
import os
import re
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

from peak_memory import PeakMemory

ROOT = Path(__file__).resolve().parents[1]
KEPT, PAGE = ROOT / "docs" / "models.json", ROOT / "docs" / "models.md"
BEGIN, END = "<!-- measured -->", "<!-- end -->"
SETS = {
    "ml-100k": ("ndcg@10", "graded_ndcg@10"),
    "lastfm-hetrec2011": ("ndcg@10", "graded_ndcg@10"),
    "ml-1m-anelli2022": ("ndcg@10", "recall@10"),
    "ml-1m-m1": ("recall@20", "ndcg@20"),
    "gowalla-lightgcn": ("recall@20", "ndcg@20"),
    "taobao-ehcf": ("hr@10", "ndcg@10"),
}
MODELS = (
    "popular",
    "als",
    "ials",
    "item_knn",
    "user_knn",
    "ease",
    "slim",
    "rp3beta",
    "graph_filter",
    "sequential",
    "multi",
    "blend",
    "implicit-als",
    "implicit-bpr",
    "implicit-cosine",
    "implicit-tfidf",
    "implicit-bm25",
)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--judge", type=Path, required=True)
    parser.add_argument("--models", default=",".join(MODELS))
    parser.add_argument("--sets", default=",".join(SETS))
    parser.add_argument("--folds", default="0", help="of ml-1m-anelli2022")
    parser.add_argument("--set", action="append", default=[], dest="settings")
    given = parser.parse_args()
    if not given.judge.exists():
        print(f"skipped: there is no {given.judge}")
        return 0
    rows: dict[str, dict[str, Any]] = json.loads(KEPT.read_text()) if KEPT.exists() else {}
    for name in given.sets.split(","):
        for model in given.models.split(","):
            rows.setdefault(name, {})[model] = measured(given, name, model)
            print(f"{name} {model}: {rows[name][model]}", file=sys.stderr, flush=True)
            KEPT.write_text(json.dumps(rows, indent=1, sort_keys=True) + "\n")
            before, _, rest = PAGE.read_text().partition(BEGIN)
            PAGE.write_text(f"{before}{BEGIN}\n\n{table(rows)}\n{END}{rest.partition(END)[2]}")
    return 0


def measured(given: argparse.Namespace, name: str, model: str) -> dict[str, Any]:
    """The judge's figures, the command's seconds, and the peak memory in MiB."""
    command = [sys.executable, str(given.judge), "recommend", name, "--model", model]
    folds = given.folds if "anelli" in name else "0"
    command += ["--folds", folds]
    command += [word for setting in given.settings for word in ("--set", setting)]
    product = str(Path(sys.executable).with_name("repertoire"))
    if model.startswith("implicit-"):
        product = f"{sys.executable} {Path(__file__).with_name('implicit_recommend.py')}"
    environment = {**os.environ, "REPERTOIRE": product}
    began = time.monotonic()
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, env=environment)
    memory = PeakMemory(process.pid)
    output, _ = process.communicate()
    memory.stop()
    figures = {key: float(value) for key, value in re.findall(r"(\S+@\d+) ([\d.]+)", output) if key in SETS[name]}
    if process.returncode or not figures:
        return {"failed": output.strip().splitlines()[-1] if output.strip() else "no output"}
    seconds = re.search(r"\| ([\d.]+) s", output)
    found = {"seconds": float(seconds[1]) if seconds else time.monotonic() - began, "MiB": round(memory.peak / 2**20)}
    return figures | found | {"on": dt.date.today().isoformat(), "settings": given.settings, "folds": folds}


def table(rows: dict[str, dict[str, Any]]) -> str:
    lines = []
    for name, keys in SETS.items():
        if name not in rows:
            continue
        lines += [f"### {name}", "", f"| model | {' | '.join(keys)} | s | MiB |", "|---" * (len(keys) + 3) + "|"]
        for model in sorted(rows[name], key=lambda model: -rows[name][model].get(keys[0], 0)):
            row = rows[name][model]
            if "failed" in row:
                lines.append(f"| {model} | {row['failed']}" + " |" * (len(keys) + 2))
            else:
                seconds = row["seconds"] / len(row["folds"].split(","))
                cells = [f"{row[key]:.4f}" for key in keys] + [f"{seconds:.0f}", f"{row['MiB']:,}"]
                lines.append(f"| {' | '.join([model + settings_of(row), *cells])} |")
        lines.append("")
    return "\n".join(lines)


def settings_of(row: dict[str, Any]) -> str:
    return f" ({', '.join(row['settings'])})" if row["settings"] else ""


if __name__ == "__main__":
    sys.exit(main())

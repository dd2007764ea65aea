"""The report of 30 days of runs: its size, the seconds to make it, and the seconds to open it in Chromium.

    python benchmarks/report.py [--days 30] [--users 20000] [--repeats 5] [--keep FOLDER]

Writes a made-up warehouse through the store: ten stages a day, seven metrics at three lengths of five models for
everybody and for eight groups, files, rejected rows, publications, and the lists and histories of the last day. Then
makes the page as `repertoire report` does, and opens the file in Debian's Chromium, a new profile each time, from the
start of the navigation to the load event and to the first contentful paint. Prints a table, then one line of JSON.
"""

import argparse
import datetime as dt
import json
import os
import random
import statistics
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from repertoire.pipeline.report_on import report_on
from repertoire.report.page import render
from repertoire.store import Warehouse, open_warehouse
from repertoire.tables import (
    INGESTED_FILES,
    INTERACTIONS,
    ITEMS,
    METRICS,
    PUBLICATIONS,
    RECOMMENDATIONS,
    REJECTED_EVENTS,
    RUNS,
    Table,
)

LAST = dt.date(2026, 3, 1)
STAGES = 10
K = (5, 10, 20)
MEASURED = ("ndcg", "recall", "precision", "hit_rate", "map", "mrr", "coverage")
MODELS = ("recommendations", "popular", "published", "recommendations - popular", "recommendations - published")
GROUPS = (None, *(f"country={name}" for name in ("FR", "DE", "ES", "IT", "GB", "NL", "PL", "SE")))
ITEM_COUNT, LIST_LENGTH, HISTORY = 20_000, 20, 30
CHROMIUM = Path(os.environ.get("REPERTOIRE_CHROMIUM", "/usr/bin/chromium"))

Rows = list[dict[str, Any]]


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--days", type=int, default=30)
    parser.add_argument("--users", type=int, default=20_000)
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--keep", type=Path, help="folder in which the warehouse and the page stay")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        place = arguments.keep or Path(folder)
        place.mkdir(parents=True, exist_ok=True)
        warehouse = open_warehouse(str(place / "warehouse"))
        fill(warehouse, arguments.days, arguments.users)
        figures: dict[str, Any] = {"days": arguments.days, "users": arguments.users}
        figures |= make(warehouse, place / "report.html", arguments.repeats)
        figures |= opening_seconds(place / "report.html", arguments.repeats)
    print(f"{'':34} {'median':>10}  all")
    for name, value in figures.items():
        some = value if isinstance(value, list) else [value]
        rounded = ", ".join(f"{one:,.3f}" if isinstance(one, float) else f"{one:,}" for one in some)
        print(f"{name.replace('_', ' '):34} {statistics.median(some):>10,.3f}  {rounded}")
    print(json.dumps(figures))
    return 0


def make(warehouse: Warehouse, page: Path, repeats: int) -> dict[str, Any]:
    gathered, rendered = [], []
    for _ in range(repeats):
        start = time.perf_counter()
        report = report_on(warehouse)
        middle = time.perf_counter()
        page.write_bytes(render(report).encode())
        gathered.append(middle - start)
        rendered.append(time.perf_counter() - middle)
    return {
        "searchable_people": len(report.people),
        "bytes": page.stat().st_size,
        "seconds_to_gather": gathered,
        "seconds_to_render": rendered,
    }


def opening_seconds(page: Path, repeats: int) -> dict[str, list[float]]:
    """Nothing where there is no Chromium."""
    if not CHROMIUM.exists():
        print(f"not opened: there is no {CHROMIUM}", file=sys.stderr)
        return {}
    from playwright.sync_api import sync_playwright

    loads, paints = [], []
    with sync_playwright() as driver:
        sandbox = [] if os.geteuid() else ["--no-sandbox"]
        for _ in range(repeats):
            browser = driver.chromium.launch(executable_path=CHROMIUM, args=sandbox)
            tab = browser.new_page()
            tab.goto(page.as_uri())
            painted = None
            while painted is None:
                tab.wait_for_timeout(50)
                painted = tab.evaluate("performance.getEntriesByName('first-contentful-paint')[0]?.startTime ?? null")
            loads.append(tab.evaluate("performance.getEntriesByType('navigation')[0].loadEventEnd") / 1000)
            paints.append(painted / 1000)
            browser.close()
    return {"seconds_to_load_event": loads, "seconds_to_first_paint": paints}


def fill(warehouse: Warehouse, days: int, users: int) -> None:
    chance = random.Random(7)
    dates = [LAST - dt.timedelta(days=back) for back in reversed(range(days))]
    ledger: dict[Table, Rows] = {
        RUNS: [row for day in dates for row in run_rows(day, chance)],
        INGESTED_FILES: [row for day in dates for row in file_rows(day)],
        PUBLICATIONS: [publication_row(day, users) for day in dates],
    }
    for table, rows in ledger.items():
        warehouse.tables.write_rows(table, rows)
    for day in dates:
        warehouse.tables.write_rows(METRICS, metric_rows(day, users, chance), replace={"run_date": day})
    rejected = [rejected_row(number) for number in range(2_000)]
    warehouse.tables.write_rows(REJECTED_EVENTS, rejected, replace={"run_date": LAST})
    warehouse.tables.write_rows(ITEMS, [item_row(number) for number in range(ITEM_COUNT)])
    lists = [row for user in range(users) for row in list_rows(user, chance)]
    version = warehouse.tables.write_rows(RECOMMENDATIONS, lists, replace={"run_date": LAST}).version
    assert version == 1, "the version that the publications name"
    histories = [row for user in range(users) for row in history_rows(user, chance)]
    warehouse.tables.write_rows(INTERACTIONS, histories, replace={"run_date": LAST})


def at(day: dt.date, minute: int) -> dt.datetime:
    return dt.datetime(day.year, day.month, day.day, 3, minute, tzinfo=dt.UTC)


def run_rows(day: dt.date, chance: random.Random) -> Rows:
    failed = chance.random() < 0.1
    return [
        {
            "run_id": f"{day}-0badcafe",
            "run_date": day,
            "stage": f"stage_{number}_of_ten",
            "status": "failed" if failed and number == STAGES - 1 else "done",
            "started_at": at(day, number),
            "ended_at": at(day, number + 1),
            "seconds": chance.uniform(1, 900),
            "spark_jobs": chance.randrange(5, 150),
            "settings_id": "0123456789ab",
            "input_versions": '{"events": 30, "items": 3}',
            "output_versions": '{"interactions": 30}',
            "rows_written": '{"interactions": 52623, "metrics": 945}',
            "exit_code": 0,
            "message": "a sentence of what the stage has to say\n" * 4,
        }
        for number in range(STAGES)
    ]


def metric_rows(day: dt.date, users: int, chance: random.Random) -> Rows:
    def row(stage: str, model: str, metric: str, k: int, value: float, **other: Any) -> dict[str, Any]:
        nothing = dict.fromkeys(("segment", "low", "high", "p_value", "users"))
        named = {"run_id": f"{day}-0badcafe", "run_date": day, "stage": stage, "model": model, "metric": metric}
        return named | {"k": k, "value": value} | nothing | other

    rows = []
    for model in MODELS:
        for metric in MEASURED:
            for k in K:
                for group in GROUPS:
                    value = chance.uniform(0.05, 0.3)
                    interval = {"low": value - 0.01, "high": value + 0.01, "p_value": 0.01 if " - " in model else None}
                    rows.append(
                        row("evaluate_offline", model, metric, k, value, segment=group, users=9_000, **interval)
                    )
    places = users * LIST_LENGTH
    counts = {
        "rows": places,
        "users": users,
        "items_shown": 9_000 + chance.randrange(999),
        "eligible_items": ITEM_COUNT,
    }
    counts |= {"tier_0": places * 0.9, "tier_1": places * 0.06, "tier_2": places * 0.04}
    stage = "rank_recommendations"
    rows += [row(stage, "recommendations", name, 0, float(value)) for name, value in counts.items()]
    for percent in (1, 2, 5, 10, 20, 50, 100):
        share = percent / 100
        rows.append(row(stage, "recommendations", "places_of_top_percent", percent, share**0.4))
        rows.append(row(stage, "history", "events_of_top_percent", percent, share**0.6))
    return rows


def file_rows(day: dt.date) -> Rows:
    counts = {"bytes": 80_000_000, "rows_read": 1_000_000, "rows_accepted": 990_000}
    counts |= {"rows_rejected": 7_000, "rows_duplicate": 3_000}
    return [
        {
            "content_id": f"{day}-{hour}",
            "path": f"hdfs:///logs/{day}/{hour:02}.parquet",
            "kind": "events",
            "run_date": day,
        }
        | counts
        for hour in range(24)
    ]


def publication_row(day: dt.date, users: int) -> dict[str, Any]:
    name = f"{day}-publication"
    return {
        "published_at": at(day, 59),
        "publication_id": name,
        "export": name,
        "action": "publish",
        "run_date": day,
    } | {
        "run_id": f"{day}-0badcafe",
        "table_version": 1,
        "rows": users * LIST_LENGTH,
        "users": users,
    }


def rejected_row(number: int) -> dict[str, Any]:
    row = {
        "run_date": LAST,
        "source": "hdfs:///logs/07.parquet",
        "row_hash": f"{number:016x}",
        "rule": f"rule_{number % 7}",
    }
    return row | {"raw": f"user-{number},item-{number},soon,", "field": "event_ts", "value": "soon"}


def item_row(number: int) -> dict[str, Any]:
    row = {"item_id": f"item-{number:06}", "title": f"The {number}th Winter of the Lantern District"}
    return row | {"category": f"category-{number % 8}", "valid_from": dt.date(2020, 1, 1)}


def list_rows(user: int, chance: random.Random) -> Rows:
    items = [int(ITEM_COUNT * chance.random() ** 2) for _ in range(LIST_LENGTH)]
    tier = 0 if user % 10 else 2
    return [
        {"run_date": LAST, "user_id": f"user-{user:08}", "rank": rank, "item_id": f"item-{item:06}", "score": 1 / rank}
        | {"model_version": "als-2026-03-01-01234567", "source": "als" if tier == 0 else "popular", "propensity": 1.0}
        | {"reason": f"because_of:item-{chance.randrange(ITEM_COUNT):06}" if tier == 0 else "popular"}
        | {"fallback_tier": tier, "arm": None}
        for rank, item in enumerate(items, start=1)
    ]


def history_rows(user: int, chance: random.Random) -> Rows:
    items = {int(ITEM_COUNT * chance.random() ** 2) for _ in range(HISTORY)}
    return [
        {"run_date": LAST, "user_id": f"user-{user:08}", "item_id": f"item-{item:06}", "strength": chance.random()}
        | {"negative": 0.0, "events": 1, "seen": True, "first_ts": at(LAST, 0), "last_ts": at(LAST, 1)}
        for item in sorted(items)
    ]


if __name__ == "__main__":
    sys.exit(main())

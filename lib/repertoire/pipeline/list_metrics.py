"""What came in, what is live, what the gate said and how good the lists are: for whoever watches the job."""

import datetime as dt
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from repertoire.monitoring.exposition import Family, Sample, sample
from repertoire.pipeline import ledger as status
from repertoire.vocabulary import TIER_WORDS

Row = Mapping[str, Any]
Ends = Callable[[dt.date], dt.datetime]

PUBLISH, RANK, MEASURED = "publish_recommendations", "rank_recommendations", ("evaluate_offline", "evaluate_live")
_QUALITY = ("ndcg", "recall", "precision", "hit_rate", "map", "mrr", "coverage", "sufficient")
_BOUNDS = {"": "value", "_low": "low", "_high": "high"}


def input_metrics(files: Sequence[Row], rejected: Mapping[str, int], ends: Ends) -> list[Family]:
    """files: rows of ingested_files of one run date. rejected: the date's refused rows by rule."""
    rows: Counter[tuple[str, str]] = Counter()
    for file in files:
        for outcome in ("accepted", "rejected", "duplicate"):
            rows[file["kind"], outcome] += file[f"rows_{outcome}"]
    day = "of the newest date that took files in"
    return [
        Family(
            "repertoire_input_cutoff_timestamp_seconds",
            f"the midnight that ends the run date {day}",
            sample(ends(files[0]["run_date"]) if files else None),
        ),
        Family(
            "repertoire_input_rows",
            f"rows read, by what became of them, {day}",
            tuple(Sample(n, {"kind": kind, "outcome": outcome}) for (kind, outcome), n in rows.items()),
        ),
        Family(
            "repertoire_input_rejected_rows",
            f"refused rows by the rule that they broke, {day}",
            tuple(Sample(n, {"rule": rule}) for rule, n in sorted(rejected.items())),
        ),
    ]


def live_metrics(live: Row | None, runs: Sequence[Row], ends: Ends) -> list[Family]:
    """live: the row of publications that is live. runs: rows of the table runs."""
    judged = [row for row in runs if row["stage"] == PUBLISH and row["status"] in (status.DONE, status.REFUSED)]
    last = max(judged, key=lambda row: row["started_at"], default=None)
    families = [
        Family(
            "repertoire_gate_passed",
            "whether the newest lists that came to the gate passed; 0: refused, and what was live stays live",
            sample(None if last is None else last["status"] == status.DONE),
        )
    ]
    if live is None:
        return families
    figures: dict[str, tuple[str, Any]] = {
        "cutoff_timestamp_seconds": (
            "the midnight that ends the run date of the live lists: they know of nothing after it",
            ends(live["run_date"]),
        ),
        "published_timestamp_seconds": ("when the live lists went live", live["published_at"]),
        "rolled_back": ("whether the live lists came back by a rollback", live["action"] == "rollback"),
        "users": ("users with a live list", live["users"]),
        "rows": ("rows of the live lists", live["rows"]),
    }
    made = [Family(f"repertoire_live_{name}", about, sample(value)) for name, (about, value) in figures.items()]
    return families + made


def quality_metrics(metrics: Sequence[Row]) -> list[Family]:
    """metrics: rows of the table of that name, of the newest date of each stage; those of groups of users are left out."""
    of_all = [row for row in metrics if row["segment"] is None]
    measured = [row for row in of_all if row["stage"] in MEASURED and row["metric"] in _QUALITY]

    def labels(row: Row) -> dict[str, str]:
        named = {name: str(row[name]) for name in ("stage", "model", "metric", "k")}
        return named | {"segment": "all"}

    about = "a figure of the lists, over all users, from the newest run that measured it; docs/metrics.md"
    quality = [
        Family(
            f"repertoire_quality{suffix}",
            about if not suffix else f"{suffix[1:]} end of the 95 % interval of repertoire_quality",
            sum((sample(row[column], **labels(row)) for row in measured), ()),
        )
        for suffix, column in _BOUNDS.items()
    ]
    counts = {row["metric"]: row["value"] for row in of_all if row["stage"] == RANK and row["k"] == 0}
    lists = {
        "users": "users in the newest lists, live or not",
        "rows": "rows of the newest lists",
        "items_shown": "works that stand in one of the newest lists",
        "eligible_items": "works that could stand in one of the newest lists",
    }
    places = (sample(counts.get(f"tier_{tier}"), tier=word) for tier, word in enumerate(TIER_WORDS))
    return [
        *quality,
        *(Family(f"repertoire_lists_{name}", about, sample(counts.get(name))) for name, about in lists.items()),
        Family("repertoire_lists_places", "places of the newest lists, by how they were filled", sum(places, ())),
    ]

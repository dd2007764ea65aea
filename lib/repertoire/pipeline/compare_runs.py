"""Two runs side by side: what they were given, what they took, what they measured, and their lists on what followed."""

import datetime as dt
import json
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F

from repertoire.errors import InputError
from repertoire.evaluation.background import Background
from repertoire.evaluation.measure import measure
from repertoire.evaluation.measurement import Measurement
from repertoire.pipeline.cutoff import cutoff_of
from repertoire.pipeline.what_followed import what_followed
from repertoire.settings import Settings
from repertoire.store import Warehouse
from repertoire.tables import EVENTS, INTERACTIONS, METRICS, RECOMMENDATIONS, RUNS
from repertoire.vocabulary import ITEM_ID, RANK, SEEN, USER_ID

Row = dict[str, Any]

_NAMED = 5  # of the runs that are there, in a message


@dataclass(frozen=True)
class RunComparison:
    """names: the two run_dates, the first one first. stages: a row each, with the seconds and outcome in either run and
    whether the settings were the same. figures: rows of `metrics` of both. same_places: share of the places that hold
    the same item, same_items: share of a user's items that both lists have, over `users` with a list in both; followed:
    both lists measured on what users turned to after the later run, empty where there was nothing yet.
    """

    names: tuple[str, str]
    stages: list[Row]
    figures: list[Row]
    users: int = 0
    same_places: float | None = None
    same_items: float | None = None
    followed: list[Measurement] = field(default_factory=list)


def compare_runs(
    warehouse: Warehouse, session: Callable[[], SparkSession], settings: Settings, first: str, second: str
) -> RunComparison:
    """first, second: a run_date, or a run_id as `repertoire runs --json` has it. Starts Spark where both have lists.

    Raises InputError for a run that is not in the ledger, and for one run compared with itself.
    """
    ledger = warehouse.tables.rows(RUNS).to_pylist()
    runs = [_entries(ledger, name, warehouse) for name in (first, second)]
    days: list[dt.date] = [next(iter(run.values()))["run_date"] for run in runs]
    if runs[0] == runs[1]:
        raise InputError(f"{first} and {second} are the same run; name two")
    names = (str(days[0]), str(days[1])) if days[0] != days[1] else (first, second)
    stages = []
    for stage in dict.fromkeys([*runs[0], *runs[1]]):
        left, right = runs[0].get(stage), runs[1].get(stage)
        row: Row = {"stage": stage}
        for name, entry in zip(names, (left, right), strict=True):
            row[f"{name} seconds"] = entry["seconds"] if entry else None
            row[f"{name} outcome"] = entry["status"] if entry else "not run"
        row["same settings"] = bool(left and right and left["settings_id"] == right["settings_id"])
        stages.append(row)
    figures = [
        row | {"run": name}
        for name, day in zip(names, days, strict=True)
        for row in warehouse.tables.rows(METRICS, where=[("run_date", "=", day)]).to_pylist()
    ]
    versions = [_version_of_lists(run) for run in runs]
    if versions[0] is None or versions[1] is None:
        return RunComparison(names, stages, figures)
    spark = session()
    lists = {
        name: warehouse.tables.read(spark, RECOMMENDATIONS, version, day).select(USER_ID, ITEM_ID, RANK).persist()
        for name, version, day in zip(names, versions, days, strict=True)
    }
    try:
        users, same_places, same_items = _overlap(*lists.values())
        followed = _on_what_followed(warehouse, spark, settings, lists, max(days))
    finally:
        for frame in lists.values():
            frame.unpersist()
    return RunComparison(names, stages, figures, users, same_places, same_items, followed)


def _entries(ledger: list[Row], name: str, warehouse: Warehouse) -> dict[str, Row]:
    """Each stage's newest entry of a run, or of a date, in the order in which they began."""
    rows = [row for row in ledger if name in (row["run_id"], str(row["run_date"]))]
    if not rows:
        newest = sorted(ledger, key=lambda row: row["started_at"], reverse=True)
        there = list(dict.fromkeys(str(row["run_date"]) for row in newest))[:_NAMED]
        raise InputError(
            f'there is no run "{name}" in {warehouse.root}. Allowed: a run_date or a run_id of `repertoire runs`; '
            f"newest dates: {', '.join(there) or 'none'}."
        )
    return {row["stage"]: row for row in sorted(rows, key=lambda row: row["started_at"])}


def _version_of_lists(run: dict[str, Row]) -> int | None:
    entry = run.get("rank_recommendations")
    if entry is None or entry["status"] != "done":
        return None
    version = json.loads(entry["output_versions"] or "{}").get(RECOMMENDATIONS.name)
    return version if isinstance(version, int) else None


def _overlap(left: DataFrame, right: DataFrame) -> tuple[int, float | None, float | None]:
    both = left.select(USER_ID).distinct().join(right.select(USER_ID).distinct(), USER_ID, "left_semi")
    sides = [
        frame.join(both, USER_ID, "left_semi").select(USER_ID, ITEM_ID, F.col(RANK).alias(name))
        for name, frame in (("left", left), ("right", right))
    ]
    pairs = sides[0].join(sides[1], [USER_ID, ITEM_ID], "full")
    (found,) = pairs.agg(
        F.count_distinct(USER_ID).alias("users"),
        F.count_if(F.col("left") == F.col("right")).alias("same_place"),
        F.count_if(F.col("left").isNotNull() & F.col("right").isNotNull()).alias("same_item"),
        F.count("left").alias("places"),
    ).collect()
    if not found["places"]:
        return found["users"], None, None
    return found["users"], found["same_place"] / found["places"], found["same_item"] / found["places"]


def _on_what_followed(
    warehouse: Warehouse, spark: SparkSession, settings: Settings, lists: dict[str, DataFrame], day: dt.date
) -> list[Measurement]:
    tables = warehouse.tables
    days, versions = tables.event_dates(EVENTS), (tables.version(EVENTS), tables.version(INTERACTIONS))
    if not days or max(days) <= day or day not in tables.run_dates(INTERACTIONS):
        return []
    then = tables.read(spark, INTERACTIONS, versions[1], day)
    history = then.where(SEEN).select(USER_ID, ITEM_ID).persist()
    truth = what_followed(
        tables.read(spark, EVENTS, versions[0]),
        history,
        settings.features,
        day=day,
        cutoff=cutoff_of(max(days), settings.run.zone),
        max_users=settings.evaluation.max_users,
        seed=settings.run.seed,
    ).persist()
    try:
        if truth.isEmpty():
            return []
        first, second = lists
        background = Background(history=history, catalogue_size=then.select(ITEM_ID).distinct().count())
        shown = {
            name: lists[name].join(truth.select(USER_ID).distinct(), USER_ID, "left_semi") for name in (second, first)
        }
        return measure(shown, truth, settings.evaluation.k, background, baselines=[first], seed=settings.run.seed)
    finally:
        for frame in (history, truth):
            frame.unpersist()

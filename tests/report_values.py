"""A shop's days of runs, as the values that a report is made of."""

import datetime as dt
from dataclasses import replace
from typing import Any

from repertoire.report.contents import (
    IngestedFile,
    Metric,
    Person,
    Place,
    Publication,
    RejectedRow,
    Rejections,
    Report,
    StageRun,
    Work,
)

DAY = dt.date(2026, 3, 1)
STAGES = ("ingest_events", "build_features", "rank_recommendations", "evaluate_offline", "publish_recommendations")


def at(day: dt.date, hour: int = 3, minute: int = 0) -> dt.datetime:
    return dt.datetime(day.year, day.month, day.day, hour, minute, tzinfo=dt.UTC)


def stage_run(day: dt.date, stage: str, status: str = "done", *, minute: int = 0, **other: Any) -> StageRun:
    values = {"run_id": f"{day}-1", "seconds": 12.5, "spark_jobs": 7, "rows_written": {"metrics": 3}, "message": None}
    return StageRun(run_date=day, stage=stage, status=status, started_at=at(day, minute=minute), **values | other)


def metric(
    day: dt.date, model: str, name: str, value: float, *, stage: str = "evaluate_offline", k: int = 10, **other: Any
) -> Metric:
    values: dict[str, Any] = {"segment": None, "low": value - 0.01, "high": value + 0.01, "p_value": None, "users": 900}
    return Metric(run_date=day, stage=stage, model=model, metric=name, k=k, value=value, **values | other)


def counts(day: dt.date, **figures: float) -> list[Metric]:
    stage = "rank_recommendations"
    return [
        metric(day, "recommendations", name, value, stage=stage, k=0, low=None, high=None)
        for name, value in figures.items()
    ]


def publication(day: dt.date, action: str = "publish") -> Publication:
    return Publication(at(day, 4), action, day, users=100, rows=2000, run_id=f"{day}-1")


def person(user_id: str = "ann", *, item: str = "film-2", title: str | None = "Blue Train", tier: int = 0) -> Person:
    history = (Work("film-1", "Kind of Blue", 2.5, DAY), Work("film-9", None, 1.0, None))
    places = (
        Place(1, item, title, "because of Kind of Blue", tier),
        Place(2, "film-3", "Giant Steps", "popular", 2),
    )
    return Person(user_id, {"country": "FR"}, 12, history, places)


def report(days: int = 3, **changes: Any) -> Report:
    """Days of runs that all went live, ndcg@10 of 0.3 against 0.1 for popularity."""
    dates = tuple(DAY - dt.timedelta(days=back) for back in reversed(range(days)))
    stages = [stage_run(day, stage, minute=n) for day in dates for n, stage in enumerate(STAGES)]
    metrics = [
        metric(day, model, name, value, k=k)
        for day in dates
        for model, value in (("recommendations", 0.3), ("popular", 0.1), ("recommendations - popular", 0.2))
        for name in ("ndcg", "recall", "hit_rate", "coverage")
        for k in (5, 10, 20)
    ]
    for day in dates:
        figures = {"rows": 2000, "users": 100, "items_shown": 40, "eligible_items": 80}
        metrics += counts(day, **figures, tier_0=1900, tier_1=60, tier_2=40)
    spread = {"stage": "rank_recommendations", "low": None, "high": None}
    for percent in (1, 10, 100):
        metrics.append(metric(DAY, "recommendations", "places_of_top_percent", percent / 100, k=percent, **spread))
        metrics.append(metric(DAY, "history", "events_of_top_percent", (percent / 100) ** 0.5, k=percent, **spread))
    values: dict[str, Any] = {
        "warehouse": "/warehouse",
        "dates": dates,
        "stages": tuple(stages),
        "later": (),
        "metrics": tuple(metrics),
        "files": tuple(IngestedFile(day, f"/logs/{day}.csv", "events", 1000, 990, 7, 3) for day in dates),
        "rejections": (
            Rejections("bad_timestamp", 7, (RejectedRow("/logs/a.csv", "ann,film-1,soon", "event_ts", "soon"),)),
        ),
        "publications": tuple(publication(day) for day in dates),
        "live": publication(DAY),
        "people": (person(), *(person(f"user-{n}", item=f"film-{n}", title=f"Film {n}") for n in range(10, 40))),
        "in_full": 12,
    }
    return Report(**values | changes)


def everywhere(hostile: str) -> Report:
    """A report in which every text that comes from a log, a catalogue or a ledger is this one."""
    base = report()
    return replace(
        base,
        warehouse=hostile,
        stages=(*base.stages, stage_run(DAY, hostile, "failed", minute=9, message=hostile, rows_written={hostile: 1})),
        later=(stage_run(DAY + dt.timedelta(days=1), hostile, "refused", message=hostile),),
        metrics=(*base.metrics, metric(DAY, "recommendations", "ndcg", 0.2, segment=hostile)),
        files=(IngestedFile(DAY, hostile, hostile, 1, 0, 1, 0),),
        rejections=(Rejections(hostile, 1, (RejectedRow(hostile, hostile, hostile, hostile),)),),
        publications=(replace(publication(DAY), run_id=hostile),),
        people=(
            Person(
                hostile,
                {"country": hostile},
                1,
                (Work(hostile, hostile, 1.0, None),),
                (Place(1, hostile, hostile, hostile, 0),),
            ),
        ),
    )

"""Figures of models side by side, and what their differences say."""

import datetime as dt
from collections.abc import Iterable
from dataclasses import dataclass

from repertoire.report.contents import Metric, Report
from repertoire.report.metric_words import DOWN, NEITHER, better, place

BACKTEST, LIVE = "evaluate_offline", "evaluate_live"
OURS, POPULAR, PUBLISHED = "recommendations", "popular", "published"

MODEL_WORDS = {
    OURS: "this run",
    POPULAR: "popularity",
    PUBLISHED: "last publication",
    "live": "the live lists",
    "previous": "publication before",
    "history": "the history",
}

BETTER, WORSE, HIGHER, LOWER = "better", "worse", "higher", "lower"
UNCLEAR, UNKNOWN = "no clear difference", "no interval"
_CHANCE = 0.05

# Shown of segments: those with most users.
MOST_SEGMENTS = 30


@dataclass(frozen=True)
class Line:
    """A metric at one k, of one group of users (None: all): a figure for each model that has one, and the differences
    of the first model from each other one."""

    metric: str
    k: int
    segment: str | None
    values: dict[str, Metric]
    differences: dict[str, Metric]


def lengths(report: Report, stage: str) -> list[int]:
    """The k of a stage's figures of the day."""
    measured = (one for one in report.metrics if one.run_date == report.run_date and one.stage == stage)
    return sorted({one.k for one in measured if one.k and one.value is not None})


def usual_length(report: Report, stage: str) -> int:
    """The k that stands for all: the middle one, at which the gate looks too, of the newest day on which the stage
    measured anything. 0 where it never did."""
    known: dict[dt.date, set[int]] = {}
    for one in report.metrics:
        if one.stage == stage and one.k and one.value is not None:
            known.setdefault(one.run_date, set()).add(one.k)
    newest = sorted(known[max(known)]) if known else []
    return newest[len(newest) // 2] if newest else 0


def models_of(report: Report, stage: str, ours: str) -> list[str]:
    """Models with figures of the day, `ours` first."""
    found = {
        one.model
        for one in report.metrics
        if one.run_date == report.run_date and one.stage == stage and one.value is not None
    }
    others = sorted(model for model in found if " - " not in model and model != ours)
    return [model for model in (ours, *others) if model in found]


def lines(report: Report, stage: str, ours: str, *, segments: bool = False) -> list[Line]:
    """The day's figures of a stage by metric and k, of all users; or, with segments, of the groups with most users."""
    wanted = [
        one
        for one in report.metrics
        if one.run_date == report.run_date
        and one.stage == stage
        and one.value is not None
        and (one.segment is not None) == segments
    ]
    found: dict[tuple[str, int, str | None], Line] = {}
    for one in wanted:
        line = found.setdefault((one.metric, one.k, one.segment), Line(one.metric, one.k, one.segment, {}, {}))
        left, minus, right = one.model.partition(" - ")
        if not minus:
            line.values[left] = one
        elif left == ours:
            line.differences[right] = one
    return sorted(found.values(), key=lambda line: (place(line.metric), line.k, line.segment or ""))


def largest_segments(found: Iterable[Line], metric: str, k: int) -> tuple[list[Line], int]:
    """The lines of a metric at k with most users, and how many are left out."""
    of_metric = [line for line in found if (line.metric, line.k) == (metric, k)]
    of_metric.sort(key=lambda line: (-_users(line), line.segment or ""))
    return of_metric[:MOST_SEGMENTS], len(of_metric[MOST_SEGMENTS:])


def verdict(difference: Metric | None) -> str:
    """Whether a difference is one: its interval leaves 0 out, and chance, where that was estimated, is an unlikely
    explanation. better or worse where the metric has such a side, else higher or lower."""
    if difference is None or difference.value is None or difference.low is None or difference.high is None:
        return UNKNOWN
    if difference.p_value is not None and difference.p_value > _CHANCE:
        return UNCLEAR
    if difference.low <= 0 <= difference.high:
        return UNCLEAR
    side = better(difference.metric)
    if side == NEITHER:
        return HIGHER if difference.low > 0 else LOWER
    return BETTER if (difference.low > 0) != (side == DOWN) else WORSE


def _users(line: Line) -> int:
    return max((one.users or 0 for one in line.values.values()), default=0)

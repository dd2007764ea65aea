"""The drawings of the page: what each one shows of a report."""

import datetime as dt
from collections.abc import Callable

from repertoire.report.comparison import BACKTEST, LIVE, MODEL_WORDS, OURS, POPULAR, PUBLISHED, usual_length
from repertoire.report.contents import Metric, Report
from repertoire.report.line_chart import Chart, Point, Series, line_chart
from repertoire.report.metric_words import metric_name
from repertoire.report.wording import decimal, duration, percent

_OVER_TIME = ("ndcg", "hit_rate", "coverage")
_TICKS = 4
_UNITS = (("hours", 3600), ("minutes", 60), ("seconds", 1))


def metrics_over_time(report: Report) -> list[Chart]:
    """A few metrics of the backtest, day by day, with the band of their intervals; the live lists' nDCG after them."""
    k = usual_length(report, BACKTEST)
    charts = [
        _over_time(report, BACKTEST, (OURS, POPULAR, PUBLISHED), metric, k, f"{metric_name(metric, k)} in the backtest")
        for metric in _OVER_TIME
    ]
    k = usual_length(report, LIVE)
    charts.append(
        _over_time(
            report, LIVE, ("live", POPULAR, "previous"), "ndcg", k, f"{metric_name('ndcg', k)} of the live lists"
        )
    )
    return [chart for chart in charts if chart]


def coverage_over_time(report: Report) -> Chart | None:
    """The share of the works that may be shown which stand in somebody's whole list, day by day."""
    return _daily(
        report,
        "Works shown, of those that may be",
        "The share of all works that may be recommended which stand in at least one list, for each run date.",
        {
            "works in some list": lambda day: _share(
                report.count("items_shown", day), report.count("eligible_items", day)
            )
        },
        key="coverage",
        y_text=percent,
        tick_text=_whole_percent,
        most=1.0,
    )


def personalised_over_time(report: Report) -> Chart | None:
    """The share of places of each tier that is not popularity, day by day."""
    return _daily(
        report,
        "Personalised places",
        "The share of all places that a personal model filled, for each run date.",
        {"personalised": lambda day: _share(report.count("tier_0", day), report.count("rows", day))},
        key="personal",
        y_text=percent,
        tick_text=_whole_percent,
        most=1.0,
    )


def seconds_over_time(report: Report) -> Chart | None:
    """How long the stages of a day took together, at their last run."""
    seconds = {day: sum(run.seconds or 0.0 for run in report.stages_of(day)) for day in report.dates}
    longest = max(seconds.values(), default=0.0)
    unit, length = next((unit, length) for unit, length in _UNITS if longest >= 2 * length or length == 1)
    return _daily(
        report,
        f"Time of all stages, {unit}",
        "How long the stages of each run date took together, each at its newest run.",
        {"all stages": lambda day: seconds[day] / length or None},
        key="seconds",
        y_text=lambda value: duration(value * length),
        tick_text=lambda value: f"{value:g}",
    )


def popularity_curve(report: Report) -> Chart | None:
    """What share of places, and of the history's events, the most popular few percent of the works take."""

    def points(model: str, metric: str) -> tuple[Point, ...]:
        found = [
            Point(one.k, one.value)
            for one in report.metrics
            if one.run_date == report.run_date and (one.model, one.metric) == (model, metric) and one.value is not None
        ]
        found.sort(key=lambda point: point.x)
        return (Point(0, 0.0), *found) if found else ()

    lists, history = points(OURS, "places_of_top_percent"), points("history", "events_of_top_percent")
    even = tuple(Point(point.x, point.x / 100) for point in lists or history)
    return line_chart(
        "What the most popular works take",
        "Across: the most popular percent of the works that may be shown. Up: the share of all places in the lists, and "
        "of all events in the history, that they take. The closer to the even line, the more works get a chance.",
        [
            Series("places in the lists", lists),
            Series("events in the history", history),
            Series("an even spread", even),
        ],
        key="popularity",
        x_name="most popular works",
        x_text=lambda x: f"{x:.0f} %",
        y_text=percent,
        tick_text=_whole_percent,
        x_ticks=[(x, f"{x} %") for x in (0, 20, 50, 100)],
        most=1.0,
    )


def _over_time(report: Report, stage: str, models: tuple[str, ...], metric: str, k: int, title: str) -> Chart | None:
    def point(found: Metric) -> Point:
        assert found.value is not None
        return Point(found.run_date.toordinal(), found.value, found.low, found.high)

    series = []
    for model in models:
        measured = [report.figure(day, stage, model, metric, k) for day in report.dates]
        series.append(Series(MODEL_WORDS[model], tuple(point(one) for one in measured if one)))
    return line_chart(
        title,
        "One point a run date, with the band of its 95 % interval.",
        series,
        key=f"{stage}-{metric}".replace("_", "-"),
        x_name="run date",
        x_text=_day,
        y_text=decimal,
        tick_text=lambda value: f"{value:g}",
        x_ticks=_day_ticks(report),
    )


def _daily(
    report: Report,
    title: str,
    description: str,
    lines: dict[str, Callable[[dt.date], float | None]],
    *,
    key: str,
    y_text: Callable[[float], str],
    tick_text: Callable[[float], str],
    most: float | None = None,
) -> Chart | None:
    series = []
    for name, value_on in lines.items():
        known = [(day, value_on(day)) for day in report.dates]
        series.append(Series(name, tuple(Point(day.toordinal(), value) for day, value in known if value is not None)))
    return line_chart(
        title,
        description,
        series,
        key=key,
        x_name="run date",
        x_text=_day,
        y_text=y_text,
        tick_text=tick_text,
        x_ticks=_day_ticks(report),
        most=most,
    )


def _whole_percent(share: float) -> str:
    return f"{share * 100:.0f} %"


def _day(ordinal: float) -> str:
    return dt.date.fromordinal(int(ordinal)).isoformat()


def _day_ticks(report: Report) -> list[tuple[float, str]]:
    """The first and the last day, and some run dates between them, as far apart as that goes."""
    first, last = report.dates[0].toordinal(), report.dates[-1].toordinal()
    wanted = [first + (last - first) * step / (_TICKS - 1) for step in range(_TICKS)]
    nearest = {min(report.dates, key=lambda day: abs(day.toordinal() - place)) for place in wanted}
    ticks: list[dt.date] = []
    for day in sorted(nearest):
        if not ticks or (day - ticks[-1]).days * 6 >= last - first:  # else their labels would touch
            ticks.append(day)
    return [(day.toordinal(), f"{day:%m-%d}") for day in ticks]


def _share(part: float | None, whole: float | None) -> float | None:
    return None if part is None or not whole else part / whole

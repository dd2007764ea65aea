"""What the drawings show of a report."""

import datetime as dt
from dataclasses import replace

from tests.report_values import DAY, metric, report

from repertoire.report.charts import (
    coverage_over_time,
    metrics_over_time,
    personalised_over_time,
    popularity_curve,
    seconds_over_time,
)

DAYS = ("2026-02-27", "2026-02-28", "2026-03-01")


def test_metrics_are_drawn_day_by_day_for_each_model() -> None:
    ndcg, hit_rate, coverage = metrics_over_time(report())
    assert ndcg.title == "nDCG@10 in the backtest"
    assert ndcg.header == ("run date", "this run", "popularity")
    assert ndcg.rows[0] == (DAYS[0], "0.3000 (0.2900 to 0.3100)", "0.1000 (0.0900 to 0.1100)")
    assert [row[0] for row in coverage.rows] == list(DAYS)
    assert hit_rate.title.startswith("hit rate@10")
    live = metric(DAY, "live", "ndcg", 0.2, stage="evaluate_live")
    assert metrics_over_time(report(metrics=(*report().metrics, live)))[-1].title == "nDCG@10 of the live lists"
    assert metrics_over_time(report(metrics=())) == []


def test_a_day_without_a_figure_is_left_out() -> None:
    measured = tuple(one for one in report().metrics if one.run_date != DAY - dt.timedelta(days=1))
    drawn = coverage_over_time(report(metrics=measured))
    ndcg, *_ = metrics_over_time(report(metrics=tuple(one for one in report().metrics if one.run_date != DAY)))
    assert [row[0] for row in ndcg.rows] == [DAYS[0], DAYS[1]], "what was measured before is shown all the same"
    assert drawn is not None
    assert drawn.rows == ((DAYS[0], "50.0\u00a0%"), (DAYS[2], "50.0\u00a0%"))
    assert coverage_over_time(report(metrics=())) is None


def test_the_personalised_share_is_of_all_places() -> None:
    drawn = personalised_over_time(report())
    assert drawn is not None
    assert drawn.rows[-1] == (DAYS[2], "95.0\u00a0%")


def test_the_popularity_curve_starts_at_nothing_and_ends_at_all() -> None:
    drawn = popularity_curve(report())
    assert drawn is not None
    assert drawn.header[1:] == ("places in the lists", "events in the history", "an even spread")
    assert drawn.rows == (
        ("0 %", "0.0\u00a0%", "0.0\u00a0%", "0.0\u00a0%"),
        ("1 %", "1.0\u00a0%", "10.0\u00a0%", "1.0\u00a0%"),
        ("10 %", "10.0\u00a0%", "31.6\u00a0%", "10.0\u00a0%"),
        ("100 %", "100.0\u00a0%", "100.0\u00a0%", "100.0\u00a0%"),
    )
    assert popularity_curve(report(metrics=())) is None


def test_time_is_told_in_units_that_fit() -> None:
    drawn = seconds_over_time(report())
    assert drawn is not None
    assert drawn.title == "Time of all stages, seconds"
    assert drawn.rows[-1] == (DAYS[2], "62.5 s")
    slow = tuple(replace(run, seconds=1800.0) for run in report().stages)
    drawn = seconds_over_time(report(stages=slow))
    assert drawn is not None
    assert drawn.title == "Time of all stages, hours"
    assert drawn.rows[-1] == (DAYS[2], "2 h 30 min")

"""What became of a run, in words."""

import datetime as dt
from typing import Any

import pytest
from tests.report_values import DAY, STAGES, metric, publication, report, stage_run

from repertoire.report.outcome import failures, in_words, later_trouble, outcome

BEFORE = publication(DAY - dt.timedelta(days=1))
ROLLED_BACK = publication(BEFORE.run_date, "rollback")


def ended(stage: str, status: str, **changes: Any) -> Any:
    """The report of a day that ended with this stage, while the lists of the day before are live."""
    done = [stage_run(DAY, name, minute=n) for n, name in enumerate(STAGES) if name != stage]
    done = done[: STAGES.index(stage)]
    last = stage_run(DAY, stage, status, minute=9, message="so it was")
    return report(1, stages=(*done, last), **{"live": BEFORE, "publications": ()} | changes)


@pytest.mark.parametrize(
    ("given", "kind", "words"),
    [
        (report(), "live", "are live. They went live on 2026-03-01 04:00 UTC."),
        (report(live=publication(DAY, "rollback")), "live", "They were made live again on"),
        (
            ended("publish_recommendations", "refused"),
            "refused",
            "refused in publish_recommendations. The lists of 2026-02-28 are",
        ),
        (ended("build_features", "failed"), "failed", "The run of 2026-03-01 failed in build_features. The lists of"),
        (ended("build_features", "failed", live=None), "failed", "Nothing has been published yet."),
        (ended("build_features", "running"), "running", "is in build_features, since 2026-03-01 03:09 UTC."),
        (ended("build_features", "done"), "not published", "ended after build_features; nothing of it is published."),
        (ended("publish_recommendations", "done"), "not published", "are ready and were not published."),
        (
            ended("publish_recommendations", "done", publications=(publication(DAY),)),
            "no longer live",
            "were published, and are live no longer. The lists of 2026-02-28 are live.",
        ),
        (
            ended(
                "publish_recommendations",
                "done",
                publications=(publication(DAY),),
                live=ROLLED_BACK,
            ),
            "no longer live",
            "were published, and were live until the rollback of 2026-02-28 04:00 UTC. The lists of 2026-02-28 are live.",
        ),
        (report(1, stages=(), live=BEFORE, publications=()), "not published", "The ledger holds no run of 2026-03-01."),
    ],
)
def test_the_day_in_a_sentence(given: Any, kind: str, words: str) -> None:
    found = outcome(given)
    assert found.kind == kind
    assert words in found.sentence


def test_what_stopped_it_is_told() -> None:
    assert outcome(ended("publish_recommendations", "refused")).message == "so it was"
    again = stage_run(DAY, "build_features", "failed", minute=30, message="no disk")
    live_all_the_same = outcome(report(stages=(*report().stages, again)))
    assert (live_all_the_same.kind, live_all_the_same.message) == ("live", "no disk")
    assert "A later run of the day ended in build_features: failed." in live_all_the_same.sentence


def test_later_days_that_went_wrong_come_first_and_those_that_went_well_do_not_come() -> None:
    days = [DAY + dt.timedelta(days=n) for n in (1, 2, 3)]
    later = (
        stage_run(days[0], "publish_recommendations", "refused", message="coverage"),
        stage_run(days[1], "ingest_events", "failed", minute=1),
        stage_run(days[1], "publish_recommendations", "done", minute=2),
        stage_run(days[2], "ingest_events", "failed", message="rows"),
    )
    assert [(one.sentence, one.message) for one in later_trouble(report(later=later))] == [
        (f"The run of {days[2]} failed in ingest_events.", "rows"),
        (f"The run of {days[0]} was refused in publish_recommendations.", "coverage"),
    ]


@pytest.mark.parametrize(
    ("low", "high", "words"),
    [
        (0.01, 0.03, "against 0.1000 for popularity: better by 0.0200 (0.0100 to 0.0300), more than chance explains."),
        (-0.05, -0.01, "worse by 0.0300 (0.0100 to 0.0500)"),
        (-0.01, 0.02, "no clear difference, +0.0050 (−0.0100 to +0.0200): it may be chance."),
        (None, None, "the difference was not measured."),
    ],
)
def test_how_good_it_is_in_words(low: float | None, high: float | None, words: str) -> None:
    middle = 0.02 if low is None or high is None else (low + high) / 2
    measured = (
        metric(DAY, "recommendations", "ndcg", 0.12),
        metric(DAY, "popular", "ndcg", 0.1),
        metric(DAY, "recommendations - popular", "ndcg", middle, low=low, high=high),
    )
    (sentence,) = in_words(report(1, metrics=measured))
    assert words in sentence


def test_what_was_published_before_is_compared_with_where_it_was_measured() -> None:
    measured = [metric(DAY, "recommendations", "ndcg", 0.12), metric(DAY, "published", "ndcg", 0.11)]
    measured.append(metric(DAY, "recommendations - published", "ndcg", 0.01, low=0.005, high=0.015))
    assert in_words(report(1, metrics=tuple(measured)))[-1] == (
        "Beside the last publication: better by 0.0100 (0.0050 to 0.0150), more than chance explains."
    )
    measured[-1] = metric(DAY, "recommendations - published", "ndcg", 0.01, low=0.005, high=0.015, p_value=0.06)
    assert in_words(report(1, metrics=tuple(measured)))[-1] == (
        "Beside the last publication: no clear difference, +0.0100 (+0.0050 to +0.0150): it may be chance (p 0.060, "
        "corrected for the number of differences)."
    )
    assert in_words(report(1, metrics=())) == ["How good the lists are was not measured."]


def test_the_lists_that_were_live_have_their_own_sentence() -> None:
    stage = {"stage": "evaluate_live", "k": 5}
    measured = (
        metric(DAY, "live", "ndcg", 0.12, **stage),
        metric(DAY, "popular", "ndcg", 0.1, **stage),
        metric(DAY, "live - popular", "ndcg", 0.02, low=0.01, high=0.03, **stage),
    )
    assert in_words(report(1, metrics=measured))[-1] == (
        "nDCG@5 of the lists that were live, on what followed, is 0.1200 (95\u00a0% interval 0.1100 to 0.1300), against "
        "0.1000 for popularity: better by 0.0200 (0.0100 to 0.0300), more than chance explains."
    )


def test_failures_are_the_newest_first_and_no_more_than_asked_for() -> None:
    runs = [stage_run(DAY, f"s{n}", ("failed", "refused", "done")[n % 3], minute=n) for n in range(9)]
    shown, more = failures(runs, 2)
    assert ([run.stage for run in shown], more) == (["s7", "s6"], 4)

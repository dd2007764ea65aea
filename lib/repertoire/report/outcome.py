"""What became of a day's run, in words."""

import datetime as dt
from collections.abc import Iterable
from dataclasses import dataclass

from repertoire.report.comparison import BACKTEST, OURS, POPULAR, PUBLISHED, UNCLEAR, UNKNOWN, usual_length, verdict
from repertoire.report.comparison import LIVE as LIVE_STAGE
from repertoire.report.contents import Report, StageRun
from repertoire.report.metric_words import metric_name
from repertoire.report.wording import count, decimal, moment, percent, probability, signed

LIVE, PUBLISHED_BEFORE, REFUSED, FAILED, RUNNING, UNFINISHED = (
    "live",
    "no longer live",
    "refused",
    "failed",
    "running",
    "not published",
)
_PUBLISH = "publish_recommendations"


@dataclass(frozen=True)
class Outcome:
    """kind: live, no longer live, refused, failed, running or not published; sentence: for a person; message: what the
    stage said that stopped it."""

    kind: str
    sentence: str
    message: str | None = None


@dataclass(frozen=True)
class Trouble:
    """A run date later than the report's whose run did not end well."""

    run_date: dt.date
    sentence: str
    message: str | None


def outcome(report: Report) -> Outcome:
    """What became of the day's run."""
    day, live = report.run_date, report.live
    of_day = report.stages_of(day)
    last = of_day[-1] if of_day else None
    before = f" The lists of {live.run_date} are live." if live and live.run_date != day else ""
    if not live:
        before = " Nothing has been published yet."
    if live and live.run_date == day:
        how = "were made live again" if live.action == "rollback" else "went live"
        sentence = f"The lists of {day} are live. They {how} on {moment(live.published_at)} UTC."
        if last and last.status in ("failed", "refused"):
            return Outcome(
                LIVE, f"{sentence} A later run of the day ended in {last.stage}: {last.status}.", last.message
            )
        return Outcome(LIVE, sentence)
    if last is not None and last.status == "refused":
        return Outcome(REFUSED, f"The lists of {day} were refused in {last.stage}.{before}", last.message)
    if last is not None and last.status == "failed":
        return Outcome(FAILED, f"The run of {day} failed in {last.stage}.{before}", last.message)
    if last is not None and last.status == "running":
        return Outcome(RUNNING, f"The run of {day} is in {last.stage}, since {moment(last.started_at)} UTC.{before}")
    if any(one.run_date == day for one in report.publications):
        gone = "are live no longer"
        if live and live.action == "rollback":
            gone = f"were live until the rollback of {moment(live.published_at)} UTC"
        return Outcome(PUBLISHED_BEFORE, f"The lists of {day} were published, and {gone}.{before}")
    if last is None:
        return Outcome(UNFINISHED, f"The ledger holds no run of {day}.{before}")
    if last.stage == _PUBLISH:
        return Outcome(UNFINISHED, f"The lists of {day} are ready and were not published.{before}", last.message)
    return Outcome(UNFINISHED, f"The run of {day} ended after {last.stage}; nothing of it is published.{before}")


def later_trouble(report: Report) -> list[Trouble]:
    """Later run dates that failed or were refused: who opens the page wants to know of them first. Newest first."""
    found = []
    for day in sorted({run.run_date for run in report.later}, reverse=True):
        last = max((run for run in report.later if run.run_date == day), key=lambda run: run.started_at)
        if last.status in ("failed", "refused"):
            found.append(Trouble(day, f"The run of {day} {_ended(last)} in {last.stage}.", last.message))
    return found


def in_words(report: Report) -> list[str]:
    """The day's lists in a few sentences: how many, how personal, how good."""
    sentences = []
    users, rows, personal = (report.count(name) for name in ("users", "rows", "tier_0"))
    if users is not None:
        sentence = f"{count(users)} people have a list"
        if rows and personal is not None:
            sentence += f"; {percent(personal / rows)} of the places are personalised, the others hold what is popular"
        sentences.append(f"{sentence}.")
    found = _quality(report, BACKTEST, OURS, "in the backtest")
    sentences += found or ["How good the lists are was not measured."]
    if report.figure(report.run_date, BACKTEST, PUBLISHED, "ndcg", usual_length(report, BACKTEST)):
        sentences.append(f"Beside the last publication: {_difference(report, BACKTEST, OURS, PUBLISHED)}.")
    return sentences + _quality(report, LIVE_STAGE, "live", "of the lists that were live, on what followed,")


def _quality(report: Report, stage: str, ours: str, where: str) -> list[str]:
    """nDCG beside popularity's, in a sentence; none where it was not measured."""
    k = usual_length(report, stage)
    measured = report.figure(report.run_date, stage, ours, "ndcg", k)
    popular = report.figure(report.run_date, stage, POPULAR, "ndcg", k)
    if measured is None:
        return []
    interval = (
        f" (95\u00a0% interval {decimal(measured.low)} to {decimal(measured.high)})" if measured.low is not None else ""
    )
    sentence = f"{metric_name('ndcg', k)} {where} is {decimal(measured.value)}{interval}"
    if popular is None:
        return [f"{sentence}."]
    return [
        f"{sentence}, against {decimal(popular.value)} for popularity: {_difference(report, stage, ours, POPULAR)}."
    ]


def failures(runs: Iterable[StageRun], most: int) -> tuple[list[StageRun], int]:
    """Stages that failed or were refused, newest first, and how many more there are."""
    bad = sorted(
        (run for run in runs if run.status in ("failed", "refused")), key=lambda run: run.started_at, reverse=True
    )
    return bad[:most], len(bad[most:])


def _ended(run: StageRun) -> str:
    return "was refused" if run.status == "refused" else "failed"


def _difference(report: Report, stage: str, ours: str, other: str) -> str:
    difference = report.figure(report.run_date, stage, f"{ours} - {other}", "ndcg", usual_length(report, stage))
    found = verdict(difference)
    if difference is None or found == UNKNOWN:
        return "the difference was not measured"
    if found == UNCLEAR:
        of = f"{signed(difference.value)} ({signed(difference.low)} to {signed(difference.high)})"
        chance = ""
        if difference.p_value is not None:
            chance = f" (p {probability(difference.p_value)}, corrected for the number of differences)"
        return f"no clear difference, {of}: it may be chance{chance}"
    value, *ends = (abs(one or 0.0) for one in (difference.value, difference.low, difference.high))
    return f"{found} by {decimal(value)} ({decimal(min(ends))} to {decimal(max(ends))}), more than chance explains"

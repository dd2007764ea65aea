"""The ledger as the page shows it: rows in, refused rows, seconds by stage, failures, publications."""

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar

from repertoire.report.contents import IngestedFile, Publication, Rejections, Report, StageRun
from repertoire.report.outcome import failures

# What of each is shown; the rest is said to be there. The page stays small whatever the ledger holds.
MOST_FILES, MOST_RULES, MOST_FAILURES, MOST_PUBLICATIONS, MOST_RUNS, MOST_STAGES = 60, 20, 20, 40, 600, 40

Thing = TypeVar("Thing")


@dataclass(frozen=True)
class RowsIn:
    """What came in on a day, of one kind: events, items or users."""

    run_date: dt.date
    kind: str
    files: int
    read: int
    accepted: int
    rejected: int
    duplicate: int

    @property
    def rejected_share(self) -> float | None:
        return self.rejected / self.read if self.read else None


@dataclass(frozen=True)
class Shown(Generic[Thing]):
    """Some of the things there are, and how many more there are."""

    shown: Sequence[Thing]
    more: int


@dataclass(frozen=True)
class LedgerPage:
    """rows_in: newest day first. files, rejections, stages: of the report's day. runs: all stages of all days, newest
    first. slowest: the most seconds that a stage of the day took."""

    rows_in: list[RowsIn]
    files: Shown[IngestedFile]
    rejections: Shown[Rejections]
    rejected_rows: int
    stages: list[StageRun]
    slowest: float
    seconds: float
    jobs: int
    runs: Shown[StageRun]
    failures: Shown[StageRun]
    publications: Shown[Publication]


def ledger(report: Report) -> LedgerPage:
    stages = report.stages_of(report.run_date)[-MOST_STAGES:]
    of_day = [file for file in report.files if file.run_date == report.run_date]
    bad, more_bad = failures((*report.stages, *report.later), MOST_FAILURES)
    return LedgerPage(
        rows_in=rows_in(report.files),
        files=_first(sorted(of_day, key=lambda file: (file.kind, file.path)), MOST_FILES),
        rejections=_first(sorted(report.rejections, key=_most_rows), MOST_RULES),
        rejected_rows=sum(one.rows for one in report.rejections),
        stages=stages,
        slowest=max((run.seconds or 0.0 for run in stages), default=0.0),
        seconds=sum(run.seconds or 0.0 for run in stages),
        jobs=sum(run.spark_jobs or 0 for run in stages),
        runs=_first(sorted(report.stages, key=lambda run: run.started_at, reverse=True), MOST_RUNS),
        failures=Shown(bad, more_bad),
        publications=_first(sorted(report.publications, key=_newest, reverse=True), MOST_PUBLICATIONS),
    )


def rows_in(files: Sequence[IngestedFile]) -> list[RowsIn]:
    """Files added up by day and kind; the newest day first."""
    by_day: dict[tuple[dt.date, str], list[IngestedFile]] = {}
    for file in files:
        by_day.setdefault((file.run_date, file.kind), []).append(file)
    return [
        RowsIn(
            day,
            kind,
            len(found),
            sum(file.rows_read for file in found),
            sum(file.rows_accepted for file in found),
            sum(file.rows_rejected for file in found),
            sum(file.rows_duplicate for file in found),
        )
        for (day, kind), found in sorted(by_day.items(), key=lambda one: (-one[0][0].toordinal(), one[0][1]))
    ]


def _first(found: Sequence[Thing], most: int) -> Shown[Thing]:
    return Shown(found[:most], len(found[most:]))


def _most_rows(one: Rejections) -> tuple[int, str]:
    return (-one.rows, one.rule)


def _newest(one: Publication) -> dt.datetime:
    return one.published_at

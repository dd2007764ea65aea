"""What a report is made of: plain values, as the tables hold them."""

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property


@dataclass(frozen=True)
class StageRun:
    """One stage of one run, of the table `runs`."""

    run_id: str
    run_date: dt.date
    stage: str
    status: str
    started_at: dt.datetime
    seconds: float | None
    spark_jobs: int | None
    rows_written: Mapping[str, int]
    message: str | None


@dataclass(frozen=True)
class Metric:
    """One measured figure, of the table `metrics`."""

    run_date: dt.date
    stage: str
    model: str
    metric: str
    k: int
    segment: str | None
    value: float | None
    low: float | None
    high: float | None
    p_value: float | None
    users: int | None


@dataclass(frozen=True)
class IngestedFile:
    """One file of the input, of the table `ingested_files`."""

    run_date: dt.date
    path: str
    kind: str
    rows_read: int
    rows_accepted: int
    rows_rejected: int
    rows_duplicate: int


@dataclass(frozen=True)
class RejectedRow:
    """A row of the input that broke a rule."""

    source: str
    raw: str
    field: str | None
    value: str | None


@dataclass(frozen=True)
class Rejections:
    """The rows of a day that broke one rule: how many, and some of them."""

    rule: str
    rows: int
    examples: tuple[RejectedRow, ...]


@dataclass(frozen=True)
class Publication:
    """One change of the live lists, of the table `publications`."""

    published_at: dt.datetime
    action: str
    run_date: dt.date
    users: int
    rows: int
    run_id: str


@dataclass(frozen=True)
class Work:
    """A work that a person has had to do with; `last` is the day of the last event, None where the log has no times."""

    item_id: str
    title: str | None
    strength: float
    last: dt.date | None


@dataclass(frozen=True)
class Place:
    """A place in a person's list; `reason` is in words."""

    rank: int
    item_id: str
    title: str | None
    reason: str
    tier: int


@dataclass(frozen=True)
class Person:
    """A user with the strongest works of their history (`works`: how many there are in all) and the head of their
    list. attributes: what is known of the user, where that was looked up."""

    user_id: str
    attributes: Mapping[str, str]
    works: int
    history: tuple[Work, ...]
    places: tuple[Place, ...]


@dataclass(frozen=True)
class Report:
    """One day of a warehouse, and the days before it.

    dates: the run dates that are shown, in their order; the last one is the day of the report. stages, metrics, files
    and publications are those of the dates, but of the metrics about groups of users only those of the day; `later` are
    the stages of run dates after the report's. rejections are of the day alone. live: the publication that is live now.
    people: users of the day's lists; the first `in_full` of them are shown in full, the others can be searched for.
    """

    warehouse: str
    dates: tuple[dt.date, ...]
    stages: tuple[StageRun, ...]
    later: tuple[StageRun, ...]
    metrics: tuple[Metric, ...]
    files: tuple[IngestedFile, ...]
    rejections: tuple[Rejections, ...]
    publications: tuple[Publication, ...]
    live: Publication | None
    people: tuple[Person, ...]
    in_full: int

    @property
    def run_date(self) -> dt.date:
        return self.dates[-1]

    def stages_of(self, day: dt.date) -> list[StageRun]:
        """The newest entry of every stage of a day, in the order in which they ran."""
        newest: dict[str, StageRun] = {}
        for run in sorted((run for run in self.stages if run.run_date == day), key=lambda run: run.started_at):
            newest.pop(run.stage, None)
            newest[run.stage] = run
        return list(newest.values())

    @cached_property
    def _of_all_users(self) -> dict[tuple[dt.date, str, str, str, int], Metric]:
        measured = (one for one in self.metrics if one.segment is None and one.value is not None)
        return {(one.run_date, one.stage, one.model, one.metric, one.k): one for one in measured}

    def figure(self, day: dt.date, stage: str, model: str, metric: str, k: int = 0) -> Metric | None:
        """A figure about all users; None where it was not measured."""
        return self._of_all_users.get((day, stage, model, metric, k))

    def count(self, metric: str, day: dt.date | None = None) -> float | None:
        """A count of a day's lists, such as users, rows, items_shown or tier_0; of the report's day by default."""
        found = self.figure(day or self.run_date, "rank_recommendations", "recommendations", metric)
        return None if found is None else found.value

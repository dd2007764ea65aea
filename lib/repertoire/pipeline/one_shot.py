"""From a log to lists without a warehouse: the stages' own functions, one after the other, on what is in a scratch folder.

What is read again lies there as Parquet; there is no table, ledger or lease, for nobody else sees the folder and nobody
asks it again. Settings, rows and lists are those of a warehouse's first run.
"""

import contextlib
import datetime as dt
import time
import uuid
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from functools import cache, partial
from types import SimpleNamespace

from pyspark.sql import DataFrame, SparkSession

from repertoire.candidates.recommender import FittedModel, Fitting
from repertoire.candidates.sources import fallback_tiers, fit_source, propose_from_sources, together
from repertoire.errors import InputError, TableError
from repertoire.frames.materialise import materialise
from repertoire.pipeline import (
    build_features,
    generate_candidates,
    ingest_events,
    rank_recommendations,
    train_candidates,
    train_ranker,
)
from repertoire.pipeline import ledger as status
from repertoire.pipeline.cutoff import cutoff_of
from repertoire.pipeline.ledger import Entry
from repertoire.pipeline.log_marks import mark_logs
from repertoire.pipeline.progress import Progress
from repertoire.pipeline.stage import Inputs, Merge, Outputs, RunContext, Stage
from repertoire.pipeline.stage_cost import CostAccount
from repertoire.pipeline.stages import STAGES as NIGHTLY
from repertoire.ranking.blend_by_tier import blend_by_tier, fill_up
from repertoire.settings import Settings
from repertoire.store.frames import conform, empty_frame
from repertoire.store.schemas import arrow_schema
from repertoire.tables import EVENTS, INTERACTIONS, ITEMS, REJECTED_EVENTS, USERS, Table
from repertoire.two_stage.learn import learn
from repertoire.two_stage.rank import rank

_AS_THEY_COME = (EVENTS, ITEMS, USERS, REJECTED_EVENTS)
"""Tables that are not written: their stage has left them in its scratch folder, or nobody reads them."""


def stages_of(settings: Settings) -> list[Stage]:
    """The nightly job's stages that are gone through, as far as the settings leave them something to do."""
    until = NIGHTLY[: NIGHTLY.index(rank_recommendations.STAGE) + 1]
    return [stage for stage in until if not stage.why_idle(settings)]


def check(settings: Settings) -> None:
    """Raises SettingsError or InputError for what a stage looks for in vain. Starts nothing."""
    for stage in stages_of(settings):
        if stage.check:
            stage.check(settings.view(stage.settings))


def recommend_once(
    settings: Settings,
    session: Callable[[], SparkSession],
    scratch: str,
    today: dt.date,
    progress: Progress,
    write: Callable[[DataFrame], str],
) -> None:
    """Makes the lists as of the log's last day, and has them written.

    today: the day of events without a time. scratch: a folder of the caller's own. write: takes user_id, rank, item_id,
    score, reason, source, fallback_tier, and gives what is to be told of the lists.
    """
    run = _OneShot(settings, session, scratch, progress)
    run.do(ingest_events.STAGE, today)
    # The lists are as of the log's last day, whenever that was.
    run.build_features()
    with run.step(train_candidates.STAGE, run.last_day) as context:
        fitting = train_candidates.fitting_of(*run.given(train_candidates.STAGE), context)
        model = cache(partial(_fitted, fitting, progress))
        for source in settings.candidates.models:
            model(source)
    ranker = None
    if settings.ranking.ranker.on:
        with run.step(train_ranker.STAGE, run.last_day) as context:
            ranker = learn(train_ranker.world_of(*run.given(train_ranker.STAGE), context))
    with run.step(generate_candidates.STAGE, run.last_day) as context:
        request = generate_candidates.request_of(*run.given(generate_candidates.STAGE), context)
        proposals = propose_from_sources(model, request, context.scratch)  # what fills up is fitted if it is needed
    tiers = {source: tier for source, tier in fallback_tiers(settings.candidates).items() if source in proposals}
    with run.step(rank_recommendations.STAGE, run.last_day) as context:
        candidates, top_k = together(proposals), settings.ranking.top_k
        if ranker is None:
            lists = blend_by_tier(candidates, tiers, top_k)
        else:
            known = train_ranker.known_of(*run.given(rank_recommendations.STAGE), context)
            lists = fill_up(rank(ranker, candidates, known), candidates, tiers, top_k)
        progress.said(write(lists))


def _fitted(fitting: Fitting, progress: Progress, source: str) -> FittedModel:
    model = fit_source(source, fitting)
    progress.said(train_candidates.told(model))
    folder = f"{fitting.scratch}/fitted/{source}"
    return replace(model, tables={name: materialise(frame, f"{folder}/{name}") for name, frame in model.tables.items()})


class _OneShot:
    """What the stages so far have made."""

    def __init__(
        self, settings: Settings, session: Callable[[], SparkSession], scratch: str, progress: Progress
    ) -> None:
        self._settings, self._session, self._scratch, self._progress = settings, session, scratch, progress
        self._run_id = uuid.uuid4().hex
        self._account = CostAccount(progress.said)
        self._steps = 0
        self.frames: dict[str, DataFrame] = {}
        self._on_demand: Mapping[Table, Callable[[], DataFrame]] = {}
        self.last_day = dt.date.min

    def do(self, stage: Stage, run_date: dt.date) -> None:
        with self.step(stage, run_date) as context:
            self._keep(stage.run(*self.given(stage), context))

    def build_features(self) -> None:
        """Makes the interactions. The tables of features are made when a step reads them."""
        with self.step(build_features.STAGE, self.last_day) as context:
            inputs, settings = self.given(build_features.STAGE)
            self._keep(Outputs({INTERACTIONS: build_features.interactions_of(inputs, settings, context)}))
            self._on_demand = build_features.features_of(inputs, self.frames[INTERACTIONS.name], settings, context)

    def given(self, stage: Stage) -> tuple[Inputs, SimpleNamespace]:
        """What the stage reads, and its settings."""
        return self._inputs(stage), self._settings.view(stage.settings)

    @contextlib.contextmanager
    def step(self, stage: Stage, run_date: dt.date) -> Iterator[RunContext]:
        """Tells of a step what a run of the stage tells."""
        name = stage.name
        began, clock = dt.datetime.now(dt.UTC), time.monotonic()
        self._steps += 1
        self._progress.started(name, self._steps, len(stages_of(self._settings)))
        entry = Entry(self._run_id, run_date, name, status.RUNNING, began, "", {})
        try:
            spark, group = self._session(), f"{self._run_id}/{name}"
            spark.sparkContext.setJobGroup(group, name)
            mark_logs(spark, self._run_id, name)
            self._account.start(spark, group)
            yield self._context(name, run_date, began)
        except BaseException as error:
            self._progress.finished(replace(entry, status=status.FAILED, seconds=time.monotonic() - clock), error)
            raise
        seconds, cost = time.monotonic() - clock, self._account.read()
        jobs = cost.spark_jobs if cost else None
        self._progress.finished(replace(entry, status=status.DONE, seconds=seconds, spark_jobs=jobs))

    def _context(self, name: str, run_date: dt.date, now: dt.datetime) -> RunContext:
        run = self._settings.run
        return RunContext(
            spark=self._session(),
            run_id=self._run_id,
            run_date=run_date,
            cutoff=cutoff_of(run_date, run.zone),
            zone=run.zone,
            now=now,
            seed=run.seed,
            scratch=f"{self._scratch}/{name}",
            say=self._progress.said,
            keeps_events=False,
        )

    def _inputs(self, stage: Stage) -> Inputs:
        tables = (*stage.reads, *stage.reads_if_there)
        for table in tables:
            if table in self._on_demand and table.name not in self.frames:
                self._keep(Outputs({table: self._on_demand[table]()}))
        nothing = {table.name: arrow_schema(table).empty_table() for table in tables if table.ledger}
        frames = {
            table.name: self.frames[table.name] if table.name in self.frames else empty_frame(self._session(), table)
            for table in tables
            if not table.ledger
        }
        there: Mapping[str, int | str | None] = dict.fromkeys(self.frames, 0)
        return Inputs(frames, nothing, nothing, _no_model, there, _no_other_day, _no_other_day)

    def _keep(self, outputs: Outputs) -> None:
        folder = f"{self._scratch}/made"
        for table, made in outputs.frames.items():
            frame = made.frame if isinstance(made, Merge) else made
            if table not in _AS_THEY_COME:
                frame = materialise(conform(frame, table), f"{folder}/{table.name}")
            self.frames[table.name] = frame
        if isinstance(events := outputs.frames.get(EVENTS), Merge):
            if not events.event_dates:
                raise InputError("the log holds no event that could be used. Nothing was written.")
            self.last_day = max(events.event_dates)


def _no_model(name: str) -> FittedModel:
    raise TableError(f"no stored model {name}: there is no warehouse")


def _no_other_day(*_: object) -> None:
    """There is no other day than this one."""

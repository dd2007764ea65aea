"""Runs stages for a date: the only code that reads and writes the tables of a stage.

For every stage: which versions of its inputs to read (those of the ledger, where the date has been run before), whether
it is done already, its run, its outputs each in one commit under the lease, and its entry in the ledger.
"""

import datetime as dt
import hashlib
import json
import time
import uuid
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

from pyspark.sql import DataFrame, SparkSession

from repertoire.candidates.recommender import FittedModel
from repertoire.errors import GateRefusedError, RepertoireError, SettingsError, TableError, unknown_name
from repertoire.pipeline import ledger as status
from repertoire.pipeline.cutoff import cutoff_of
from repertoire.pipeline.lease import SHARED, UPKEEP, Lease, of_date, utc_now
from repertoire.pipeline.ledger import Entry, Ledger, Versions
from repertoire.pipeline.log_marks import mark_logs
from repertoire.pipeline.progress import Progress
from repertoire.pipeline.single_writer import sole_writer
from repertoire.pipeline.stage import Inputs, Merge, Outputs, RunContext, Stage, Tended
from repertoire.pipeline.stage_cost import CostAccount, StageCost
from repertoire.session import spark_conf
from repertoire.settings import Settings
from repertoire.store import Warehouse
from repertoire.store.exports import point_live, write_export
from repertoire.store.file_systems import refuse_unsafe_writing
from repertoire.store.models import load_model, save_model
from repertoire.tables import MODELS, PUBLICATIONS, RECOMMENDATIONS, RUNS, TABLES, Table, Written


@dataclass(frozen=True)
class RunOptions:
    """What to run. first, last: names of stages, inclusive; force: do again what is done; latest: read the newest
    versions of the inputs instead of those that the date's first run read."""

    run_date: dt.date
    first: str | None = None
    last: str | None = None
    force: bool = False
    latest: bool = False


class Runner:
    """Runs a list of stages on one warehouse.

    session: starts Spark when it is first needed; a run in which nothing is left to do never calls it.
    """

    def __init__(
        self,
        warehouse: Warehouse,
        settings: Settings,
        stages: Sequence[Stage],
        progress: Progress,
        session: Callable[[], SparkSession],
    ) -> None:
        self._warehouse, self._settings, self._stages, self._progress = warehouse, settings, tuple(stages), progress
        self._session = session

    def check(self, options: RunOptions) -> list[Stage]:
        """The stages that would run. Starts nothing.

        Raises SettingsError or InputError for an unknown stage, an input that is neither there nor written before,
        input from outside that a stage looks for in vain, or a file system on which two runs could destroy each other's
        commits; TableVersionError for tables of another version of Repertoire.
        """
        self._refuse_unsafe_writing()
        chosen = self._chosen(options)
        self._check_versions(chosen)
        written: set[str] = set()
        for stage in chosen:
            if stage.why_idle(self._settings):
                continue
            if stage.check:
                stage.check(self._settings.view(stage.settings))
            for table in stage.reads:
                if table.name not in written:
                    self._require(stage, table, options.run_date, None)
            if stage.needs_models and not any(earlier.trains for earlier in chosen[: chosen.index(stage)]):
                self._require_models(stage, options.run_date)
            written |= {table.name for table in stage.writes}
        return chosen

    def run(self, options: RunOptions) -> list[Entry]:
        """Runs the stages for the date and gives their entries; those that were done already have their old ones.

        Raises LeaseHeldError if another run works on the date, and whatever a stage raises, after the ledger has it.
        """
        chosen = self.check(options)
        run_id = f"{options.run_date.isoformat()}-{uuid.uuid4().hex[:8]}"
        tends = chosen[0].tends_warehouse
        under_lease = {stage.name for stage in self._stages if stage.tends_warehouse == tends}
        with (
            sole_writer(self._warehouse, self._settings.run, f"run {run_id}") as alone,
            self._lease(UPKEEP if tends else of_date(options.run_date), run_id) as lease,
        ):
            ledger = Ledger(self._warehouse, options.run_date)
            ledger.close_abandoned(utc_now(), under_lease)
            history = [entry for entry in ledger.entries() if entry.stage in under_lease]
            unfinished = _unfinished_run(history)
            one = _OneRun(self, ledger, lease, alone, options, unfinished or run_id, history)
            self._progress.began(one.run_id, options.run_date)
            try:
                return [one.stage(stage, number, len(chosen)) for number, stage in enumerate(chosen, start=1)]
            finally:
                self._warehouse.files.delete(self._warehouse.folder("scratch", one.run_id))

    def _refuse_unsafe_writing(self) -> None:
        settings = self._settings
        refuse_unsafe_writing(
            self._warehouse.root,
            single_writer=settings.run.single_writer,
            spark_conf=spark_conf(settings.spark),
            settings_conf=settings.spark.conf,
        )

    def _chosen(self, options: RunOptions) -> list[Stage]:
        names = [stage.name for stage in self._stages]
        for name in (options.first, options.last):
            if name is not None and name not in names:
                raise SettingsError(unknown_name("stage", name, names))
        first = names.index(options.first) if options.first else 0
        last = names.index(options.last) if options.last else len(names) - 1
        if first > last:
            raise SettingsError(
                f"--from {options.first} comes after --to {options.last}; the order is: {', '.join(names)}"
            )
        return list(self._stages[first : last + 1])

    def _check_versions(self, chosen: Sequence[Stage]) -> None:
        of_stages = {table for stage in chosen for table in (*stage.reads, *stage.reads_if_there, *stage.writes)}
        tends = any(stage.tends_warehouse for stage in chosen)
        for table in TABLES.values() if tends else of_stages | {RUNS}:
            self._warehouse.tables.check_version(table, to_migrate=tends)

    def _lease(self, name: str, run_id: str, wait: float = 0) -> Lease:
        warehouse = self._warehouse
        seconds = self._settings.run.lease_seconds
        return Lease(warehouse.files, warehouse.folder("leases"), name, f"run {run_id}", seconds=seconds, wait=wait)

    def _require(self, stage: Stage, table: Table, run_date: dt.date, version: int | None) -> None:
        """Raises TableError if a table that a stage reads is not there, or holds nothing of the date."""
        tables = self._warehouse.tables
        writers = [other.name for other in self._stages if table in other.writes]
        run_it = f"Run {' and '.join(writers)} first" if writers else "No stage writes it"
        if tables.version(table) is None:
            raise TableError(f"{stage.name} reads table {table.name}, which {self._warehouse.root} lacks. {run_it}.")
        if table.written is Written.REPLACE_RUN_DATE and not table.ledger:
            dates = tables.run_dates(table, version)
            if run_date not in dates:
                known = ", ".join(str(date) for date in sorted(dates)[-3:]) or "none"
                raise TableError(
                    f"{stage.name} reads table {table.name}, which holds no rows of {run_date} "
                    f"(newest dates: {known}). {run_it}."
                )

    def _require_models(self, stage: Stage, run_date: dt.date) -> None:
        if not self._warehouse.tables.rows(MODELS, where=[("run_date", "=", run_date)]).num_rows:
            trainers = " and ".join(other.name for other in self._stages if other.trains)
            raise TableError(f"{stage.name} needs a model of {run_date}; there is none. Run {trainers} first.")


class _OneRun:
    """One call of `Runner.run`: what it knows of the date so far, stage by stage."""

    def __init__(
        self,
        runner: Runner,
        ledger: Ledger,
        lease: Lease,
        alone: Callable[[], None],
        options: RunOptions,
        run_id: str,
        history: list[Entry],
    ) -> None:
        self._runner, self._ledger, self._lease, self._alone, self._options = runner, ledger, lease, alone, options
        self._settings, self._warehouse = runner._settings, runner._warehouse
        self.run_id = run_id
        self._account = CostAccount(runner._progress.said)
        self._newest = {entry.stage: entry for entry in history}
        self._done = {entry.stage: entry for entry in history if entry.status == status.DONE}

    def stage(self, stage: Stage, number: int, of: int) -> Entry:
        versions = self._versions(stage)
        settings_id = self._settings.fingerprint(stage.settings)
        before = self._done.get(stage.name)
        if (
            before is not None
            and not self._options.force
            and not stage.tends_warehouse
            and not (self._options.latest and stage.takes_files)
            and before.settings_id == settings_id
            and dict(before.input_versions) == dict(versions)
            and not self._removed(stage, before)
        ):
            self._runner._progress.skipped(stage.name)
            return before
        if idle := stage.why_idle(self._settings):
            return self._leave(stage, settings_id, versions, idle, number, of)
        for table in stage.reads:
            version = versions[table.name]
            self._runner._require(stage, table, self._options.run_date, version if isinstance(version, int) else None)
        if stage.needs_models and not any(name.startswith("model:") for name in versions):
            self._runner._require_models(stage, self._options.run_date)
        self._runner._progress.started(stage.name, number, of)
        shared = [table for table in stage.writes if table.written is not Written.REPLACE_RUN_DATE and not table.ledger]
        if not shared:
            return self._execute(stage, versions, settings_id)
        with self._runner._lease(SHARED, self.run_id, wait=self._settings.run.wait_seconds) as lease:
            return self._execute(stage, versions, settings_id, lease)

    def _removed(self, stage: Stage, before: Entry) -> bool:
        """Whether rows of this date that the stage wrote before are there no longer, having grown too old to keep."""
        return any(
            (before.rows_written or {}).get(table.name)
            and self._options.run_date not in self._warehouse.tables.run_dates(table)
            for table in stage.writes
            if table.partitioned_by == ("run_date",)
        )

    # --- which versions

    def _versions(self, stage: Stage) -> dict[str, int | str | None]:
        """What the stage is to read: what this date's earlier stages wrote; else what the stage read when it first ran
        for the date; else what is newest."""
        written: dict[str, int | str | None] = {}
        for earlier in self._runner._stages[: self._runner._stages.index(stage)]:
            if earlier.name in self._done:
                written |= self._done[earlier.name].output_versions or {}
        known = self._newest.get(stage.name)
        pinned: Versions = known.input_versions if known and not self._options.latest else {}
        versions: dict[str, int | str | None] = {}
        for table in (*stage.reads, *stage.reads_if_there):
            if table.name in written:
                versions[table.name] = written[table.name]
            elif table.name in pinned:
                versions[table.name] = pinned[table.name]
            else:
                versions[table.name] = self._warehouse.tables.version(table)
        if stage.needs_models:
            versions |= {name: version for name, version in written.items() if name.startswith("model:")} or {
                f"model:{row['name']}": row["model_version"] for row in self._model_rows()
            }
        return versions

    def _models_of_others(self, stage: Stage) -> set[str]:
        """What other stages of this date wrote of models: model:NAME each."""
        done = [entry.output_versions or {} for name, entry in self._done.items() if name != stage.name]
        return {name for versions in done for name in versions if name.startswith("model:")}

    def _model_rows(self) -> list[dict[str, Any]]:
        where = [("run_date", "=", self._options.run_date)]
        return self._warehouse.tables.rows(MODELS, where=where).to_pylist()

    # --- one stage

    def _leave(self, stage: Stage, settings_id: str, versions: Versions, why: str, number: int, of: int) -> Entry:
        """Enters a stage that has nothing to do as done."""
        self._runner._progress.started(stage.name, number, of)
        self._runner._progress.said(why)
        now = utc_now()
        entry = Entry(
            run_id=self.run_id,
            run_date=self._options.run_date,
            stage=stage.name,
            status=status.DONE,
            started_at=now,
            settings_id=settings_id,
            input_versions=versions,
            ended_at=now,
            seconds=0.0,
            spark_jobs=0,
            output_versions={},
            rows_written={},
            exit_code=0,
            message=why,
        )
        self._ledger.write(entry)
        self._runner._progress.finished(entry, None)
        self._newest[stage.name] = self._done[stage.name] = entry
        return entry

    def _execute(self, stage: Stage, versions: Versions, settings_id: str, shared: Lease | None = None) -> Entry:
        spark = self._runner._session()
        began, clock = utc_now(), time.monotonic()
        rerun = stage.name in self._done and not self._options.latest
        entry = Entry(
            run_id=self.run_id,
            run_date=self._options.run_date,
            stage=stage.name,
            status=status.RUNNING,
            started_at=began,
            settings_id=settings_id,
            input_versions=versions,
        )
        self._ledger.write(entry)
        group = f"{self.run_id}/{stage.name}/{uuid.uuid4().hex[:8]}"
        spark.sparkContext.setJobGroup(group, f"{stage.name} {self._options.run_date}")
        mark_logs(spark, self.run_id, stage.name)
        self._runner._progress.in_application(spark.sparkContext.applicationId)
        self._account.start(spark, group)
        said: list[str] = []

        def say(text: str) -> None:
            said.append(text)
            self._runner._progress.said(text)

        def close(
            outcome: str,
            exit_code: int,
            message: str | None,
            written: _Written | None = None,
            error: BaseException | None = None,
        ) -> Entry:
            ended_at, seconds = utc_now(), round(time.monotonic() - clock, 3)
            cost = self._account.read()
            closed = replace(
                entry,
                status=outcome,
                ended_at=ended_at,
                seconds=seconds,
                spark_jobs=cost.spark_jobs if cost else None,
                output_versions=written.versions if written else None,
                rows_written=written.rows if written else None,
                exit_code=exit_code,
                message=message,
            )
            self._ledger.write(closed)
            if cost:
                self._enter(closed, cost)
            self._runner._progress.finished(closed, error)
            return closed

        def guard() -> None:
            self._alone()
            self._lease.check()
            if shared:
                shared.check()

        tended = Tended(self._warehouse, self._lease_of, guard) if stage.tends_warehouse else None
        context = self._context(stage, spark, began, say, tended)

        try:
            inputs = self._inputs(stage, spark, versions, rerun=rerun)
            outputs = stage.run(inputs, self._settings.view(stage.settings), context)
            written = self._write(stage, outputs, group, guard)
        except RepertoireError as error:
            outcome = status.REFUSED if isinstance(error, GateRefusedError) else status.FAILED
            close(outcome, error.exit_code, "\n".join([*said, str(error)]), error=error)
            raise
        except BaseException as error:
            words = f"{type(error).__name__}: {str(error)[:2000]}"
            close(status.FAILED, 1, "\n".join([*said, words]), error=error)
            raise
        finally:
            self._warehouse.files.delete(context.scratch)
        done = close(status.DONE, 0, "\n".join(said) or None, written)
        self._newest[stage.name] = self._done[stage.name] = done
        return done

    # A run does not fail for want of its accounts.

    def _enter(self, entry: Entry, cost: StageCost) -> None:
        try:
            self._ledger.write_cost(entry, cost)
        except Exception as error:
            self._runner._progress.said(f"what the stage cost could not be entered: {type(error).__name__}")

    def _lease_of(self, name: str, wait: float) -> Lease:
        return self._runner._lease(name, self.run_id, wait=wait)

    def _context(
        self, stage: Stage, spark: SparkSession, began: dt.datetime, say: Callable[[str], None], tended: Tended | None
    ) -> RunContext:
        run = self._settings.run
        run_date = self._options.run_date
        scratch = self._settings.spark.scratch or self._warehouse.folder("scratch")
        return RunContext(
            spark=spark,
            run_id=self.run_id,
            run_date=run_date,
            cutoff=cutoff_of(run_date, run.zone),
            zone=run.zone,
            now=began,
            seed=run.seed,
            scratch=f"{scratch}/{self.run_id}/{stage.name}",
            say=say,
            tended=tended,
        )

    def _inputs(self, stage: Stage, spark: SparkSession, versions: Versions, *, rerun: bool) -> Inputs:
        tables, run_date = self._warehouse.tables, self._options.run_date
        frames, ledgers, newest = {}, {}, {}
        for table in (*stage.reads, *stage.reads_if_there):
            version = versions[table.name]
            number = version if isinstance(version, int) else None
            keyed = table.written is Written.REPLACE_RUN_DATE
            if table.ledger:
                where = [("run_date", "=", run_date)] if keyed else []
                ledgers[table.name] = tables.rows(table, number, where) if number is not None else tables.none(table)
                newest[table.name] = tables.rows(table, None, where)
            else:
                frames[table.name] = tables.read(spark, table, number, run_date if keyed else None)

        def of_day(table: Table, day: dt.date, version: int | None) -> DataFrame | None:
            number = version if version is not None else versions[table.name]
            if not isinstance(number, int) or day not in tables.run_dates(table, number):
                return None
            return tables.read(spark, table, number, day)

        def model_of_day(name: str, day: dt.date) -> FittedModel | None:
            rows = tables.rows(MODELS, where=[("run_date", "=", day), ("name", "=", name)]).to_pylist()
            return self._load_model(spark, name, day, rows[0]["model_version"]) if rows else None

        model = self._model_loader(spark, versions)
        return Inputs(frames, ledgers, newest, model, versions, of_day, model_of_day, rerun)

    def _model_loader(self, spark: SparkSession, versions: Versions) -> Callable[[str], FittedModel]:
        def load(name: str) -> FittedModel:
            version = versions.get(f"model:{name}")
            if version is None:
                raise TableError(f"no model {name} of {self._options.run_date} in {self._warehouse.root}")
            return self._load_model(spark, name, self._options.run_date, str(version))

        return load

    def _load_model(self, spark: SparkSession, name: str, run_date: dt.date, version: str) -> FittedModel:
        folder = self._warehouse.folder(_model_path(run_date, name, version))
        tables, metadata = load_model(spark, self._warehouse.files, folder)
        return FittedModel(name, tables, metadata)

    # --- what it wrote

    def _write(self, stage: Stage, outputs: Outputs, mark: str, guard: Callable[[], None]) -> "_Written":
        tables, run_date = self._warehouse.tables, self._options.run_date
        produced = {*outputs.frames, *outputs.rows} | ({MODELS} if outputs.models else set())
        undeclared = {table.name for table in produced} - {table.name for table in stage.writes}
        if undeclared:
            raise TableError(f"{stage.name} wrote {sorted(undeclared)}, which it does not declare among its writes")
        written = _Written({}, {})
        for table in stage.writes:
            if table in outputs.frames:
                given = outputs.frames[table]
                guard()
                if not isinstance(given, Merge):
                    commit = tables.replace_run_date(given, table, run_date, mark)
                elif table.written is Written.INSERT:
                    commit = tables.insert_new(given.frame, table, given.event_dates, mark)
                else:
                    commit = tables.upsert(given.frame, table, mark)
                written.rows[table.name] = commit.rows
            elif table in outputs.rows:
                guard()
                keyed = table.written is Written.REPLACE_RUN_DATE
                rows = outputs.rows[table]
                replaced = {"run_date": run_date, **({"stage": stage.name} if "stage" in table.key else {})}
                tables.write_rows(table, rows, replace=replaced if keyed else None)
                written.rows[table.name] = len(rows)
        if outputs.models:
            origin = self._settings.fingerprint(stage.settings) + outputs.fitted_on()
            suffix = f"{run_date.isoformat()}-{hashlib.sha256(origin.encode()).hexdigest()[:8]}"
            written.versions.update(self._write_models(stage, outputs.models, suffix, guard))
        if outputs.publication:
            self._publish(outputs, guard)
        for table in stage.writes:
            written.versions[table.name] = tables.version(table)
        return written

    def _write_models(
        self, stage: Stage, models: Sequence[FittedModel], suffix: str, guard: Callable[[], None]
    ) -> dict[str, str]:
        run_date = self._options.run_date
        rows, versions = [], {}
        for model in models:
            version = f"{model.name}-{suffix}"
            metadata = {**model.metadata, "model_version": version}
            folder = self._warehouse.folder(_model_path(run_date, model.name, version))
            save_model(self._warehouse.files, folder, model.tables, metadata)
            versions[f"model:{model.name}"] = version
            rows.append(
                {
                    "run_date": run_date,
                    "name": model.name,
                    "model_version": version,
                    "path": _model_path(run_date, model.name, version),
                    "run_id": self.run_id,
                    "metadata": json.dumps(metadata, default=str),
                }
            )
        guard()
        others = self._models_of_others(stage)
        kept = [row for row in self._model_rows() if f"model:{row['name']}" in others]
        self._warehouse.tables.write_rows(MODELS, [*kept, *rows], replace={"run_date": run_date})
        return versions

    def _publish(self, outputs: Outputs, guard: Callable[[], None]) -> None:
        """The export is written aside, then the pointer moves, then the export is shown. A run that dies between the
        two finds the pointer at its own lists, and shows them."""
        assert outputs.publication is not None
        row, lists = outputs.publication.row, outputs.publication.lists
        settings = self._settings.publication
        folder = write_export(
            self._warehouse.root, lists, str(row["export"]), parts=settings.export_files, by=RECOMMENDATIONS.sorted_by
        )
        guard()
        self._warehouse.tables.write_rows(PUBLICATIONS, [row])
        point_live(self._warehouse.files, self._warehouse.root, folder, keep=settings.keep_exports)


@dataclass(frozen=True)
class _Written:
    versions: dict[str, int | str | None]
    rows: dict[str, int]


def _model_path(run_date: dt.date, name: str, version: str) -> str:
    return f"models/{run_date.isoformat()}/{name}/{version}"


def _unfinished_run(history: Sequence[Entry]) -> str | None:
    """The id of the date's last run, if it ended before its last stage was done: it is resumed under its own name."""
    if not history or history[-1].status == status.DONE:
        return None
    return history[-1].run_id

"""What a stage is: a value that names what it reads and writes, and a function from the one to the other."""

import datetime as dt
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import Any
from zoneinfo import ZoneInfo

import pyarrow as pa
from pyspark.sql import DataFrame, SparkSession

from repertoire.candidates.recommender import FittedModel
from repertoire.errors import TableError
from repertoire.settings import Settings
from repertoire.store import Warehouse
from repertoire.tables import Table, table

Row = Mapping[str, Any]


@dataclass(frozen=True)
class Inputs:
    """What a stage reads, each table in one version, tables with a run_date cut to the run's.

    frames: tables read through Spark. ledgers: small tables as Arrow. newest: the ledgers as they are now, where the
    run reads older versions. model: loads a fitted model by name. versions: of every table read, and of model:NAME.
    rerun: whether this date's stage was done before, so that files from outside are to be taken as they were then.
    of_day: the rows of another run_date of a table, in the version that is read, or in the given one; None where there
    are none. model_of_day: loads a model by name that a run of another date fitted; None where there is none.
    """

    frames: Mapping[str, DataFrame]
    ledgers: Mapping[str, pa.Table]
    newest: Mapping[str, pa.Table]
    model: Callable[[str], FittedModel]
    versions: Mapping[str, int | str | None]
    of_day: Callable[[Table, dt.date, int | None], DataFrame | None]
    model_of_day: Callable[[str, dt.date], FittedModel | None]
    rerun: bool = False

    def frame(self, declared: Table) -> DataFrame:
        return self._get(self.frames, declared.name)

    def has(self, declared: Table) -> bool:
        """Whether the table has been made."""
        return self.versions.get(declared.name) is not None

    def rows(self, declared: Table) -> list[dict[str, Any]]:
        return self._get(self.ledgers, declared.name).to_pylist()

    def rows_now(self, declared: Table) -> list[dict[str, Any]]:
        return self._get(self.newest, declared.name).to_pylist()

    def _get(self, found: Mapping[str, Any], name: str) -> Any:
        if name not in found:
            raise TableError(f"a stage asked for table {name}, which it does not declare among its reads")
        return found[name]


@dataclass(frozen=True)
class Tended:
    """The whole warehouse, for a stage that looks after it.

    lease: the right to write what a name of `pipeline.lease` stands for, waited for so many seconds; raises
    LeaseHeldError. check: to be called before each commit; raises LeaseLostError where the stage's own lease is lost.
    """

    warehouse: Warehouse
    lease: Callable[[str, float], AbstractContextManager[Any]]
    check: Callable[[], None]


@dataclass(frozen=True)
class RunContext:
    """All that a stage may know besides its inputs. Nothing else reads a clock or the environment.

    run_date: the day; cutoff: the midnight that ends it, in the zone of the settings; zone: that zone; now: when the stage
    began, UTC; scratch: a folder of the stage's own, gone when it ends; say: tells the user one line; tended: the warehouse,
    for a stage that tends it. keeps_events: whether events go into their table, and so need ids.
    """

    spark: SparkSession
    run_id: str
    run_date: dt.date
    cutoff: dt.datetime
    zone: ZoneInfo
    now: dt.datetime
    seed: int
    scratch: str
    say: Callable[[str], None]
    tended: Tended | None = None
    keeps_events: bool = True


@dataclass(frozen=True)
class Merge:
    """A frame for a table that is not keyed by run_date. event_dates: the days it touches, for a table of events."""

    frame: DataFrame
    event_dates: frozenset[dt.date] = frozenset()


@dataclass(frozen=True)
class Publication:
    """Lists to go live: the row for `publications`, and what the export shows."""

    row: Row
    lists: DataFrame


@dataclass(frozen=True)
class Outputs:
    """What a stage gives: frames, rows of ledger tables, fitted models, lists to publish. What is absent stays as is.

    fitted_on: gives a hash of the rows that the models were fitted on; with the settings it names their version, so that the
    same rows and settings give the same version however often a run is repeated.
    """

    frames: Mapping[Table, DataFrame | Merge] = field(default_factory=dict)
    rows: Mapping[Table, Sequence[Row]] = field(default_factory=dict)
    models: Sequence[FittedModel] = ()
    fitted_on: Callable[[], str] = str
    publication: Publication | None = None


@dataclass(frozen=True)
class Stage:
    """A step of the nightly job, or one beside it.

    reads: tables that must hold this run_date (or exist, where they have none). reads_if_there: tables that may not
    exist yet; the stage then gets no rows. writes: the tables it may write. trains, needs_models: the step fits models,
    or reads fitted ones. settings: the sections that it is given; a change of one makes a rerun do it anew. check:
    looks at settings before anything starts, and raises for input that is not there. nothing_to_do: why the settings leave the
    stage nothing to do, or None; it is then done without Spark being started for it. takes_files: the step reads files
    from outside the warehouse, which may have changed since. tends_warehouse: the step looks after the tables of all
    dates: it gets the warehouse, holds a lease of its own instead of a date's, and is done whenever it is asked for.
    """

    name: str
    about: str
    run: Callable[[Inputs, SimpleNamespace, RunContext], Outputs]
    reads: tuple[Table, ...] = ()
    reads_if_there: tuple[Table, ...] = ()
    writes: tuple[Table, ...] = ()
    trains: bool = False
    needs_models: bool = False
    settings: tuple[str, ...] = ()
    check: Callable[[SimpleNamespace], None] | None = None
    nothing_to_do: Callable[[SimpleNamespace], str | None] | None = None
    takes_files: bool = False
    tends_warehouse: bool = False

    def why_idle(self, settings: Settings) -> str | None:
        """Why these settings leave it nothing to do; None where there is something."""
        return self.nothing_to_do(settings.view(self.settings)) if self.nothing_to_do else None

    def __post_init__(self) -> None:
        for declared in (*self.reads, *self.reads_if_there, *self.writes):
            table(declared.name)

"""`repertoire maintain | migrate`: the tables over the years."""

import datetime as dt
import sys
from collections.abc import Iterator
from typing import TYPE_CHECKING, Annotated

import typer

from repertoire.cli.options import Debug, Env, Set, Warehouse, overrides, parse_date
from repertoire.cli.outcome import explained
from repertoire.cli.run import run_stages
from repertoire.errors import InputError

if TYPE_CHECKING:
    from repertoire.settings import Settings
    from repertoire.store import Warehouse as OpenedWarehouse

RunDate = Annotated[
    str | None,
    typer.Option("--run-date", help="The day from which ages are counted, YYYY-MM-DD; by default the newest that ran."),
]
_SHOWN = 20


def maintain(
    run_date: RunDate = None,
    env: Env = None,
    set_: Set = None,
    warehouse: Warehouse = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="List what would go, change nothing.")] = False,
    debug: Debug = False,
) -> None:
    """Remove what is too old, put small files together, delete files that nothing needs."""
    with explained(debug=debug):
        _beside("maintain_tables", run_date, env, overrides(set_, run__warehouse=warehouse), dry_run, debug)


def migrate(
    run_date: RunDate = None,
    env: Env = None,
    set_: Set = None,
    warehouse: Warehouse = None,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="List the tables of older versions, change nothing.")
    ] = False,
    debug: Debug = False,
) -> None:
    """Take tables that an older version of Repertoire made to this one."""
    with explained(debug=debug):
        _beside("migrate_tables", run_date, env, overrides(set_, run__warehouse=warehouse), dry_run, debug)


def _beside(stage: str, run_date: str | None, env: str | None, given: list[str], dry_run: bool, debug: bool) -> None:
    from repertoire.cli.sessions import lazy_session
    from repertoire.settings import load_settings
    from repertoire.store import open_warehouse

    settings = load_settings(env=env, overrides=given)
    day = parse_date(run_date, "--run-date") if run_date else None
    if day is None or dry_run:
        with lazy_session(settings, app=f"repertoire {stage}", debug=debug) as session:
            opened = open_warehouse(settings.run.warehouse, session)
            day = day or _newest(opened)
            if dry_run:
                for line in (_would_maintain if stage == "maintain_tables" else _would_migrate)(opened, settings, day):
                    print(line)
                print("nothing was changed", file=sys.stderr)
                return
    run_stages(
        run_date=day.isoformat(),
        env=env,
        first=stage,
        last=stage,
        given=given,
        force=False,
        inputs="pinned",
        dry_run=False,
        debug=debug,
    )


def _newest(warehouse: "OpenedWarehouse") -> dt.date:
    from repertoire.tables import RUNS

    days = warehouse.tables.rows(RUNS).column("run_date").to_pylist()
    if not days:
        raise InputError(f"nothing has run in {warehouse.root} yet: there is nothing to look after")
    return max(days)


def _would_maintain(warehouse: "OpenedWarehouse", settings: "Settings", day: dt.date) -> Iterator[str]:
    from repertoire.pipeline.lease import utc_now
    from repertoire.pipeline.maintain_tables import describe, refuse_future
    from repertoire.pipeline.upkeep_plan import plan_upkeep

    refuse_future(day, utc_now().date())
    plan = plan_upkeep(warehouse, settings.maintenance, run_date=day, now=utc_now())
    for one in plan.tables:
        yield describe(one, settings.maintenance.keep_files)
        yield from _named(one.unneeded)
    for what, folders in (("models", plan.models), ("exports", plan.exports)):
        if folders:
            yield f"{what}: {len(folders):,} folders deleted"
            yield from _named(folders)


def _would_migrate(warehouse: "OpenedWarehouse", settings: "Settings", day: dt.date) -> Iterator[str]:
    from repertoire.pipeline.migrate_tables import behind

    yield from map(str, behind(warehouse))


def _named(paths: tuple[str, ...]) -> Iterator[str]:
    for path in paths[:_SHOWN]:
        yield f"  {path}"
    if len(paths) > _SHOWN:
        yield f"  and {len(paths) - _SHOWN:,} more"

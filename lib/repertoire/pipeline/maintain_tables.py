"""Stage beside the nightly chain: keeps the tables small and quick over the years.

For each table: rows too old to keep are removed, small files are put together, files that no kept version needs are
deleted, and the log is summed up and trimmed. In this order, each step a commit or the deletion of what nothing refers
to, so that it can be interrupted anywhere and done again.
"""

import datetime as dt
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from types import SimpleNamespace

from repertoire.errors import LeaseHeldError, SettingsError
from repertoire.pipeline.lease import SHARED, of_date
from repertoire.pipeline.ledger import MAINTAIN_TABLES
from repertoire.pipeline.stage import Inputs, Outputs, RunContext, Stage, Tended
from repertoire.pipeline.upkeep_plan import MB, Plan, TablePlan, plan_upkeep
from repertoire.settings import MaintenanceSettings
from repertoire.store.catalog import register
from repertoire.store.compaction import compact
from repertoire.store.parts import Part, Total, parts, total
from repertoire.store.retention import remove_days, remove_unneeded_files, trim_log, write_checkpoint
from repertoire.tables import MODELS, Table, Written

_DAYS_A_COMMIT = 32


def run(inputs: Inputs, settings: SimpleNamespace, context: RunContext) -> Outputs:
    assert context.tended is not None
    maintenance: MaintenanceSettings = settings.maintenance
    refuse_future(context.run_date, context.now.date())
    plan = plan_upkeep(context.tended.warehouse, maintenance, run_date=context.run_date, now=context.now)
    for one in plan.tables:
        _tend(context.tended, one, maintenance, settings.run.wait_seconds, context.say)
    _delete_folders(context.tended, plan, context.say)
    if maintenance.catalog_database:
        for line in register(context.spark, context.tended.warehouse, maintenance.catalog_database):
            context.say(line)
    return Outputs()


def refuse_future(run_date: dt.date, today: dt.date) -> None:
    """Raises SettingsError for a run_date that is still to come: with it, everything would seem too old."""
    if run_date > today + dt.timedelta(days=1):
        raise SettingsError(
            f"--run-date {run_date} lies in the future (today is {today}): ages are counted from it, and rows that are "
            "still wanted would go. Give the date of the last run, or today's."
        )


def describe(plan: TablePlan, keep_files: int) -> str:
    """What upkeep would do to a table, in a line."""
    words = []
    if plan.remove:
        words.append(f"rows of {_some_days(plan.remove)} removed")
    if plan.sort or plan.join:
        joined = [*plan.sort, *plan.join]
        days = [part.day for part in joined if part.day]
        words.append(
            f"{sum(len(part.sizes) for part in joined):,} files put together"
            + (f", of {_some_days(days)}" if days else "")
        )
    if plan.unneeded:
        words.append(
            f"{len(plan.unneeded):,} files deleted that no version of the last {keep_files} days or kept one needs"
        )
    return f"{plan.table.name}: {_in_words(plan.before)}; {'; '.join(words) or 'nothing to do'}"


def _tend(
    tended: Tended, plan: TablePlan, settings: MaintenanceSettings, wait: float, say: Callable[[str], None]
) -> None:
    tables, table, files = tended.warehouse.tables, plan.table, tended.warehouse.files
    busy: set[dt.date] = set()
    removed = 0
    for days in _chunks(plan.remove):
        with _writing(tended, table, days, wait) as free:
            busy |= set(days) - set(free)
            if free:
                tended.check()
                removed += remove_days(tables, table, free)
    for sort, chosen in ((True, plan.sort), (False, plan.join)):
        for some in _bounded(chosen, settings.sort_at_most_mb * MB):
            days = [part.day for part in some if part.day]
            with _writing(tended, table, days, wait) as free:
                busy |= set(days) - set(free)
                if free or not days:
                    tended.check()
                    compact(tables, table, free or [None], target=int(settings.target_file_mb * MB), sort=sort)
    tended.check()
    deleted = remove_unneeded_files(tables, table, plan.keep, settings.keep_files) if plan.unneeded else 0
    write_checkpoint(tables, files, table)
    trimmed = trim_log(tables, files, table, plan.oldest)
    after = total(parts(tables, table))
    say(_outcome(plan, after, removed, deleted, trimmed, busy))


@contextmanager
def _writing(tended: Tended, table: Table, days: Sequence[dt.date], wait: float) -> Iterator[list[dt.date]]:
    """The leases that a table's writers hold: on its run_dates, or on the tables that all dates share. Gives the days
    that could be had; a day on which a run works is left for the next time."""
    with ExitStack() as leases:
        if table.written is not Written.REPLACE_RUN_DATE and not table.ledger:
            leases.enter_context(tended.lease(SHARED, wait))
            yield list(days)
        elif table.ledger and table != MODELS:
            yield list(days)
        else:
            free = []
            for day in days:
                with suppress(LeaseHeldError):
                    leases.enter_context(tended.lease(of_date(day), 0))
                    free.append(day)
            yield free


def _delete_folders(tended: Tended, plan: Plan, say: Callable[[str], None]) -> None:
    """Folders of models, once no row of `models` speaks of them any more, and exports that no rollback goes back to."""
    still = {row["run_date"].isoformat() for row in tended.warehouse.tables.rows(MODELS).to_pylist()}
    models = [folder for folder in plan.models if folder.rpartition("/")[2] not in still]
    for folder in (*models, *plan.exports):
        tended.check()
        tended.warehouse.files.delete(folder)
    if models or plan.exports:
        say(f"deleted: models of {len(models):,} dates, {len(plan.exports):,} exports")


def _chunks(days: Sequence[dt.date]) -> Iterator[Sequence[dt.date]]:
    for start in range(0, len(days), _DAYS_A_COMMIT):
        yield days[start : start + _DAYS_A_COMMIT]


def _bounded(found: Sequence[Part], size: float) -> Iterator[list[Part]]:
    """In order, a few days at a time: no more than one commit should hold, or `size` bytes."""
    some: list[Part] = []
    for part in found:
        if some and (len(some) == _DAYS_A_COMMIT or sum(sum(one.sizes) for one in [*some, part]) > size):
            yield some
            some = []
        some.append(part)
    if some:
        yield some


def _outcome(plan: TablePlan, after: Total, removed: int, deleted: int, trimmed: int, busy: set[dt.date]) -> str:
    words = [f"{plan.table.name}: {_in_words(plan.before)}"]
    if after != plan.before:
        words[0] += f" -> {_in_words(after)}"
    if removed:
        words.append(f"{removed:,} rows of {_some_days(plan.remove)} removed")
    if deleted:
        words.append(f"{deleted:,} files deleted that nothing needs")
    if trimmed:
        words.append(f"{trimmed:,} files of the log deleted")
    if busy:
        words.append(f"left for the next time, as a run works on it: {_some_days(sorted(busy))}")
    return "; ".join(words)


def _in_words(found: Total) -> str:
    size = f"{found.size / MB:,.1f} MB" if found.size >= MB else f"{found.size / 1024:,.0f} kB"
    return f"{found.files:,} files, {size}, {found.rows:,} rows"


def _some_days(days: Sequence[dt.date]) -> str:
    return str(days[0]) if len(days) == 1 else f"{len(days):,} days ({min(days)} to {max(days)})"


STAGE = Stage(
    name=MAINTAIN_TABLES,
    about="removes what is too old, puts small files together, deletes files that nothing needs, names the tables",
    run=run,
    settings=("maintenance", "run"),
    tends_warehouse=True,
)

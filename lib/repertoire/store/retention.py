"""What has grown too old leaves a table: first its rows by a commit, later the files that no kept version needs, and
the log of versions that nobody can ask for any more."""

import datetime as dt
import re
from collections.abc import Collection, Iterable

from deltalake import DeltaTable
from deltalake.exceptions import CommitFailedError

from repertoire.store.delta_tables import DeltaTables
from repertoire.store.exclusive import exclusive
from repertoire.store.files import Files
from repertoire.tables import Table

_LOG_FILE = re.compile(r"^\.?(\d{20})\.(json|crc|checkpoint)(\..*)?$")  # with a dot first: Hadoop's checksum of it
_CHECKPOINT = re.compile(r"^(\d{20})\.checkpoint\.parquet$")
_ATTEMPTS = 5


def remove_days(tables: DeltaTables, table: Table, days: Collection[dt.date]) -> int:
    """Removes the rows of the given days, in one commit; gives how many there were. Their files stay for older versions.

    Days are run_dates, or event_dates of a table that has those.
    """
    column = "event_date" if "event_date" in table.column_names else "run_date"
    literal = ", ".join(f"'{day.isoformat()}'" for day in sorted(days))
    for attempt in range(_ATTEMPTS):
        try:
            with exclusive(tables.folder, table.name):
                opened = tables.opened(table)
                if opened is None or not days:
                    return 0
                return int(opened.delete(f"{column} IN ({literal})").get("num_deleted_rows") or 0)
        except CommitFailedError:  # a writer of other rows was faster
            if attempt == _ATTEMPTS - 1:
                raise
    return 0


def readable_versions(tables: DeltaTables, files: Files, table: Table, wanted: Iterable[int]) -> list[int]:
    """Those of the wanted versions that the log still holds, ascending."""
    opened = tables.opened(table)
    if opened is None:
        return []
    log = files.names(_log(tables, table))
    first = 0 if any(name == f"{0:020}.json" for name in log) else min(_checkpoints(log), default=opened.version())
    return sorted({version for version in wanted if first <= version <= opened.version()})


def version_at(tables: DeltaTables, table: Table, time: dt.datetime) -> int:
    """The version that was the newest at a time; the oldest that the log knows, where the table is younger."""
    opened = tables.opened(table)
    assert opened is not None
    before = [entry["version"] for entry in opened.history() if entry["timestamp"] <= time.timestamp() * 1000]
    return int(max(before)) if before else min(int(entry["version"]) for entry in opened.history())


def unneeded_files(tables: DeltaTables, table: Table, keep: Collection[int], days: int) -> list[str]:
    """Paths of files that no version of the last days, and none of those to keep, is made of; also what a dead writer
    left behind so long ago. Removes nothing."""
    opened = tables.opened(table)
    return [] if opened is None else _vacuum(opened, table, tables, keep, days, dry_run=True)


def remove_unneeded_files(tables: DeltaTables, table: Table, keep: Collection[int], days: int) -> int:
    """Removes the files of `unneeded_files`, and gives how many."""
    with exclusive(tables.folder, table.name):
        opened = tables.opened(table)
        return 0 if opened is None else len(_vacuum(opened, table, tables, keep, days, dry_run=False))


def write_checkpoint(tables: DeltaTables, files: Files, table: Table, commits: int = 10) -> None:
    """Sums the log up, where so many commits have come since that was done: readers then open one file instead."""
    opened = tables.opened(table)
    if opened is None:
        return
    last = max(_checkpoints(files.names(_log(tables, table))), default=-1)
    if opened.version() - last >= commits:
        opened.create_checkpoint()


def trim_log(tables: DeltaTables, files: Files, table: Table, oldest: int) -> int:
    """Removes what the log says of versions that came before the last summing-up at or before version `oldest`, the
    oldest that can still be asked for; gives how many files went.

    The oldest go first, so that after a crash in the middle the log begins later, and has no hole.
    """
    folder = _log(tables, table)
    names = files.names(folder)
    start = max((version for version in _checkpoints(names) if version <= oldest), default=0)
    found = ((match, name) for name in names if (match := _LOG_FILE.match(name)))
    gone = sorted(name for match, name in found if int(match.group(1)) < start)
    for name in gone:
        files.delete(f"{folder}/{name}")
    return len(gone)


def _vacuum(
    opened: DeltaTable, table: Table, tables: DeltaTables, keep: Collection[int], days: int, *, dry_run: bool
) -> list[str]:
    found = opened.vacuum(
        retention_hours=24 * days,
        dry_run=dry_run,
        enforce_retention_duration=False,
        full=True,
        keep_versions=sorted({*keep, opened.version()}),
    )
    folder = tables.path(table)
    return [path if path[0] == "/" or "://" in path else f"{folder}/{path}" for path in found]


def _checkpoints(names: Iterable[str]) -> list[int]:
    return [int(match.group(1)) for name in names if (match := _CHECKPOINT.match(name))]


def _log(tables: DeltaTables, table: Table) -> str:
    return f"{tables.path(table)}/_delta_log"

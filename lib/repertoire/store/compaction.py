"""Puts small files together. No row changes, and who reads an older version still finds its files."""

import datetime as dt
from collections.abc import Sequence

from deltalake.exceptions import CommitFailedError

from repertoire.store.delta_tables import DeltaTables
from repertoire.store.exclusive import exclusive
from repertoire.tables import Table


def compact(
    tables: DeltaTables, table: Table, days: Sequence[dt.date | None], *, target: int, sort: bool = False
) -> bool:
    """Rewrites the small files of the given days into files of about `target` bytes, in one commit; [None]: of a table
    without days.

    sort: all rows of a day, in the order of the first column by which the table is sorted, so that a search for one of
    its values reads a part of one file. Gives False, and nothing is changed, where another writer was faster.
    """
    with exclusive(tables.folder, table.name):
        opened = tables.opened(table)
        if opened is None:
            return False
        given = [day.isoformat() for day in days if day is not None]
        of_days: list[tuple[str, str, list[str]]] = [(table.partitioned_by[0], "in", given)] if given else []
        try:
            if sort:
                opened.optimize.z_order([table.sorted_by[0]], partition_filters=of_days or None, target_size=target)
            else:
                opened.optimize.compact(partition_filters=of_days or None, target_size=target)
        except CommitFailedError:
            return False
    return True

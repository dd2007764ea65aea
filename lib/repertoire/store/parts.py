"""Of which files a table is made, day by day: what upkeep goes by and reports."""

import datetime as dt
from collections.abc import Iterable
from dataclasses import dataclass

import pyarrow as pa

from repertoire.store.delta_tables import DeltaTables
from repertoire.tables import Table


@dataclass(frozen=True)
class Part:
    """The current files of one day of a table, or of all of a table that is not partitioned by day.

    day: None for the whole table. sizes: bytes, a number a file. rows: in all files.
    """

    day: dt.date | None
    sizes: tuple[int, ...]
    rows: int

    def below(self, size: float) -> int:
        """How many files are smaller than so many bytes."""
        return sum(one < size for one in self.sizes)


@dataclass(frozen=True)
class Total:
    """Files, bytes and rows of several parts."""

    files: int
    size: int
    rows: int


def parts(tables: DeltaTables, table: Table) -> list[Part]:
    """The parts of a table's newest version, oldest day first; none where it was never made."""
    opened = tables.opened(table)
    if opened is None:
        return []
    files = pa.table(opened.get_add_actions(flatten=True))
    column = f"partition.{table.partitioned_by[0]}" if table.partitioned_by else None
    days = files.column(column).to_pylist() if column and files.num_rows else [None] * files.num_rows
    sizes, rows = files.column("size_bytes").to_pylist(), files.column("num_records").to_pylist()
    found: dict[dt.date | None, tuple[list[int], int]] = {}
    for day, size, count in zip(days, sizes, rows, strict=True):
        of_day, before = found.get(day, ([], 0))
        found[day] = ([*of_day, size], before + (count or 0))
    ordered = sorted(found, key=lambda day: day or dt.date.min)
    return [Part(day, tuple(found[day][0]), found[day][1]) for day in ordered]


def total(found: Iterable[Part]) -> Total:
    found = list(found)
    return Total(
        sum(len(part.sizes) for part in found), sum(sum(part.sizes) for part in found), sum(part.rows for part in found)
    )

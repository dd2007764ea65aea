"""All pairs as one sparse matrix of users and items: in one task with threads, or mapped from files by many tasks."""

import itertools
import tempfile
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray
from pyspark.sql import DataFrame

from repertoire.candidates.array_file import ArrayFile, IdFile, array_file, id_file
from repertoire.candidates.ials_cost import pairs_of_one_task
from repertoire.candidates.pair_kernel import Ints, Longs, add_up_equal_pairs
from repertoire.candidates.similarity_kernel import columns_of_range
from repertoire.candidates.user_blocks import (
    BLOCK,
    PairRows,
    UserBlock,
    blocks_for,
    joined,
    stream_of,
    threads_of_a_task,
)

_RANGES_A_CORE, _RANGES_A_TASK = 8, 4
_ARRAYS = ("lengths", "columns", "value")
_PARTS = f"{BLOCK} int, kind string, users binary, " + ", ".join(f"{name} binary" for name in _ARRAYS)


@dataclass(frozen=True)
class PairMatrix:
    """Users by items. starts (users + 1,), columns: each user's items ascending, none twice; values: one of each pair.

    Users are in the order of their blocks, which follows from the ids and the number of pairs: sums over users have one order.
    whole: whether it is in memory, so that it may be turned around at once.
    """

    starts: Longs
    columns: Ints
    values: NDArray
    items: int
    whole: bool = True

    @classmethod
    def of(cls, blocks: Sequence[UserBlock], items: int) -> "PairMatrix":
        """From all blocks in their order, of one value a pair; equal pairs add up."""
        parts = [add_up_equal_pairs(block.starts, block.columns, block.values[0]) for block in blocks]
        lengths = [np.zeros(1, np.int64), *(np.diff(starts) for starts, _, _ in parts)]
        columns = [columns for _, columns, _ in parts] or [np.zeros(0, np.int32)]
        values = [values for _, _, values in parts] or [np.zeros(0, np.float32)]
        return cls(np.cumsum(np.concatenate(lengths)), np.concatenate(columns), np.concatenate(values), items)

    @property
    def users(self) -> int:
        return len(self.starts) - 1

    @cached_property
    def users_of(self) -> NDArray[np.int64]:
        """(items,): how many users an item has."""
        return np.bincount(self.columns, minlength=self.items)

    def sums_of_items(self, of_users: NDArray) -> NDArray:
        """(items,): for each item the sum over its users of `of_users`."""
        return np.bincount(self.columns, weights=np.repeat(of_users, self.items_of), minlength=self.items)

    def with_values(self, values: NDArray) -> "PairMatrix":
        """The same pairs with other values."""
        return replace(self, values=values)

    @property
    def items_of(self) -> NDArray[np.int64]:
        """(users,): how many items a user has."""
        return np.diff(self.starts)

    @cached_property
    def _by_item(self) -> tuple[Longs, Ints, NDArray]:
        return self._turned(0, self.items)

    def _turned(self, first: int, last: int) -> tuple[Longs, Ints, NDArray]:
        found: tuple[Longs, Ints, NDArray] = columns_of_range(self.starts, self.columns, self.values, first, last)
        return found

    def of_items(self, first: int, last: int) -> tuple[Longs, Ints, NDArray]:
        """starts (last - first + 1,), users ascending and values of the pairs of some items."""
        if not self.whole:
            return self._turned(first, last)
        starts, users, values = self._by_item
        low, high = starts[first], starts[last]
        return starts[first : last + 1] - low, users[low:high], values[low:high]


MakeRows = Callable[[PairMatrix], Callable[[int, int], pa.RecordBatch]]
"""From the matrix, once in each task, to what makes the rows of items first to last."""

MakeUserRows = Callable[[PairMatrix, pa.ChunkedArray], Callable[[int, int], pa.RecordBatch]]
"""The same where users matter, whose ids are given in their order."""


def over_items(pairs: PairRows, ids: pa.Array, count: int, make: MakeRows, schema: str) -> DataFrame:
    """The rows of all items, computed in threads of one task where its memory holds the pairs, else in many tasks.

    count: the number of pairs. In many tasks the matrix goes through the driver's disk to a file on every executor's, 8 bytes a
    pair; a task maps it, and holds the pairs of its own items.
    """
    return _over(pairs, ids, count, lambda matrix, users: make(matrix), lambda matrix: matrix.items, schema)


def over_items_of_users(pairs: PairRows, ids: pa.Array, count: int, make: MakeUserRows, schema: str) -> DataFrame:
    """The same, where it matters who the users are."""
    return _over(pairs, ids, count, make, lambda matrix: matrix.items, schema)


def over_users(pairs: PairRows, ids: pa.Array, count: int, make: MakeUserRows, schema: str) -> DataFrame:
    """The rows of all users, in the same manner."""
    return _over(pairs, ids, count, make, lambda matrix: matrix.users, schema)


def _over(
    pairs: PairRows, ids: pa.Array, count: int, make: MakeUserRows, rows_of: Callable[[PairMatrix], int], schema: str
) -> DataFrame:
    spark, items = pairs.frame.sparkSession, len(ids)
    if count <= pairs_of_one_task(spark):
        threads = threads_of_a_task(spark)

        def all_rows(blocks: list[UserBlock]) -> Iterator[pa.RecordBatch]:
            matrix = PairMatrix.of(blocks, items)
            rows = make(matrix, pa.chunked_array([block.users for block in blocks], pa.string()))
            with ThreadPoolExecutor(threads) as pool:
                yield from pool.map(lambda some: rows(*some), ranges(rows_of(matrix), _RANGES_A_CORE * threads))

        return pairs.in_one_task(ids, blocks_for(count), threads, all_rows, schema)
    tasks = spark.sparkContext.defaultParallelism
    files, parts = matrix_files(pairs, ids, count, tasks), _RANGES_A_TASK * tasks

    def some_rows(batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        matrix = files.open()
        some, rows = ranges(rows_of(matrix), parts), make(matrix, files.users.open())
        for batch in batches:
            for number in batch.column(0).to_pylist():
                if number < len(some):
                    yield rows(*some[number])

    return spark.range(0, parts, 1, tasks).mapInArrow(some_rows, schema)


def ranges(rows: int, wanted: int) -> list[tuple[int, int]]:
    """So many ranges of rows at most, first and past the last, that are all of them."""
    ends = np.unique(np.linspace(0, rows, wanted + 1).astype(int)).tolist()
    return list(itertools.pairwise(ends))


@dataclass(frozen=True)
class MatrixFiles:
    """A PairMatrix in files on every executor's disk."""

    starts: ArrayFile
    columns: ArrayFile
    values: ArrayFile
    users: IdFile
    items: int

    def open(self) -> PairMatrix:
        return PairMatrix(self.starts.open(), self.columns.open(), self.values.open(), self.items, whole=False)


def matrix_files(pairs: PairRows, ids: pa.Array, count: int, tasks: int) -> MatrixFiles:
    """The matrix of these pairs, through the driver's disk to every executor's."""
    spark, items, blocks = pairs.frame.sparkSession, len(ids), blocks_for(count)

    def pack(found: list[UserBlock]) -> Iterator[pa.RecordBatch]:
        for block in found:
            one = PairMatrix.of([block], items)
            row = {BLOCK: pa.array([block.number], pa.int32()), "kind": pa.array([one.values.dtype.str])}
            row["users"] = pa.array([stream_of(pa.record_batch({"users": block.users}))])
            for name, array in zip(_ARRAYS, (np.diff(one.starts), one.columns, one.values), strict=True):
                row[name] = pa.array([array.tobytes()], pa.binary())
            yield pa.record_batch(row)

    with tempfile.TemporaryDirectory() as folder:
        kinds: dict[int, str] = {}
        for row in joined(pairs.pieces(ids, blocks), tasks, items, pack, _PARTS).toLocalIterator():
            kinds[row[BLOCK]] = row.kind
            for name in ("users", *_ARRAYS):
                Path(folder, f"{name}-{row[BLOCK]}").write_bytes(row[name])
        numbers = sorted(kinds)
        users, lengths, columns, values = (
            [Path(folder, f"{name}-{number}") for number in numbers] for name in ("users", *_ARRAYS)
        )
        starts = np.cumsum(np.concatenate([np.zeros(1, np.int64), *(np.fromfile(file, np.int64) for file in lengths)]))
        return MatrixFiles(
            array_file(spark, "starts", [starts], np.int64),
            array_file(spark, "columns", columns, np.int32),
            array_file(spark, "values", values, next(iter(kinds.values()), "<f4")),
            id_file(spark, "users", users),
            items,
        )

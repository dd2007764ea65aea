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

from repertoire.candidates.array_file import ArrayFile, array_file
from repertoire.candidates.ials_cost import pairs_of_one_task
from repertoire.candidates.pair_kernel import Floats, Ints, Longs, add_up_equal_pairs
from repertoire.candidates.similarity_kernel import columns_of_range
from repertoire.candidates.user_blocks import BLOCK, PairRows, UserBlock, blocks_for, joined, threads_of_a_task

_RANGES_A_CORE = 8
_PARTS = f"{BLOCK} int, lengths binary, columns binary, value binary"


@dataclass(frozen=True)
class PairMatrix:
    """Users by items. starts (users + 1,), columns: each user's items ascending, none twice; values: the weight of each pair.

    Users are in the order of their blocks, which follows from the ids and the number of pairs: sums over users have one order.
    whole: whether it is in memory, so that it may be turned around at once.
    """

    starts: Longs
    columns: Ints
    values: Floats
    items: int
    whole: bool = True

    @classmethod
    def of(cls, blocks: Sequence[UserBlock], items: int) -> "PairMatrix":
        """From all blocks in their order, of one value a pair; equal pairs add up."""
        parts = [add_up_equal_pairs(block.starts, block.columns, block.values[0]) for block in blocks]
        lengths = [np.zeros(1, np.int64), *(np.diff(starts) for starts, _, _ in parts)]
        columns = [np.zeros(0, np.int32), *(columns for _, columns, _ in parts)]
        values = [np.zeros(0, np.float32), *(values for _, _, values in parts)]
        return cls(np.cumsum(np.concatenate(lengths)), np.concatenate(columns), np.concatenate(values), items)

    @property
    def users(self) -> int:
        return len(self.starts) - 1

    @cached_property
    def users_of(self) -> NDArray[np.int64]:
        """(items,): how many users an item has."""
        return np.bincount(self.columns, minlength=self.items)

    @cached_property
    def squares_of(self) -> NDArray:
        """(items,): the sum of each item's squared values."""
        return np.bincount(self.columns, weights=np.square(self.values, dtype=np.float64), minlength=self.items)

    def with_values(self, values: Floats) -> "PairMatrix":
        """The same pairs with other values."""
        return replace(self, values=values)

    @property
    def items_of(self) -> NDArray[np.int64]:
        """(users,): how many items a user has."""
        return np.diff(self.starts)

    @cached_property
    def _by_item(self) -> tuple[Longs, Ints, Floats]:
        return self._turned(0, self.items)

    def _turned(self, first: int, last: int) -> tuple[Longs, Ints, Floats]:
        found: tuple[Longs, Ints, Floats] = columns_of_range(self.starts, self.columns, self.values, first, last)
        return found

    def of_items(self, first: int, last: int) -> tuple[Longs, Ints, Floats]:
        """starts (last - first + 1,), users ascending and values of the pairs of some items."""
        if not self.whole:
            return self._turned(first, last)
        starts, users, values = self._by_item
        low, high = starts[first], starts[last]
        return starts[first : last + 1] - low, users[low:high], values[low:high]


MakeRows = Callable[[PairMatrix], Callable[[int, int], pa.RecordBatch]]
"""From the matrix, once in each task, to what makes the rows of items first to last."""


def over_items(pairs: PairRows, ids: pa.Array, count: int, make: MakeRows, schema: str) -> DataFrame:
    """The rows of all items, computed in threads of one task where its memory holds the pairs, else in many tasks.

    count: the number of pairs. In many tasks the matrix goes through the driver's disk to a file on every executor's, 8 bytes a
    pair; a task maps it, and holds the pairs of its own items.
    """
    spark, items = pairs.frame.sparkSession, len(ids)
    if count <= pairs_of_one_task(spark):
        threads = threads_of_a_task(spark)
        ranges = _ranges(items, _RANGES_A_CORE * threads)

        def all_rows(blocks: list[UserBlock]) -> Iterator[pa.RecordBatch]:
            rows = make(PairMatrix.of(blocks, items))
            with ThreadPoolExecutor(threads) as pool:
                yield from pool.map(lambda some: rows(*some), ranges)

        return pairs.in_one_task(ids, blocks_for(count), threads, all_rows, schema)
    tasks = spark.sparkContext.defaultParallelism
    file, many = _in_files(pairs, ids, count, tasks), _ranges(items, 4 * tasks)

    def some_rows(batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        rows = make(file.open())
        for batch in batches:
            for number in batch.column(0).to_pylist():
                yield rows(*many[number])

    return spark.range(0, len(many), 1, tasks).mapInArrow(some_rows, schema)


def _ranges(items: int, wanted: int) -> list[tuple[int, int]]:
    ends = np.unique(np.linspace(0, items, wanted + 1).astype(int)).tolist()
    return list(itertools.pairwise(ends))


@dataclass(frozen=True)
class MatrixFiles:
    """A PairMatrix in files on every executor's disk."""

    starts: ArrayFile
    columns: ArrayFile
    values: ArrayFile
    items: int

    def open(self) -> PairMatrix:
        return PairMatrix(self.starts.open(), self.columns.open(), self.values.open(), self.items, whole=False)


def _in_files(pairs: PairRows, ids: pa.Array, count: int, tasks: int) -> MatrixFiles:
    spark, items, blocks = pairs.frame.sparkSession, len(ids), blocks_for(count)

    def pack(found: list[UserBlock]) -> Iterator[pa.RecordBatch]:
        for block in found:
            one = PairMatrix.of([block], items)
            arrays = (np.diff(one.starts), one.columns, one.values)
            yield pa.record_batch(
                {
                    BLOCK: pa.array([block.number], pa.int32()),
                    **{
                        name: pa.array([array.tobytes()], pa.binary())
                        for name, array in zip(("lengths", "columns", "value"), arrays, strict=True)
                    },
                }
            )

    with tempfile.TemporaryDirectory() as folder:
        numbers = []
        for row in joined(pairs.pieces(ids, blocks), tasks, items, pack, _PARTS).toLocalIterator():
            numbers.append(row[BLOCK])
            for name in ("lengths", "columns", "value"):
                Path(folder, f"{name}-{row[BLOCK]}").write_bytes(row[name])
        numbers.sort()
        lengths = [np.fromfile(Path(folder, f"lengths-{number}"), np.int64) for number in numbers]
        starts = np.cumsum(np.concatenate([np.zeros(1, np.int64), *lengths]))
        columns, values = ([Path(folder, f"{name}-{number}") for number in numbers] for name in ("columns", "value"))
        return MatrixFiles(
            array_file(spark, "starts", [starts], np.int64),
            array_file(spark, "columns", columns, np.int32),
            array_file(spark, "values", values, np.float32),
            items,
        )

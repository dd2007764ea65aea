"""Where implicit ALS is computed: all blocks in one task with threads, or spread over the executors.

Either way the model is the same, bit for bit, on one kind of processor.
"""

import json
import logging
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray
from pyspark import RDD, Broadcast, StorageLevel
from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F

from repertoire import vocabulary as v
from repertoire.candidates.ials_solver import Block, Diverged, Half, Node, Plan, Sums, add_up, alternate
from repertoire.candidates.item_factors import FACTORS
from repertoire.candidates.pair_kernel import Floats
from repertoire.candidates.user_blocks import PairRows, UserBlock, merged, stream_of, threads_of_a_task

_LOG = logging.getLogger(__name__)
_USERS, _ITEMS, _FACTS = "users", "items", "facts"
_FITTED = "kind string, rows binary"
_COLLECTED = 16  # partitions whose sums the driver takes as they are; of more, groups are added up first


@dataclass(frozen=True)
class Problem:
    """ids: (n,) of the items, ascending; start: (n, f), their factors before the first iteration; blocks: how many."""

    ids: pa.Array
    start: Floats
    blocks: int
    plan: Plan

    @property
    def half(self) -> Half:
        return self.plan.half


@dataclass(frozen=True)
class Fitted:
    """The outcome, as Parquet in the scratch folder; how many users and pairs there were."""

    written: DataFrame
    ids: pa.Array
    users: int
    pairs: int

    def user_factors(self) -> DataFrame:
        return _factors(self.written, _USERS, v.USER_ID)

    def item_factors(self) -> DataFrame:
        return _factors(self.written, _ITEMS, v.ITEM_ID, self.ids)


def _facts(blocks: Iterable[Block], items: int) -> tuple[NDArray[np.int64], int, int]:
    """Wanted pairs of each item, users and pairs of some blocks."""
    counts, users, pairs = np.zeros(items, np.int64), 0, 0
    for block in blocks:
        counts += np.bincount(block.columns[block.weights > 0], minlength=items)
        users += len(block.users)
        pairs += len(block.columns)
    return counts, users, pairs


class _InThreads:
    """Blocks in this process, a thread for each core."""

    def __init__(self, blocks: list[Block], half: Half, pool: ThreadPoolExecutor) -> None:
        self._blocks, self._half, self._pool = blocks, half, pool

    def improve(self, items: Floats, gram: Floats) -> None:
        for _ in self._pool.map(lambda block: self._half.improve(block, items, gram), self._blocks):
            pass

    def solve(self, items: Floats, gram: Floats) -> Sums:
        def improved(block: Block) -> Sums:
            self._half.improve(block, items, gram)
            return self._half.residuals(block, items)

        return self._sum(improved)

    def products(self, directions: Floats) -> Floats:
        nothing = np.zeros((1, 1))
        return self._sum(lambda block: Sums(self._half.products(block, directions), nothing)).items

    def _sum(self, work: Callable[[Block], Sums]) -> Sums:
        nodes: list[Node] = []
        for block, sums in zip(self._blocks, self._pool.map(work, self._blocks), strict=True):
            nodes = add_up([*nodes, (block.number, 1, sums)])
        return _whole(nodes)


def fit_in_one_task(problem: Problem, rows: PairRows, folder: str) -> Fitted:
    """All blocks in one task, with a thread for each core that it may use. Raises Diverged."""
    spark = rows.frame.sparkSession
    threads = threads_of_a_task(spark)
    shared = spark.sparkContext.broadcast(problem)

    def work(found: list[UserBlock]) -> Iterator[pa.RecordBatch]:
        given = shared.value
        mine = [Block.of(block, given.start.shape[1]) for block in found]
        counts, users, pairs = _facts(mine, len(given.start))
        with ThreadPoolExecutor(threads) as pool:
            try:
                fitted = alternate(_InThreads(mine, given.half, pool), given.start, counts, users, given.plan)
            except Diverged as error:
                yield _row(_FACTS, json.dumps({"diverged_after": error.iterations}).encode())
                return
        yield _row(_FACTS, json.dumps({"users": users, "pairs": pairs}).encode())
        yield _row(_ITEMS, fitted.tobytes())
        for block in mine:
            yield _row(_USERS, _users_of(block))

    frame = rows.in_one_task(problem.ids, problem.blocks, threads, work, _FITTED)
    frame.write.mode("overwrite").option("compression", "uncompressed").parquet(folder)
    written = spark.read.schema(_FITTED).parquet(folder)
    [(told,)] = written.where(F.col("kind") == _FACTS).select("rows").collect()
    facts = json.loads(bytes(told))
    if "diverged_after" in facts:
        raise Diverged(facts["diverged_after"])
    return Fitted(written, problem.ids, facts["users"], facts["pairs"])


def _row(kind: str, rows: bytes) -> pa.RecordBatch:
    return pa.record_batch({"kind": [kind], "rows": pa.array([rows], pa.binary())})


class _OnExecutors:
    """Blocks that stay in the executors' memory or on their disks; a solve replaces them by blocks with new factors."""

    def __init__(self, spark: SparkSession, state: RDD[Block], half: Half) -> None:
        self._context, self.state, self.cached, self._half = spark.sparkContext, state, state, half

    def improve(self, items: Floats, gram: Floats) -> None:
        """Without a job: the blocks are solved when they are next asked for."""
        self._improve(self._context.broadcast((items, gram)))

    def _improve(self, shared: Broadcast[tuple[Floats, Floats]]) -> None:
        half = self._half

        def improved(blocks: Iterable[Block]) -> Iterator[Block]:
            for block in blocks:
                half.improve(block, *shared.value)
                yield block

        self.state = self.state.mapPartitions(improved)

    def solve(self, items: Floats, gram: Floats) -> Sums:
        shared, half, before = self._context.broadcast((items, gram)), self._half, self.state
        self._improve(shared)
        self.state = self.cached = self.state.persist(StorageLevel.MEMORY_AND_DISK)

        def residuals(blocks: Iterable[Block]) -> Iterator[Node]:
            for block in blocks:
                yield block.number, 1, half.residuals(block, shared.value[0])

        total = self._sum(residuals)
        before.unpersist()
        return total

    def products(self, directions: Floats) -> Floats:
        shared: Broadcast[Floats] = self._context.broadcast(directions)
        half, nothing = self._half, np.zeros((1, 1))

        def multiplied(blocks: Iterable[Block]) -> Iterator[Node]:
            for block in blocks:
                yield block.number, 1, Sums(half.products(block, shared.value), nothing)

        total = self._sum(multiplied).items
        shared.destroy()
        return total

    def _sum(self, part: Callable[[Iterable[Block]], Iterator[Node]]) -> Sums:
        def added(blocks: Iterable[Block]) -> list[Node]:
            return _added(part(blocks))

        nodes = self.state.mapPartitions(added)
        count = nodes.getNumPartitions()
        if count > _COLLECTED:
            groups = int(np.ceil(np.sqrt(count)))
            numbered = nodes.mapPartitionsWithIndex(lambda index, found: ((index * groups // count, n) for n in found))
            nodes = numbered.partitionBy(groups, lambda group: group).values().mapPartitions(_added)
        return _whole(_added(nodes.collect()))


def _added(nodes: Iterable[Node]) -> list[Node]:
    """Few nodes with the same sum, without holding all of them where they come in order."""
    done: list[Node] = []
    for node in nodes:
        done = add_up([*done, node])
    return done


def _whole(nodes: list[Node]) -> Sums:
    """The sum of all that there is: blocks without users are missing, so that halves may lack their other one."""
    total = nodes[0][2]
    for _, _, sums in nodes[1:]:
        total = total + sums
    return total


def fit_spread(problem: Problem, rows: PairRows, folder: str, tasks: int) -> Fitted:
    """The blocks in so many tasks, neighbours together. Raises Diverged."""
    spark, blocks, items, size = rows.frame.sparkSession, problem.blocks, *problem.start.shape
    cut_up = rows.pieces(problem.ids, blocks).rdd.map(lambda row: (int(row[0]), bytes(row[1])))
    placed = cut_up.partitionBy(tasks, lambda number: number * tasks // blocks)
    state = placed.mapPartitions(lambda pieces: (Block.of(block, size) for block in merged(pieces, items)))
    state = state.persist(StorageLevel.MEMORY_AND_DISK)
    found = state.mapPartitions(lambda mine: [_facts(mine, items)]).collect()
    counts = np.sum([one[0] for one in found], axis=0)
    users, pairs = sum(one[1] for one in found), sum(one[2] for one in found)
    executors = _OnExecutors(spark, state, problem.half)
    try:
        fitted = alternate(executors, problem.start, counts, users, problem.plan, _say)
        written = executors.state.map(lambda block: (_USERS, _users_of(block)))
        own = spark.sparkContext.parallelize([(_ITEMS, fitted.tobytes())], 1)
        frame = spark.createDataFrame(written.union(own), _FITTED, verifySchema=False)
        frame.write.mode("overwrite").option("compression", "uncompressed").parquet(folder)
    finally:
        executors.cached.unpersist()
    return Fitted(spark.read.schema(_FITTED).parquet(folder), problem.ids, users, pairs)


def _say(done: int, of: int) -> None:
    _LOG.info("ials: iteration %d of %d", done, of)


def _users_of(block: Block) -> bytes:
    """Ids and factors of a block's users as an Arrow stream."""
    return stream_of(_batch(block.users, block.factors, v.USER_ID))


def _batch(ids: pa.Array, factors: Floats, id_column: str) -> pa.RecordBatch:
    offsets = pa.array(np.arange(0, factors.size + 1, factors.shape[1], dtype=np.int32))
    lists = pa.ListArray.from_arrays(offsets, pa.array(factors.ravel()))
    return pa.record_batch({id_column: ids.cast(pa.string()), FACTORS: lists})


def _factors(fitted: DataFrame, kind: str, id_column: str, ids: pa.Array | None = None) -> DataFrame:
    """id, factors array<float>: what was written of that kind; `ids` where they were not written with it."""

    def unpack(batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        for batch in batches:
            for rows in batch.column("rows").to_pylist():
                if ids is None:
                    yield from pa.ipc.open_stream(rows)
                else:
                    yield _batch(ids, np.frombuffer(rows, np.float32).reshape(len(ids), -1), id_column)

    chosen = fitted.where(F.col("kind") == kind).select("rows")
    return chosen.mapInArrow(unpack, f"{id_column} string, {FACTORS} array<float>")

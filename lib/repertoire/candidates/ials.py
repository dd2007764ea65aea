"""Implicit ALS on Spark at the speed of compiled code: blocks of users in Python workers, items solved for all at once.

Small data is fitted in one task with a thread for each core; larger data stays spread, and only sums over items travel.
Either way the model is the same, bit for bit, on one kind of processor.
"""

import json
import logging
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray
from pyspark import RDD, Broadcast, StorageLevel
from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F

from repertoire import vocabulary as v
from repertoire.candidates.ials_solver import Block, Half, Node, Objective, Sums, add_up, alternate
from repertoire.candidates.pair_kernel import Floats
from repertoire.candidates.propose_by_factors import FACTORS, ITEM_FACTORS, USER_FACTORS, propose_by_factors
from repertoire.candidates.recommender import FittedModel, Fitting, Recommender
from repertoire.candidates.training_pairs import nothing_to_learn_from, training_pairs
from repertoire.candidates.user_blocks import PairRows, UserBlock, blocks_for, merged, stream_of, threads_of_a_task
from repertoire.errors import SettingsError
from repertoire.settings import IalsSettings

_LOG = logging.getLogger(__name__)
_WEIGHT = "weight"
_USERS, _ITEMS, _FACTS = "users", "items", "facts"
_FITTED = "kind string, rows binary"
_COLLECTED = 16  # partitions whose sums the driver takes as they are; of more, groups are added up first
_START = 0.1  # standard deviation of a fresh item's score for itself: 0.1 / sqrt(rank) a factor (Rendle et al. 2022)


def fit(fitting: Fitting) -> FittedModel:
    """Factors that minimise `Objective` approximately, by candidates.ials.iterations alternations.

    Each half takes cg_steps of conjugate gradient from where the last iteration left (Takács, Pilászy & Tikk 2011). Item
    factors start at random by the seed, in the order of the item ids; users' at zero. The pairs are not written down:
    equal interactions give the same bits in whatever order and partitioning they come. The driver holds the item factors
    about six times, a task its blocks (8 bytes a pair) and the item factors up to log2(blocks) + 3 times.

    Raises InputError if no pair can be fitted; SettingsError if the item factors exceed candidates.max_item_factors_mb, or
    the factors diverge.
    """
    settings, spark = fitting.settings.ials, fitting.spark
    rows = _rows(fitting)
    ids, count = rows.items()
    if not count:
        raise nothing_to_learn_from("ials")
    _refuse_too_many_items(len(ids), settings.rank, fitting.settings.max_item_factors_mb)
    start = np.random.Generator(np.random.PCG64(fitting.seed)).standard_normal((len(ids), settings.rank))
    items = np.asarray(start * (_START / np.sqrt(settings.rank)), np.float32)
    blocks, half, folder = blocks_for(count), _half(settings), f"{fitting.scratch}/ials/fitted"
    single = count <= settings.single_task_pairs
    tasks = 1 if single else min(blocks, spark.sparkContext.defaultParallelism)
    if single:
        fitted, facts = _fit_in_one_task(spark, rows, ids, blocks, items, half, settings.iterations, folder)
    else:
        state = _spread(rows, ids, blocks, tasks, settings.rank)
        fitted, facts = _fit_spread(spark, state, items, half, settings.iterations, folder)
    return FittedModel(
        name=v.IALS,
        tables={
            USER_FACTORS: _factors(fitted, _USERS, v.USER_ID),
            ITEM_FACTORS: _factors(fitted, _ITEMS, v.ITEM_ID, ids),
        },
        metadata={
            "parameters": settings.model_dump(),
            "seed": fitting.seed,
            **facts,
            "items": len(ids),
            "factors": settings.rank,
            "blocks": blocks,
            "tasks": tasks,
        },
    )


def _half(settings: IalsSettings) -> Half:
    objective = Objective(
        regularization=settings.regularization,
        unobserved=settings.unobserved_weight,
        exponent=settings.regularization_exponent,
        counts_unobserved=settings.regularize_unobserved,
    )
    return Half(objective, settings.cg_steps)


def _refuse_too_many_items(items: int, rank: int, bound: int) -> None:
    megabytes = items * rank * 4 / 2**20
    if megabytes > bound:
        raise SettingsError(
            f"ials: {items:,} items of {rank} factors are {megabytes:,.0f} MB, more than candidates.max_item_factors_mb "
            f"({bound}). Every task and the driver hold them several times: raise the bound if the machines have the "
            "memory, or lower candidates.ials.rank. Nothing was fitted."
        )


# ---- pairs -----------------------------------------------------------------------------------------------------------


def _rows(fitting: Fitting) -> PairRows:
    """What becomes the pairs: with alpha × strength as their weight, as `training_pairs` has it."""
    settings, interactions = fitting.settings.ials, fitting.interactions
    if settings.negative_weight == 0:
        return PairRows(interactions, (v.STRENGTH, v.NEGATIVE), partial(_wanted, settings.alpha))
    pairs = training_pairs(interactions, _WEIGHT, implicit=True, negative_weight=settings.negative_weight)
    return PairRows(pairs, (_WEIGHT,), partial(_weighted, settings.alpha))


def _wanted(alpha: float, pairs: pa.Table) -> pa.Table:
    strength, negative = (pairs.column(name).to_numpy() for name in (v.STRENGTH, v.NEGATIVE))
    wanted = (strength > 0) & (negative <= strength)
    pairs = pairs.drop_columns([v.STRENGTH, v.NEGATIVE]).append_column(_WEIGHT, pa.array(strength.astype(np.float32)))
    return _weighted(alpha, pairs if wanted.all() else pairs.filter(pa.array(wanted)))


def _weighted(alpha: float, pairs: pa.Table) -> pa.Table:
    weights = np.asarray(alpha * pairs.column(_WEIGHT).to_numpy().astype(np.float64), np.float32)
    return pairs.set_column(pairs.column_names.index(_WEIGHT), _WEIGHT, pa.array(weights))


def _facts(blocks: Iterable[Block], items: int) -> tuple[NDArray[np.int64], int, int]:
    """Wanted pairs of each item, users and pairs of some blocks."""
    counts, users, pairs = np.zeros(items, np.int64), 0, 0
    for block in blocks:
        counts += np.bincount(block.columns[block.weights > 0], minlength=items)
        users += len(block.users)
        pairs += len(block.columns)
    return counts, users, pairs


# ---- one task --------------------------------------------------------------------------------------------------------


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


def _fit_in_one_task(
    spark: SparkSession,
    rows: PairRows,
    ids: pa.Array,
    blocks: int,
    items: Floats,
    half: Half,
    iterations: int,
    folder: str,
) -> tuple[DataFrame, dict[str, Any]]:
    threads = threads_of_a_task(spark)
    shared = spark.sparkContext.broadcast(items)

    def work(found: list[UserBlock]) -> Iterator[pa.RecordBatch]:
        start = shared.value
        mine = [Block.of(block, start.shape[1]) for block in found]
        counts, users, pairs = _facts(mine, len(start))
        with ThreadPoolExecutor(threads) as pool:
            try:
                fitted = alternate(_InThreads(mine, half, pool), start, counts, users, half, iterations)
            except SettingsError as error:
                yield _row(_FACTS, json.dumps({"refused": str(error)}).encode())
                return
        yield _row(_FACTS, json.dumps({"users": users, "pairs": pairs}).encode())
        yield _row(_ITEMS, fitted.tobytes())
        for block in mine:
            yield _row(_USERS, _users_of(block))

    frame = rows.in_one_task(ids, blocks, threads, work, _FITTED)
    frame.write.mode("overwrite").option("compression", "uncompressed").parquet(folder)
    written = spark.read.schema(_FITTED).parquet(folder)
    [(told,)] = written.where(F.col("kind") == _FACTS).select("rows").collect()
    facts = json.loads(bytes(told))
    if "refused" in facts:
        raise SettingsError(facts["refused"])
    return written, facts


def _row(kind: str, rows: bytes) -> pa.RecordBatch:
    return pa.record_batch({"kind": [kind], "rows": pa.array([rows], pa.binary())})


# ---- many tasks ------------------------------------------------------------------------------------------------------


def _spread(rows: PairRows, ids: pa.Array, blocks: int, tasks: int, size: int) -> RDD[Block]:
    """All blocks, neighbours together, in `tasks` partitions."""
    items = len(ids)
    cut_up = rows.pieces(ids, blocks).rdd.map(lambda row: (int(row[0]), bytes(row[1])))
    placed = cut_up.partitionBy(tasks, lambda number: number * tasks // blocks)
    return placed.mapPartitions(lambda pieces: (Block.of(block, size) for block in merged(pieces, items)))


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


def _fit_spread(
    spark: SparkSession, state: RDD[Block], items: Floats, half: Half, iterations: int, folder: str
) -> tuple[DataFrame, dict[str, Any]]:
    count = len(items)
    state = state.persist(StorageLevel.MEMORY_AND_DISK)
    found = state.mapPartitions(lambda blocks: [_facts(blocks, count)]).collect()
    counts = np.sum([one[0] for one in found], axis=0)
    users, pairs = sum(one[1] for one in found), sum(one[2] for one in found)
    blocks = _OnExecutors(spark, state, half)
    try:
        fitted = alternate(
            blocks, items, counts, users, half, iterations, lambda done: _LOG.info("ials: %d of %d", done, iterations)
        )
    except SettingsError:
        blocks.cached.unpersist()
        raise
    rows = blocks.state.map(lambda block: (_USERS, _users_of(block)))
    own = spark.sparkContext.parallelize([(_ITEMS, fitted.tobytes())], 1)
    frame = spark.createDataFrame(rows.union(own), _FITTED, verifySchema=False)
    frame.write.mode("overwrite").option("compression", "uncompressed").parquet(folder)
    blocks.cached.unpersist()
    return spark.read.schema(_FITTED).parquet(folder), {"users": users, "pairs": pairs}


# ---- tables ----------------------------------------------------------------------------------------------------------


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


IALS = Recommender(name=v.IALS, fit=fit, propose=propose_by_factors)

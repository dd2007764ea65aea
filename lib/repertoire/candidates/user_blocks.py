"""From pairs of ids to blocks of users: what implicit ALS and the scorer compute on, and what travels to where they do.

A block is some of the users with all their pairs. Which block a user is in, and the order within it, follow from the user ids
and the number of blocks alone, so nothing depends on how the input was partitioned. Where a frame is nothing but Parquet files
of this machine, they are read as they are: passing through the JVM takes twenty times as long.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from numpy.typing import NDArray
from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F

from repertoire import vocabulary as v
from repertoire.candidates.pair_kernel import Ints, Longs, order_pairs, taken
from repertoire.frames.local_parquet import local_parquet

BLOCK, PIECE = "block", "piece"
_PIECES = f"{BLOCK} int, {PIECE} binary"
_PAIRS_A_BLOCK = 1_000_000
_ROWS_A_PART = 4_000_000
_ROWS_OF_ONE_TASK = 30_000_000
_FEWEST, _MOST = 8, 1024
_IDS = (v.USER_ID, v.ITEM_ID)

Values = tuple[NDArray, ...]
Derive = Callable[[pa.Table], pa.Table]


def blocks_for(pairs: int) -> int:
    """How many blocks, from the data alone: a power of 2, so that sums of halves of halves are the same everywhere."""
    wanted = -(-pairs // _PAIRS_A_BLOCK)
    return min(max(_FEWEST, 1 << max(0, wanted - 1).bit_length()), _MOST)


@dataclass(frozen=True)
class UserBlock:
    """Users of one block: ids (n,) ascending; starts (n + 1,), columns: their pairs by user and item, as positions of items;
    values: of each pair."""

    number: int
    users: pa.Array
    starts: Longs
    columns: Ints
    values: Values


@dataclass(frozen=True)
class PairRows:
    """Rows that become pairs: the `columns` of a frame, user_id and item_id not named, and what `derive` makes of them.

    derive: a table of those columns, with or without the ids → fewer rows or as many, with the ids as they were, and one or
    more columns of values beside them. It is sent to tasks.
    """

    frame: DataFrame
    columns: tuple[str, ...]
    derive: Derive

    @cached_property
    def parts(self) -> list["_Part"] | None:
        """Parts of local files that are all of the rows; None where the rows come by way of the JVM."""
        files = local_parquet(self.frame, (*_IDS, *self.columns))
        return None if files is None else [part for file in files for part in _parts(file)]

    def items(self) -> tuple[pa.Array, Longs]:
        """The items that have a pair, ascending by their bytes, and the number of pairs of each. One job or none."""
        found = [pa.table({v.ITEM_ID: pa.array([], pa.string()), "pairs": pa.array([], pa.int64())})]
        if self.parts is not None:
            for part in self.parts:
                column = self.derive(_read([part], (v.ITEM_ID, *self.columns))).column(v.ITEM_ID)
                counted = column.unify_dictionaries().combine_chunks().value_counts()
                ids, counts = (counted.field(name) for name in ("values", "counts"))
                ids = ids.dictionary_decode() if pa.types.is_dictionary(ids.type) else ids
                found.append(pa.table({v.ITEM_ID: ids, "pairs": counts}))
        else:
            columns, derive = (v.ITEM_ID, *self.columns), self.derive

            def count(batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
                for batch in batches:
                    counted = derive(pa.table(batch)).column(v.ITEM_ID).combine_chunks().value_counts()
                    yield pa.record_batch({v.ITEM_ID: counted.field("values"), "pairs": counted.field("counts")})

            counted = self.frame.select(*columns).mapInArrow(count, f"{v.ITEM_ID} string, pairs bigint")
            found.append(counted.groupBy(v.ITEM_ID).agg(F.sum("pairs").alias("pairs")).toArrow())
        whole = pa.concat_tables(found).group_by(v.ITEM_ID).aggregate([("pairs", "sum")]).sort_by(v.ITEM_ID)
        return whole.column(v.ITEM_ID).combine_chunks(), whole.column("pairs_sum").to_numpy()

    def pieces(self, ids: pa.Array, blocks: int) -> DataFrame:
        """block int, piece binary: some pairs of a block. ids: the ascending item ids to whose positions pairs refer; pairs of
        other items are left out."""
        spark, derive = self.frame.sparkSession, self.derive
        shared = spark.sparkContext.broadcast(ids)

        def cut(tables: Iterable[pa.Table]) -> Iterator[pa.RecordBatch]:
            for table in tables:
                for block in _cut(derive(table), shared.value, blocks, threads=1):
                    yield _piece(block)

        columns, parts = (*_IDS, *self.columns), self.parts
        if parts is None:
            whole = self.frame.select(*columns)
            return whole.mapInArrow(lambda batches: cut(_together(batches)), _PIECES)
        numbers = spark.range(0, len(parts), 1, max(1, len(parts)))

        def read(batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
            chosen = [parts[number] for batch in batches for number in batch.column(0).to_pylist()]
            return cut(_read([part], columns) for part in chosen)

        return numbers.mapInArrow(read, _PIECES)

    def in_tasks(
        self,
        ids: pa.Array,
        tasks: int,
        threads: int,
        work: Callable[[list[UserBlock], int], Iterable[pa.RecordBatch]],
        schema: str,
    ) -> DataFrame:
        """What `work` makes of the blocks of each task, where it does not matter how many there are: few rows of files are
        left to one task with threads, others go to `tasks` of them. It is told how many threads it may use."""
        if self.parts is not None and sum(part.rows for part in self.parts) <= _ROWS_OF_ONE_TASK:
            return self.in_one_task(ids, 8 * threads, threads, lambda blocks: work(blocks, threads), schema)
        return joined(self.pieces(ids, 4 * tasks), tasks, len(ids), lambda blocks: work(blocks, 1), schema)

    def in_one_task(
        self,
        ids: pa.Array,
        blocks: int,
        threads: int,
        work: Callable[[list[UserBlock]], Iterable[pa.RecordBatch]],
        schema: str,
    ) -> DataFrame:
        """What `work` makes of all blocks, in their order, in one task that may use so many threads."""
        columns, derive, parts = (*_IDS, *self.columns), self.derive, self.parts
        spark = self.frame.sparkSession
        if parts is None:
            return joined(self.pieces(ids, blocks), 1, len(ids), work, schema)
        shared = spark.sparkContext.broadcast(ids)

        def read(batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
            if sum(batch.num_rows for batch in batches):
                yield from work(_cut(derive(_read(parts, columns)), shared.value, blocks, threads))

        return spark.range(0, 1, 1, 1).mapInArrow(read, schema)


def joined(
    pieces: DataFrame,
    tasks: int,
    items: int,
    work: Callable[[list[UserBlock]], Iterable[pa.RecordBatch]],
    schema: str,
) -> DataFrame:
    """What `work` makes of the blocks of each of `tasks` tasks, whose pieces these are. items: how many there are."""

    def join(batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        found = [
            (number, piece)
            for batch in batches
            for number, piece in zip(batch.column(BLOCK).to_pylist(), batch.column(PIECE).to_pylist(), strict=True)
        ]
        return iter(work(list(merged(found, items))))

    return pieces.repartition(tasks, BLOCK).mapInArrow(join, schema)


def merged(pieces: Iterable[tuple[int, bytes]], items: int) -> Iterator[UserBlock]:
    """The blocks whose pieces these are, in whatever order, by number. items: how many there are."""
    by_block: dict[int, list[bytes]] = {}
    for number, piece in pieces:
        by_block.setdefault(number, []).append(piece)
    for number in sorted(by_block):
        opened = [pa.ipc.open_stream(piece).read_next_batch() for piece in by_block.pop(number)]
        ids = pa.concat_arrays([piece.column("users").flatten() for piece in opened])
        lengths, columns, *values = [
            np.concatenate([piece.column(name).flatten().to_numpy(zero_copy_only=False) for piece in opened])
            for name in opened[0].schema.names[1:]
        ]
        found = ids.dictionary_encode()
        order, local = _ranked(found.dictionary)
        users = np.repeat(local[found.indices.to_numpy()], lengths)
        starts, places = order_pairs(users, columns, len(order), items)
        names = found.dictionary.take(order)
        yield UserBlock(number, names, starts, columns[places], tuple(value[places] for value in values))


def _together(batches: Iterator[pa.RecordBatch]) -> Iterator[pa.Table]:
    found = list(batches)
    if found:
        yield pa.Table.from_batches(found)


@dataclass(frozen=True)
class _Part:
    file: str
    row_groups: tuple[int, ...]
    rows: int


def _parts(file: str) -> Iterator[_Part]:
    """The file in parts of a bounded number of rows, or of one row group."""
    found, rows = pq.read_metadata(file), 0
    groups: list[int] = []
    for number in range(found.num_row_groups):
        if groups and rows + found.row_group(number).num_rows > _ROWS_A_PART:
            yield _Part(file, tuple(groups), rows)
            groups, rows = [], 0
        groups.append(number)
        rows += found.row_group(number).num_rows
    if groups:
        yield _Part(file, tuple(groups), rows)


def _read(parts: Sequence[_Part], columns: Sequence[str]) -> pa.Table:
    ids = [name for name in _IDS if name in columns]
    tables = [
        pq.ParquetFile(part.file, read_dictionary=ids).read_row_groups(list(part.row_groups), columns=list(columns))
        for part in parts
    ]
    return pa.concat_tables([table.select(list(columns)) for table in tables])


def _cut(pairs: pa.Table, ids: pa.Array, blocks: int, threads: int) -> list[UserBlock]:
    """The blocks of which these are all pairs, or some."""
    if not pairs.num_rows:
        return []
    values = [pairs.column(name).to_numpy() for name in pairs.column_names if name not in _IDS]
    found, item = _codes(pairs.column(v.ITEM_ID))
    columns = pc.fill_null(pc.index_in(found, ids), -1).to_numpy(zero_copy_only=False).astype(np.int32)
    columns = taken(columns, item)
    users, user = _codes(pairs.column(v.USER_ID))
    if (columns < 0).any():
        known = columns >= 0
        columns, user, values = columns[known], user[known], [value[known] for value in values]
    there = np.flatnonzero(np.bincount(user, minlength=len(users)))  # a dictionary may hold more than occurs
    users = users.take(pa.array(there))
    block_of = pd.util.hash_array(users.to_numpy(zero_copy_only=False), categorize=False) % np.uint64(blocks)
    block_of_user = np.zeros(int(there.max(initial=-1)) + 1, np.uint16)
    block_of_user[there] = block_of
    local_of_user = np.zeros(len(block_of_user), np.int32)
    members: list[pa.Array] = []
    for number in range(blocks):
        mine = np.flatnonzero(block_of == number)
        names = users.take(pa.array(mine))
        order, local = _ranked(names)
        local_of_user[there[mine]] = local
        members.append(names.take(order))
    block_of_pair = taken(block_of_user, user)
    by_block = np.argsort(block_of_pair, kind="stable")
    ends = np.cumsum(np.bincount(block_of_pair, minlength=blocks))

    def make(number: int) -> UserBlock:
        mine = by_block[ends[number - 1] if number else 0 : ends[number]]
        local = taken(local_of_user, taken(user, mine))
        starts, order = order_pairs(local, taken(columns, mine), len(members[number]), len(ids))
        place = taken(mine, order)
        return UserBlock(
            number, members[number], starts, taken(columns, place), tuple(taken(value, place) for value in values)
        )

    wanted = [number for number in range(blocks) if len(members[number])]
    if threads == 1:
        return [make(number) for number in wanted]
    with ThreadPoolExecutor(threads) as pool:
        return list(pool.map(make, wanted))


def _ranked(ids: pa.Array) -> tuple[pa.Array, Ints]:
    """The order of distinct ids, and the rank of each."""
    order = pc.array_sort_indices(ids)
    ranks = np.empty(len(ids), np.int32)
    ranks[order.to_numpy()] = np.arange(len(ids), dtype=np.int32)
    return order, ranks


def _codes(column: pa.ChunkedArray) -> tuple[pa.Array, Ints]:
    """Distinct values, and for each row the number of its value."""
    if pa.types.is_dictionary(column.type):
        column = column.unify_dictionaries()
    else:
        column = column.dictionary_encode()
    whole = column.combine_chunks()
    encoded = whole.chunk(0) if isinstance(whole, pa.ChunkedArray) else whole
    return encoded.dictionary, encoded.indices.to_numpy()


def _piece(block: UserBlock) -> pa.RecordBatch:
    columns = {"users": block.users, "lengths": pa.array(np.diff(block.starts)), "columns": pa.array(block.columns)}
    columns |= {f"value_{number}": pa.array(value) for number, value in enumerate(block.values)}
    one = {
        name: pa.ListArray.from_arrays(pa.array([0, len(found)], pa.int32()), found) for name, found in columns.items()
    }
    return pa.record_batch(
        {BLOCK: pa.array([block.number], pa.int32()), PIECE: pa.array([stream_of(pa.record_batch(one))])}
    )


def stream_of(batch: pa.RecordBatch) -> bytes:
    """The batch as an Arrow stream."""
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, batch.schema) as writer:
        writer.write_batch(batch)
    return bytes(sink.getvalue().to_pybytes())


def threads_of_a_task(spark: SparkSession) -> int:
    """Cores that one task may use while no other runs."""
    if str(spark.conf.get("spark.master", "")).startswith("local"):
        return spark.sparkContext.defaultParallelism
    return int(spark.conf.get("spark.executor.cores", "1") or 1)

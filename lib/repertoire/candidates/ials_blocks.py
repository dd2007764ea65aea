"""From pairs of ids to blocks of users: what implicit ALS computes on, and what travels between its tasks.

A block is some of the users with all their pairs. Which block a user is in, and the order within it, follow from the user ids
and the number of blocks alone, so the model does not depend on how the input was partitioned.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from repertoire import vocabulary as v
from repertoire.candidates.ials_kernel import Floats, Ints, Longs, sort_pairs

WEIGHT = "weight"
PIECES = "block int, piece binary"
_PAIRS_A_BLOCK = 1_000_000
_FEWEST, _MOST = 8, 1024


def blocks_for(pairs: int) -> int:
    """How many blocks, from the data alone: a power of 2, so that sums of halves of halves are the same everywhere."""
    wanted = -(-pairs // _PAIRS_A_BLOCK)
    return min(max(_FEWEST, 1 << max(0, wanted - 1).bit_length()), _MOST)


@dataclass(frozen=True)
class Block:
    """Users of one block: ids (n,) ascending; starts (n + 1,), columns, weights: their pairs, as positions of items; factors
    (n, f)."""

    number: int
    users: pa.Array
    starts: Longs
    columns: Ints
    weights: Floats
    factors: Floats


def pieces(batches: Iterable[pa.RecordBatch], items: pa.Array, blocks: int) -> Iterator[pa.RecordBatch]:
    """The pairs of one partition (user_id, item_id, weight) as a piece for each block that has some of them.

    items: the sorted ids whose positions the pairs refer to; each item of the pairs is among them.
    """
    table = pa.Table.from_batches(list(batches))
    if not table.num_rows:
        return
    table = table.combine_chunks()
    users, user = _codes(table.column(v.USER_ID))
    found, item = _codes(table.column(v.ITEM_ID))
    columns = pc.index_in(found, items).to_numpy(zero_copy_only=False).astype(np.int32)[item]
    weights = table.column(WEIGHT).to_numpy().astype(np.float32, copy=False)
    starts, columns, weights = sort_pairs(user, columns, weights, len(users), len(items))
    block_of = pd.util.hash_array(users.to_numpy(zero_copy_only=False), categorize=False) % np.uint64(blocks)
    lengths = np.diff(starts)
    for number in range(blocks):
        mine = np.flatnonzero(block_of == number)
        if not len(mine):
            continue
        chosen = _ranges(starts[mine], lengths[mine])
        piece = pa.record_batch(
            {
                "users": _one(users.take(pa.array(mine))),
                "lengths": _one(pa.array(lengths[mine])),
                "columns": _one(pa.array(columns[chosen])),
                "weights": _one(pa.array(weights[chosen])),
            }
        )
        yield pa.record_batch({"block": pa.array([number], pa.int32()), "piece": pa.array([stream_of(piece)])})


def merged(number: int, parts: Iterable[bytes], items: int, size: int) -> Block:
    """The block whose pieces these are, in whatever order; factors of `size` at zero."""
    opened = [pa.ipc.open_stream(part).read_next_batch() for part in parts]
    ids = pa.concat_arrays([piece.column("users").flatten() for piece in opened])
    found = ids.dictionary_encode()
    order = pc.array_sort_indices(found.dictionary)
    rank = np.empty(len(order), np.int32)
    rank[order.to_numpy()] = np.arange(len(order), dtype=np.int32)
    lengths = _joined(opened, "lengths")
    users = np.repeat(rank[found.indices.to_numpy()], lengths)
    starts, columns, weights = sort_pairs(
        users, _joined(opened, "columns"), _joined(opened, "weights"), len(order), items
    )
    names = found.dictionary.take(order)
    return Block(number, names, starts, columns, weights, np.zeros((len(order), size), np.float32))


def _one(values: pa.Array) -> pa.ListArray:
    """A single row that lists the values."""
    return pa.ListArray.from_arrays(pa.array([0, len(values)], pa.int32()), values)


def _codes(column: pa.ChunkedArray) -> tuple[pa.Array, Ints]:
    """The distinct values, and for each row the number of its value."""
    encoded = column.combine_chunks()
    encoded = encoded.chunk(0) if isinstance(encoded, pa.ChunkedArray) else encoded
    encoded = encoded.dictionary_encode()
    return encoded.dictionary, encoded.indices.to_numpy()


def _ranges(starts: Longs, lengths: Longs) -> NDArray[np.int64]:
    """start, start + 1, … of each range, one after the other."""
    ends = np.cumsum(lengths)
    return np.repeat(starts - (ends - lengths), lengths) + np.arange(int(lengths.sum()))


def _joined(opened: list[pa.RecordBatch], name: str) -> NDArray:
    return np.concatenate([piece.column(name).flatten().to_numpy() for piece in opened])


def stream_of(batch: pa.RecordBatch) -> bytes:
    """The batch as an Arrow stream."""
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, batch.schema) as writer:
        writer.write_batch(batch)
    return bytes(sink.getvalue().to_pybytes())

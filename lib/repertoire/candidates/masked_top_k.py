"""The top-k of every user over all items, in Spark: the one scorer of every factor model.

Users come as Arrow batches, the items as one broadcast, or where they are too large for that as a file that is scored in blocks
of items; what may not be proposed is masked inside the score block, so there is no cross join, no over-fetch and no anti-join.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from pyspark.sql import DataFrame

from repertoire.candidates.array_file import ArrayFile
from repertoire.candidates.because_of import most_similar_in_history, unit_rows
from repertoire.candidates.item_factors import ItemFactors
from repertoire.candidates.top_k_kernel import Floats, Items, Positions, TopK, better_of, exact_top_k
from repertoire.errors import RepertoireError

PROPOSALS = "user_id string, item_id string, score double, rank int, reason string"


_BLOCK_BYTES = 64 * 2**20
_USERS_OF_A_FILE = 4096
"""Users for whom a block of items is read from a file: its layout costs as much as scoring some 200."""


def masked_top_k(
    users: DataFrame, items: ItemFactors, *, k: int, users_per_block: int = 1024, block_bytes: int = _BLOCK_BYTES
) -> DataFrame:
    """At most k items for every row of `users`: user_id, item_id, score, rank, reason; fewer where no more are left.

    users: user_id string; factors array<float> of length f; masked array<int>, what may not be proposed, and history
    array<int>, what may explain a proposal: both positions in items.ids, or null for none; reason string, what is said
    where the history explains nothing. Scores are u·y, exact as `top_k_kernel` says, ties by item_id; the history
    explains as `because_of` says.

    The items are sent to each executor once, as a broadcast that lives as long as the returned frame: Spark's cleaner
    removes it after that, so there is nothing to unpersist. Each Python worker holds a copy. Items in a file are scored in blocks
    of block_bytes, of which a worker holds one; the lists are the same.
    """
    shared = users.sparkSession.sparkContext.broadcast(_Shared(items, k, block_bytes))
    if isinstance(items.matrix, ArrayFile):
        users_per_block = max(users_per_block, _USERS_OF_A_FILE)

    def propose(batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        for batch in batches:
            for start in range(0, batch.num_rows, users_per_block):
                yield shared.value.propose(batch.slice(start, users_per_block))

    columns = ("user_id", "factors", "masked", "history", "reason")
    return users.select(*columns).mapInArrow(propose, PROPOSALS)


@dataclass(frozen=True)
class _Shared:
    """What every task needs of the items: sent as they are, laid out once in each Python worker."""

    factors: ItemFactors
    k: int
    block_bytes: int

    @cached_property
    def position_of(self) -> Positions:
        """Where in `ids` the item of a column of scores is."""
        chosen = self.factors.proposable
        return np.arange(len(self.factors.ids)) if chosen is None else np.flatnonzero(chosen)

    @cached_property
    def column_of(self) -> Positions:
        """The way back; -1 where an item is not proposable."""
        columns = np.full(len(self.factors.ids), -1)
        columns[self.position_of] = np.arange(len(self.position_of))
        return columns

    @cached_property
    def matrix(self) -> Floats:
        kept = self.factors.matrix
        return kept.open() if isinstance(kept, ArrayFile) else kept

    @cached_property
    def whole(self) -> Items:
        return Items.of(self.matrix[self.position_of], self.k)

    def blocks(self) -> Iterator[tuple[int, Items]]:
        """The proposable items in the order of their columns, each block with its first column."""
        if not isinstance(self.factors.matrix, ArrayFile):
            yield 0, self.whole
            return
        count = max(1, self.block_bytes // (4 * self.matrix.shape[1]))
        for first in range(0, max(1, len(self.position_of)), count):
            yield first, Items.of(self.matrix[self.position_of[first : first + count]], self.k)

    def best(self, users: Floats, rows: Positions, columns: Positions) -> TopK:
        """The best of all blocks; (row, column) is masked."""
        answer: TopK | None = None
        for first, items in self.blocks():
            here = (columns >= first) & (columns < first + items.count)
            top = exact_top_k(users, items, rows[here], columns[here] - first)
            answer = top if answer is None else better_of(answer, top, first)
        assert answer is not None
        return answer

    @cached_property
    def unit(self) -> Floats:
        return unit_rows(self.matrix)

    def named(self, proposed: Positions, history: Positions) -> Positions:
        """The item of the history that explains each proposed one; -1 for none."""
        if not isinstance(self.factors.matrix, ArrayFile):
            return most_similar_in_history(proposed, history, self.unit)
        needed = np.unique(np.concatenate([proposed.ravel(), history.ravel()]))
        needed = needed[needed >= 0]
        near, past = (np.where(each >= 0, np.searchsorted(needed, each), -1) for each in (proposed, history))
        found = most_similar_in_history(near, past, unit_rows(self.matrix[needed]))
        return np.where(found >= 0, needed[found], -1)

    def propose(self, users: pa.RecordBatch) -> pa.RecordBatch:
        count = users.num_rows
        factors = users.column("factors").flatten().to_numpy(zero_copy_only=False)
        width = self.matrix.shape[1]
        if len(factors) != count * width:
            raise RepertoireError(f"{count} users have {len(factors)} factors; the items have {width} each")
        rows, masked = _pairs(users.column("masked"))
        columns = self.column_of[masked]
        can_be = columns >= 0
        top = self.best(factors.reshape(count, -1), rows[can_be], columns[can_be])
        user, place = np.nonzero(np.arange(top.positions.shape[1]) < top.lengths[:, None])
        positions = self.position_of[top.positions[user, place]]
        return pa.record_batch(
            {
                "user_id": users.column("user_id").take(pa.array(user)),
                "item_id": self.factors.ids.take(pa.array(positions)),
                "score": pa.array(top.scores[user, place]),
                "rank": pa.array((place + 1).astype(np.int32)),
                "reason": self._reasons(users, user, place, positions),
            }
        )

    def _reasons(self, users: pa.RecordBatch, user: Positions, place: Positions, positions: Positions) -> pa.Array:
        otherwise = users.column("reason").take(pa.array(user))
        rows, history = _pairs(users.column("history"))
        if not len(history):
            return otherwise
        proposed = np.full((users.num_rows, self.k), -1)
        proposed[user, place] = positions
        named = self.named(proposed, _padded(rows, history, users.num_rows))[user, place]
        ids = self.factors.ids.take(pa.array(named, mask=named < 0))
        return pc.coalesce(pc.binary_join_element_wise("because_of:", ids, ""), otherwise)


def _pairs(lists: pa.ListArray) -> tuple[Positions, Positions]:
    """Row number and value of every element of a list column; a null is an empty list."""
    lengths = pc.fill_null(pc.list_value_length(lists), 0).to_numpy(zero_copy_only=False)
    values = lists.flatten().to_numpy(zero_copy_only=False).astype(np.int64)
    return np.repeat(np.arange(len(lists)), lengths), values


def _padded(rows: Positions, values: Positions, count: int) -> Positions:
    """The lists of `count` rows as a matrix, -1 after their end; `rows` is sorted."""
    lengths = np.bincount(rows, minlength=count)
    starts = np.cumsum(lengths) - lengths
    matrix = np.full((count, int(lengths.max(initial=0))), -1)
    matrix[rows, np.arange(len(rows)) - starts[rows]] = values
    return matrix

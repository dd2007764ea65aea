"""The top-k of every user over all items, in Spark: the one scorer of every factor model.

Users come as Arrow batches, the items as one broadcast; what may not be proposed is masked inside the score block, so
there is no cross join, no over-fetch and no anti-join.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray
from pyspark.sql import DataFrame

from repertoire.candidates.because_of import most_similar_in_history, unit_rows
from repertoire.candidates.top_k_kernel import Floats, Items, Positions, exact_top_k
from repertoire.errors import RepertoireError

PROPOSALS = "user_id string, item_id string, score double, rank int, reason string"


@dataclass(frozen=True)
class ItemFactors:
    """The items of a model.

    ids: (n,) strings, distinct, ascending by their UTF-8 bytes; matrix: (n, f), the factors of each;
    proposable: (n,), False where an item may be in a history but not in a list; None: all may.
    """

    ids: pa.Array
    matrix: Floats
    proposable: NDArray[np.bool_] | None = None


def masked_top_k(users: DataFrame, items: ItemFactors, *, k: int, users_per_block: int = 1024) -> DataFrame:
    """At most k items for every row of `users`: user_id, item_id, score, rank, reason; fewer where no more are left.

    users: user_id string; factors array<float> of length f; masked array<int>, what may not be proposed, and history
    array<int>, what may explain a proposal: both positions in items.ids, or null for none; reason string, what is said
    where the history explains nothing. Scores are u·y, exact as `top_k_kernel` says, ties by item_id; the history
    explains as `because_of` says.

    The items are sent to each executor once, as a broadcast that lives as long as the returned frame: Spark's cleaner
    removes it after that, so there is nothing to unpersist. Each Python worker holds a copy.
    """
    shared = users.sparkSession.sparkContext.broadcast(_Shared(items, k))

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
    def items(self) -> Items:
        return Items.of(self.factors.matrix[self.position_of], self.k)

    @cached_property
    def unit(self) -> Floats:
        return unit_rows(self.factors.matrix)

    def propose(self, users: pa.RecordBatch) -> pa.RecordBatch:
        count = users.num_rows
        factors = users.column("factors").flatten().to_numpy(zero_copy_only=False)
        if len(factors) != count * len(self.items.transposed):
            raise RepertoireError(
                f"{count} users have {len(factors)} factors; the items have {len(self.items.transposed)} each"
            )
        rows, masked = _pairs(users.column("masked"))
        columns = self.column_of[masked]
        can_be = columns >= 0
        top = exact_top_k(factors.reshape(count, -1), self.items, rows[can_be], columns[can_be])
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
        proposed = np.full((users.num_rows, self.items.k), -1)
        proposed[user, place] = positions
        named = most_similar_in_history(proposed, _padded(rows, history, users.num_rows), self.unit)[user, place]
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

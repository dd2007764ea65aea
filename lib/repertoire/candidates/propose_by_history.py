"""From item similarities and what users have to proposals: what a user likes speaks for other items."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray
from pyspark.sql import DataFrame
from scipy.sparse import csr_matrix

from repertoire import vocabulary as v
from repertoire.candidates.history_kernel import history_lists
from repertoire.candidates.item_factors import proposable_items
from repertoire.candidates.masked_top_k import PROPOSALS
from repertoire.candidates.recommender import FittedModel, Request
from repertoire.candidates.similar_items import SparseRows, similar_items
from repertoire.candidates.user_blocks import PairRows, UserBlock, threads_of_a_task
from repertoire.candidates.weighing import ALL_ALIKE, Weighing
from repertoire.frames.local_parquet import local_parquet, read_column

ITEM_FILTERS, VECTOR, GIVEN, TAKEN = "item_filters", "vector", "given", "taken"
_SPEAKS, _MASKED = "speaks", "masked"
_CELLS = 1 << 22  # scores of all items that a thread holds at once: 32 MiB

Pairs = tuple[NDArray[np.int64], NDArray[np.int32]]
"""starts and positions of items."""


def propose_by_history(model: FittedModel, request: Request, weighing: Weighing = ALL_ALIKE) -> DataFrame:
    """Proposals (see `Recommender`) of a model with the table similar_items, for users who liked some of its items.

    An item's score is the sum of its neighbours' weights over the user's wanted items; items that none of them speaks for are
    not proposed. Where the model has the table item_filters (item_id, vector array<float>, given and taken double), given_j ×
    vector_j · vector_i × taken_i is added for each wanted item j, and every item has a score. What an item adds is multiplied by
    what it says of others, and what it says of its own added to its own score. The reason names the other item that adds most
    by its weight. The similarities are sent to each executor once.
    """
    return propose_by_similarities(model, request, similar_items(model), weighing)


def propose_by_similarities(
    model: FittedModel, request: Request, similarities: tuple[pa.Array, SparseRows], weighing: Weighing
) -> DataFrame:
    """The same, from similarities as `similar_items` gives them."""
    ids, similar = similarities
    if not len(ids):
        return request.spark.createDataFrame([], PROPOSALS)
    proposable = proposable_items(ids, request.eligible)
    masks, explains = not request.settings.include_seen, request.settings.explain
    scorer = _Scorer(model.name, ids, similar, proposable, request.k, explains, _filters(model), weighing)
    shared = request.spark.sparkContext.broadcast(scorer)
    files = local_parquet(request.users, (v.USER_ID,))
    columns = (v.SEEN, v.STRENGTH, v.NEGATIVE, *weighing.columns)
    rows = PairRows(request.interactions, columns, partial(_speaking_or_seen, masks, weighing))
    if files is None or rows.parts is None:
        files = None
        chosen = request.interactions.join(request.users, v.USER_ID, "left_semi")
        rows = PairRows(chosen, rows.columns, rows.derive)

    def lists(blocks: list[UserBlock], threads: int) -> Iterator[pa.RecordBatch]:
        users = None if files is None else read_column(files, v.USER_ID)
        with ThreadPoolExecutor(threads) as pool:
            yield from pool.map(lambda block: shared.value.lists(block, users), blocks)

    partitions = int(request.spark.conf.get("spark.sql.shuffle.partitions") or 1)
    return rows.in_tasks(ids, partitions, threads_of_a_task(request.spark), lists, PROPOSALS)


def _filters(model: FittedModel) -> tuple[NDArray, NDArray, NDArray] | None:
    """vectors (n, f), given (n,), taken (n,), or None."""
    if ITEM_FILTERS not in model.tables:
        return None
    table = model.tables[ITEM_FILTERS].select(v.ITEM_ID, VECTOR, GIVEN, TAKEN).toArrow().sort_by(v.ITEM_ID)
    vectors = table.column(VECTOR).combine_chunks().flatten().to_numpy(zero_copy_only=False).reshape(len(table), -1)
    return vectors.astype(np.float64), table.column(GIVEN).to_numpy(), table.column(TAKEN).to_numpy()


def _speaking_or_seen(masks: bool, weighing: Weighing, pairs: pa.Table) -> pa.Table:
    """The pairs that speak or are masked, which of both, and their values."""
    speaks, values = weighing.of_pairs(pairs)
    masked = pairs.column(v.SEEN).to_numpy() & masks
    found = pairs.select([name for name in (v.USER_ID, v.ITEM_ID) if name in pairs.column_names])
    found = found.append_column(_SPEAKS, pa.array(speaks)).append_column(_MASKED, pa.array(masked))
    for number, each in enumerate(values):
        found = found.append_column(f"value_{number}", pa.array(each))
    kept = speaks | masked
    return found if kept.all() else found.filter(pa.array(kept))


@dataclass(frozen=True)
class _Scorer:
    """What every task needs: sent once."""

    model: str
    ids: pa.Array
    similar: SparseRows
    proposable: NDArray[np.bool_]
    k: int
    explains: bool
    filters: tuple[NDArray, NDArray, NDArray] | None
    weighing: Weighing

    def lists(self, block: UserBlock, users: pa.ChunkedArray | None) -> pa.RecordBatch:
        """The proposals for the block's users, of whom only `users` are asked for; None: all."""
        speaks, masked, *values = block.values
        chosen = np.ones(len(block.users), bool)
        if users is not None:
            chosen = pc.is_in(block.users, users).to_numpy(zero_copy_only=False)
        asked = np.repeat(chosen, np.diff(block.starts))
        history, hidden = (_of(block, kept & asked) for kept in (speaks, masked))
        says = self.weighing.says(*history, [each[speaks & asked] for each in values])
        positions, scores, reasons, lengths = self._best(history, says, hidden)
        user, place = np.nonzero(np.arange(self.k) < lengths[:, None])
        model = pa.scalar(self.model)
        because = pc.binary_join_element_wise(
            "because_of:", self.ids.take(pa.array(reasons[user, place], mask=reasons[user, place] < 0)), ""
        )
        return pa.record_batch(
            {
                v.USER_ID: block.users.take(pa.array(user)),
                v.ITEM_ID: self.ids.take(pa.array(positions[user, place])),
                v.SCORE: pa.array(scores[user, place]),
                v.RANK: pa.array((place + 1).astype(np.int32)),
                v.REASON: pc.fill_null(because, model) if self.explains else pa.repeat(model, len(user)),
            }
        )

    def _best(self, history: Pairs, says: tuple[NDArray, NDArray], hidden: Pairs) -> list[NDArray]:
        """What `history_lists` gives; a part of the users at a time where all their scores are filled in. says: what each item
        of the history says of others and of itself."""
        (starts, columns), (of_others, _) = history, says
        count, users = len(self.ids), len(starts) - 1
        if self.filters is None:
            none = np.zeros((0, count))
            return list(history_lists((*history, *says), hidden, self.similar, none, self.proposable, self.k))
        vectors, given, taken = self.filters
        rows = csr_matrix((of_others * given[columns], columns, starts), shape=(users, count)) @ vectors
        step, found = max(1, _CELLS // max(1, count)), []
        for first in range(0, users, step):
            last = min(first + step, users)
            here, there = ((starts[first : last + 1], columns) for starts, columns in (history, hidden))
            more = (rows[first:last] @ vectors.T) * taken
            found.append(history_lists((*here, *says), there, self.similar, more, self.proposable, self.k))
        return [np.concatenate(parts) for parts in zip(*found, strict=True)]


def _of(block: UserBlock, kept: NDArray[np.bool_]) -> Pairs:
    ends = np.append(0, np.cumsum(kept))
    return ends[block.starts].astype(np.int64), block.columns[kept]

"""From item similarities and what users have to proposals: what a user likes speaks for other items."""

from collections.abc import Callable, Iterator
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
from repertoire.candidates.training_pairs import is_wanted
from repertoire.candidates.user_blocks import PairRows, UserBlock, threads_of_a_task
from repertoire.frames.local_parquet import local_parquet, read_column

ITEM_FILTERS, GIVEN, TAKEN = "item_filters", "given", "taken"
_SPEAKS, _MASKED, _OF_OTHERS, _OF_ITSELF = "speaks", "masked", "of_others", "of_itself"
_CELLS = 1 << 21  # scores of all items that a thread holds at once: 16 MiB

Pairs = tuple[NDArray[np.int64], NDArray[np.int32]]
"""starts and positions of items."""


@dataclass(frozen=True)
class Weighing:
    """How much each pair of a history says, where not all say as much.

    columns: further ones of the interactions that `weigh` needs. weigh: a table of those columns, strength, negative and seen
    → (n,) of what the pair's item says of others, and (n,) of what it says of itself, before `of_items`. of_items: by what the
    latter is multiplied, for each item in the order of the ids.
    """

    columns: tuple[str, ...]
    weigh: Callable[[pa.Table], tuple[NDArray[np.float64], NDArray[np.float64]]]
    of_items: NDArray[np.float64]


def propose_by_history(model: FittedModel, request: Request) -> DataFrame:
    """Proposals (see `Recommender`) of a model with the table similar_items, for users who liked some of its items.

    An item's score is the sum of its neighbours' weights over the user's wanted items; items that none of them speaks for are
    not proposed. Where the model has the table item_filters (item_id, given and taken array<float>), given_j · taken_i is added
    for each wanted item j, and every item has a score. The reason names the item whose weight is largest. The similarities are
    sent to each executor once.
    """
    return propose_weighed(model, request, similar_items(model))


def propose_weighed(
    model: FittedModel, request: Request, similarities: tuple[pa.Array, SparseRows], weighing: Weighing | None = None
) -> DataFrame:
    """The same from similarities as `similar_items` gives them. weighing: None where all wanted items say as much of others and
    nothing of themselves."""
    ids, similar = similarities
    if not len(ids):
        return request.spark.createDataFrame([], PROPOSALS)
    proposable = proposable_items(ids, request.eligible)
    masks, explains = not request.settings.include_seen, request.settings.explain
    of_items = None if weighing is None else weighing.of_items
    scorer = _Scorer(model.name, ids, similar, proposable, request.k, explains, _filters(model), of_items)
    shared = request.spark.sparkContext.broadcast(scorer)
    files = local_parquet(request.users, (v.USER_ID,))
    columns = (
        (v.SEEN, v.STRENGTH, v.NEGATIVE) if weighing is None else (v.SEEN, v.STRENGTH, v.NEGATIVE, *weighing.columns)
    )
    weigh = None if weighing is None else weighing.weigh
    rows = PairRows(request.interactions, columns, partial(_wanted_or_seen, masks, weigh))
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


def _filters(model: FittedModel) -> tuple[NDArray, NDArray] | None:
    if ITEM_FILTERS not in model.tables:
        return None
    table = model.tables[ITEM_FILTERS].select(v.ITEM_ID, GIVEN, TAKEN).toArrow().sort_by(v.ITEM_ID).combine_chunks()
    _, given, taken = (column.combine_chunks() for column in table.columns)
    return tuple(each.flatten().to_numpy(zero_copy_only=False).reshape(len(table), -1) for each in (given, taken))


def _wanted_or_seen(
    masks: bool, weigh: Callable[[pa.Table], tuple[NDArray, NDArray]] | None, pairs: pa.Table
) -> pa.Table:
    """The pairs that speak or are masked, which of both, and what they say where that is weighed."""
    speaks = is_wanted(pairs)
    masked = pairs.column(v.SEEN).to_numpy() & masks
    found = pairs.select([name for name in pairs.column_names if name in (v.USER_ID, v.ITEM_ID)])
    found = found.append_column(_SPEAKS, pa.array(speaks)).append_column(_MASKED, pa.array(masked))
    if weigh is not None:
        of_others, of_itself = weigh(pairs)
        found = found.append_column(_OF_OTHERS, pa.array(of_others)).append_column(_OF_ITSELF, pa.array(of_itself))
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
    filters: tuple[NDArray, NDArray] | None
    of_items: NDArray[np.float64] | None

    def lists(self, block: UserBlock, users: pa.ChunkedArray | None) -> pa.RecordBatch:
        """The proposals for the block's users, of whom only `users` are asked for; None: all."""
        speaks, masked, *weights = block.values
        chosen = np.ones(len(block.users), bool)
        if users is not None:
            chosen = pc.is_in(block.users, users).to_numpy(zero_copy_only=False)
        asked = np.repeat(chosen, np.diff(block.starts))
        history, hidden = (_of(block, kept & asked) for kept in (speaks, masked))
        if self.of_items is None:
            says = np.ones(len(history[1])), np.zeros(len(history[1]))
        else:
            of_others, of_itself = (each[speaks & asked] for each in weights)
            says = of_others, of_itself * self.of_items[history[1]]
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
        count, users = len(self.ids), len(history[0]) - 1
        if self.filters is None:
            none = np.zeros((0, count))
            return list(history_lists((*history, *says), hidden, self.similar, none, self.proposable, self.k))
        given, taken = self.filters
        rows = csr_matrix((says[0], history[1], history[0]), shape=(users, count)) @ given.astype(np.float64)
        step, found = max(1, _CELLS // max(1, count)), []
        for first in range(0, users, step):
            last = min(first + step, users)
            here, there = ((starts[first : last + 1], columns) for starts, columns in (history, hidden))
            more = rows[first:last] @ taken.T
            found.append(history_lists((*here, *says), there, self.similar, more, self.proposable, self.k))
        return [np.concatenate(parts) for parts in zip(*found, strict=True)]


def _of(block: UserBlock, kept: NDArray[np.bool_]) -> Pairs:
    ends = np.append(0, np.cumsum(kept))
    return ends[block.starts].astype(np.int64), block.columns[kept]

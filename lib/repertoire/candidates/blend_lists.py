"""Lists of several sources as arrays: normalised user by user, and added up."""

from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from repertoire import vocabulary as v
from repertoire.candidates.pair_kernel import Doubles
from repertoire.candidates.top_k_kernel import six_digits

Codes = NDArray[np.int64]

_TOP_RANKS = 60  # Cormack et al. 2009: lessens what the first ranks add more than those after them


@dataclass(frozen=True)
class ListRows:
    """Rows of lists, ordered by user, source and rank. users, items: numbers of ids, in the order of their bytes; places: of the
    sources."""

    user_ids: pa.Array
    item_ids: pa.Array
    users: Codes
    items: Codes
    places: Codes
    scores: Doubles
    reasons: pa.Array

    @classmethod
    def of(cls, table: pa.Table) -> "ListRows":
        """From the columns user_id, item_id, place, score, reason."""
        user_ids, users = ranked(table.column(v.USER_ID))
        item_ids, items = ranked(table.column(v.ITEM_ID))
        places = table.column("place").to_numpy().astype(np.int64)
        reasons = table.column(v.REASON).combine_chunks()
        return cls(user_ids, item_ids, users, items, places, table.column(v.SCORE).to_numpy(), reasons)


def ranked(ids: pa.ChunkedArray) -> tuple[pa.Array, Codes]:
    """The distinct ids in the order of their bytes, and the rank of each row's."""
    whole = ids.combine_chunks()
    encoded = (whole.chunk(0) if isinstance(whole, pa.ChunkedArray) else whole).dictionary_encode()
    order = pc.array_sort_indices(encoded.dictionary)
    ranks = np.empty(len(order), np.int64)
    ranks[order.to_numpy()] = np.arange(len(order))
    return encoded.dictionary.take(order), ranks[encoded.indices.to_numpy()]


def normalised(kind: str, users: Codes, places: Codes, scores: Doubles) -> Doubles:
    """What the rows of lists add at weight 1. Rows of a list stand together, best first; r counts them from 1, n are all of them.

    kind score: (score - the list's least) / the list's standard deviation, 0 where all are equal; rank: (n - r + 1) / n (Borda);
    reciprocal_rank: 1 / (60 + r) (Cormack, Clarke & Büttcher 2009).
    """
    if not len(scores):
        return scores
    begins = np.flatnonzero(np.append(True, (np.diff(users) != 0) | (np.diff(places) != 0)))
    lengths = np.diff(np.append(begins, len(scores)))
    if kind != "score":
        before = np.arange(len(scores)) - np.repeat(begins, lengths)
        if kind == "rank":
            return np.asarray(1 - before / np.repeat(lengths, lengths))
        return np.asarray(1 / (_TOP_RANKS + 1 + before))
    means = np.add.reduceat(scores, begins) / lengths
    apart = scores - np.repeat(means, lengths)
    deviation = np.sqrt(np.add.reduceat(apart**2, begins) / lengths)
    least = np.minimum.reduceat(scores, begins)
    even = np.repeat(deviation, lengths)
    return np.divide(scores - np.repeat(least, lengths), even, out=np.zeros_like(scores), where=even > 0)


def blended(rows: ListRows, kind: str, weights: Doubles, k: int) -> pa.RecordBatch:
    """The k best items of each user by the sum of what they add, `normalised` and weighted: the columns of proposals."""
    adds = normalised(kind, rows.users, rows.places, rows.scores) * weights[rows.places]
    order = np.lexsort((rows.places, rows.items, rows.users))
    users, items, adds = rows.users[order], rows.items[order], adds[order]
    begins = np.flatnonzero(np.append(True, (np.diff(users) != 0) | (np.diff(items) != 0)))[: len(users)]
    scores = six_digits(np.add.reduceat(adds, begins)) if len(users) else adds
    # The row of each item that adds most: the first one of equals.
    lengths = np.diff(np.append(begins, len(users)))
    by_size = np.lexsort((np.arange(len(adds)), -adds, np.repeat(np.arange(len(begins)), lengths)))
    speaker = order[by_size[begins]] if len(users) else order
    users, items = users[begins], items[begins]
    best = np.lexsort((items, -scores, users))
    first = np.searchsorted(users[best], users[best])
    rank = np.arange(len(best)) - first + 1
    chosen = best[rank <= k]
    return pa.record_batch(
        {
            v.USER_ID: rows.user_ids.take(pa.array(users[chosen])),
            v.ITEM_ID: rows.item_ids.take(pa.array(items[chosen])),
            v.SCORE: pa.array(scores[chosen]),
            v.RANK: pa.array(rank[rank <= k].astype(np.int32)),
            v.REASON: rows.reasons.take(pa.array(speaker[chosen])),
        }
    )

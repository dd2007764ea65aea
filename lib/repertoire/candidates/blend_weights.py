"""Which weights make a blend's lists best on what was held back."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from repertoire import vocabulary as v
from repertoire.candidates.blend_lists import normalised, ranked

HEAD = 10
"""Length of the head of a list that is judged."""
_ROUNDS = 4
_STEPS = (0.0, 0.5, 2.0, 0.75, 1.4)


@dataclass(frozen=True)
class Contributions:
    """values (users, candidates, sources): what each source adds to an item at weight 1; relevant (users, candidates); most
    (users,): how many relevant items there are, in the lists or not. Past a user's candidates all is 0."""

    values: NDArray[np.float32]
    relevant: NDArray[np.bool_]
    there: NDArray[np.bool_]
    most: NDArray[np.int64]


def list_contributions(lists: Sequence[pa.Table], truth: pa.Table, kind: str = "score") -> Contributions:
    """From each source's user_id, item_id, score, rank, and user_id, item_id of what is relevant. kind: see `normalised`."""
    columns = [
        pa.chunked_array(
            [*(table.column(name).combine_chunks() for table in lists), truth.column(name).combine_chunks()]
        )
        for name in (v.USER_ID, v.ITEM_ID)
    ]
    (user_ids, users), (item_ids, items) = (ranked(column) for column in columns)
    keys = users * len(item_ids) + items
    ends = np.cumsum([len(table) for table in lists])
    pairs = np.unique(keys[: ends[-1]])
    pair_users = pairs // len(item_ids)
    counts = np.bincount(pair_users, minlength=len(user_ids))
    slot = np.arange(len(pairs)) - (np.cumsum(counts) - counts)[pair_users]
    values = np.zeros((len(user_ids), int(counts.max(initial=0)), len(lists)), np.float32)
    relevant = np.zeros(values.shape[:2], bool)
    there = np.arange(values.shape[1]) < counts[:, None]
    for source, table in enumerate(lists):
        rows = slice(ends[source] - len(table), ends[source])
        order = np.lexsort((table.column(v.RANK).to_numpy(), users[rows]))
        own, scores = users[rows][order], table.column(v.SCORE).to_numpy()[order]
        place = np.searchsorted(pairs, keys[rows][order])
        values[own, slot[place], source] = normalised(kind, own, np.zeros_like(own), scores)
    true = keys[ends[-1] :]
    place = np.minimum(np.searchsorted(pairs, true), max(0, len(pairs) - 1))
    found = pairs[place] == true if len(pairs) else np.zeros(len(true), bool)
    relevant[pair_users[place[found]], slot[place[found]]] = True
    most = np.bincount(users[ends[-1] :], minlength=len(user_ids))
    return Contributions(values, relevant, there, most)


def ndcg_by_user(data: Contributions, weights: NDArray[np.float64]) -> NDArray[np.float64]:
    """nDCG@10 of each user with something relevant, in the order of their ids."""
    scores = np.where(data.there, data.values @ weights.astype(np.float32), -np.inf)
    k = min(HEAD, scores.shape[1])
    first = np.sort(np.argpartition(-scores, k - 1, axis=1)[:, :k], axis=1) if k else np.zeros((len(scores), 0), int)
    order = np.argsort(-np.take_along_axis(scores, first, axis=1), axis=1, kind="stable")
    best = np.take_along_axis(first, order, axis=1)
    gains = 1 / np.log2(np.arange(2, HEAD + 2))
    hits = np.take_along_axis(data.relevant, best, axis=1) @ gains[:k]
    judged = data.most > 0
    ideal = np.cumsum(gains)[np.minimum(data.most[judged], HEAD) - 1]
    return np.asarray(hits[judged] / ideal)


def ndcg(data: Contributions, weights: NDArray[np.float64]) -> float:
    """Mean nDCG@10 of the users with something relevant."""
    found = ndcg_by_user(data, weights)
    return float(found.mean()) if len(found) else 0.0


def learnt_weights(data: Contributions) -> tuple[list[float], float]:
    """A weight for each source, the largest 1, and the nDCG@10 that they reach, by `ascent`."""
    return ascent(partial(ndcg, data), data.values.shape[2])


def ascent(
    judge: Callable[[NDArray[np.float64]], float], count: int, steps: Sequence[float] = _STEPS, least: float = 0.0
) -> tuple[list[float], float]:
    """`count` weights, the largest 1, and what they reach.

    Coordinate ascent from equal weights: each weight in turn is multiplied by one of the steps (left out, halved, doubled, or
    changed by less), as long as that gains more than the share `least`, for a few rounds.
    """
    weights = np.ones(count)
    quality = judge(weights)
    for _ in range(_ROUNDS):
        before = quality
        for source in range(len(weights)):
            for step in steps:
                tried = weights.copy()
                tried[source] = tried[source] * step if tried[source] else step / 2
                reached = judge(tried) if tried.any() else 0.0
                if reached > quality * (1 + least):
                    weights, quality = tried, reached
        if quality == before:
            break
    return [float(weight) for weight in np.round(weights / weights.max(), 4)], quality

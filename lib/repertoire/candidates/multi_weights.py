"""How much each behaviour says: weights that are learnt by leaving out what users consumed last."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray
from pyspark.sql import DataFrame
from scipy.sparse import csr_matrix

from repertoire import vocabulary as v
from repertoire.candidates.behaviours import BEHAVIOURS, behaviour_bits
from repertoire.candidates.blend_weights import ascent
from repertoire.candidates.held_back import some_users
from repertoire.candidates.pair_kernel import Doubles
from repertoire.candidates.similar_items import SparseRows
from repertoire.candidates.training_pairs import wanted_column
from repertoire.settings import MultiSettings

_K = 10
_CANDIDATES = 30
_CASES = 64  # whose items' similarities are added up at once
_EXPONENTS = (0.0, 0.25, 0.5)
# A few thousand users cannot tell a small weight from none, nor a small gain from chance: equal weights stay near then.
_STEPS, _LEAST_GAIN = (0.5, 2.0, 0.75, 1.4), 0.002
# What lies in a cart stands above the rest unless that is found to be worse (chosen on validation parts).
_OWN_AT_FIRST = 4.0
_UNJUDGED_EXPONENT = 0.25
_PRIOR = 10.0
_LEAST = 1e-4  # of what is taken away: below it a difference of float32 sums is no more than rounding


@dataclass(frozen=True)
class Log:
    """What a model knows: ids of items, ascending; similar: what each says of others; users, consumed (items,): how many wanted
    it, and consumed it."""

    ids: pa.Array
    similar: SparseRows
    users: Doubles
    consumed: Doubles


@dataclass(frozen=True)
class Learnt:
    """others: by behaviour, what an item says of others; itself: what it says of itself where it is not consumed yet;
    popularity_exponent; ndcg: what they reach on so many judged users."""

    others: Mapping[str, float]
    itself: Mapping[str, float]
    popularity_exponent: float
    ndcg: float
    judged: int

    def metadata(self) -> dict[str, Any]:
        return {
            "weights": dict(self.others),
            "own_weights": dict(self.itself),
            "popularity_exponent": self.popularity_exponent,
            "validation_ndcg": self.ndcg,
            "validation_users": self.judged,
        }

    @classmethod
    def of(cls, metadata: Mapping[str, Any]) -> "Learnt":
        names = ("weights", "own_weights", "popularity_exponent", "validation_ndcg", "validation_users")
        return cls(*(metadata[name] for name in names))

    def by_bit(self) -> tuple[Doubles, Doubles, int]:
        """The weights of all behaviours, of others 1 where nothing was learnt, of itself 0; and the bits of those that do not
        consume."""
        return (
            np.array([self.others.get(name, 1.0) for name in BEHAVIOURS]),
            np.array([self.itself.get(name, 0.0) for name in BEHAVIOURS]),
            sum(1 << BEHAVIOURS.index(name) for name in self.itself),
        )

    def of_popularity(self, users: Doubles) -> Doubles:
        """(items,): what is multiplied with all that others say of an item."""
        return relative_popularity(users) ** -self.popularity_exponent

    def __str__(self) -> str:
        words = [f"{name} {weight:g}" for name, weight in self.others.items()]
        words += [f"own {name} {weight:g}" for name, weight in self.itself.items()]
        told = ", ".join([*words, f"popularity exponent {self.popularity_exponent:g}"])
        if not self.judged:
            return f"{told}: no user has consumed two items, so nothing was learnt"
        return f"{told}; nDCG@{_K} {self.ndcg:.4f} for the newest consumed item of {self.judged:,} users"


def relative_popularity(users: Doubles) -> Doubles:
    """Users of each item over those of the item of an average pair, which is 1."""
    users = np.maximum(users, 1)
    return np.asarray(users / (np.square(users).sum() / users.sum()))


def consumed_share(users: Doubles, consumed: Doubles, average: float | None = None) -> Doubles:
    """Of an item's users, the share that consumed it, drawn to the average share as by ten more users, over that average."""
    average = float(consumed.sum() / max(users.sum(), 1)) if average is None else average
    if not average:
        return np.ones(len(users))
    return np.asarray((consumed + _PRIOR * average) / (users + _PRIOR) / average)


def learn(interactions: DataFrame, log: Log, settings: MultiSettings, seed: int) -> Learnt:
    """The weights, from up to about validation_users users, chosen by a hash of seed and id, who consumed something.

    For each the consumed item that is the newest by last_ts (by hash where pairs have no time) is left out; what else they did
    with it before, such as putting it into the cart, stays. What that pair has added to similarities and counts is taken out of
    them, so that none of it tells the answer. The driver holds the users' pairs, and some dozens of candidates for each.
    """
    sample = _sample(interactions, settings.validation_users, seed)
    history = _History.of(sample, log.ids, seed)
    names, own = history.behaviours, history.own_behaviours
    cases = _Cases.of(history, log, settings) if len(history.held) else None
    if cases is None:
        return Learnt(dict.fromkeys(names, 1.0), dict.fromkeys(own, 1.0), _UNJUDGED_EXPONENT, 0.0, 0)
    found = [
        ascent(partial(cases.ndcg, cases.popularity**-exponent), len(cases.scales), _STEPS, _LEAST_GAIN)
        for exponent in _EXPONENTS
    ]
    best = max(range(len(found)), key=lambda number: found[number][1])
    unscaled = np.array(found[best][0]) / cases.scales
    weights = [float(f"{weight:.4g}") for weight in unscaled / unscaled.max()]
    others = dict(zip(names, weights[: len(names)], strict=True))
    itself = dict(zip(own, weights[len(names) :], strict=True))
    return Learnt(others, itself, _EXPONENTS[best], found[best][1], len(history.held))


def _sample(interactions: DataFrame, most_users: int, seed: int) -> pa.Table:
    """user_id, item_id, event_types, seen, last_ts of the wanted pairs of some users, by user and item."""
    chosen = interactions.where(wanted_column() & some_users(interactions, most_users, seed))
    rows = chosen.select(v.USER_ID, v.ITEM_ID, v.TYPES, v.SEEN, v.LAST_TS).toArrow()
    return rows.sort_by([(v.USER_ID, "ascending"), (v.ITEM_ID, "ascending")]).combine_chunks()


@dataclass(frozen=True)
class _History:
    """Pairs by user and item. users, items: positions; did: which behaviours, after the held pairs were left out; speaks: by
    which of them a pair speaks of others; there: whether anything is left of it; consumed: of what is left; held: the rows
    that were held, one a user."""

    behaviours: list[str]
    own_behaviours: list[str]
    users: NDArray[np.int64]
    items: NDArray[np.int64]
    did: NDArray[np.bool_]
    speaks: NDArray[np.bool_]
    there: NDArray[np.bool_]
    consumed: NDArray[np.bool_]
    held: NDArray[np.int64]

    @classmethod
    def of(cls, rows: pa.Table, ids: pa.Array, seed: int) -> "_History":
        bits, seen = behaviour_bits(rows.column(v.TYPES)), rows.column(v.SEEN).to_numpy(zero_copy_only=False)
        did = ((bits[:, None] >> np.arange(len(BEHAVIOURS))) & 1).astype(bool)
        occurring = np.flatnonzero(did.any(axis=0))
        names, did = [BEHAVIOURS[place] for place in occurring], did[:, occurring]
        if not names:
            names, did = [v.INTERACTION], np.ones((len(bits), 1), bool)
        open_too = np.zeros(did.shape[1], bool)  # behaviours that alone consume nothing
        if len(occurring):
            open_too[:] = (did & ~seen[:, None]).any(axis=0)
        own = [name for name, one in zip(names, open_too.tolist(), strict=True) if one]
        users = rows.column(v.USER_ID).combine_chunks().dictionary_encode() if len(rows) else None
        user = np.zeros(0, np.int64) if users is None else _codes(users)
        item = pc.index_in(rows.column(v.ITEM_ID), ids).to_numpy().astype(np.int64)
        held = _newest(rows, user, seen, seed)
        left = did.copy()
        left[held] &= open_too
        there = np.asarray(left.any(axis=1))
        consumes = (left & ~open_too).any(axis=1, keepdims=True)
        speaks = left & ~(open_too & consumes)
        consumed = seen.copy()
        consumed[held] = False
        return cls(names, own, user, item, left, speaks, there, consumed, held)


def _codes(users: Any) -> NDArray[np.int64]:
    whole = users.chunk(0) if isinstance(users, pa.ChunkedArray) else users
    return np.asarray(whole.indices.to_numpy(), np.int64)


def _newest(rows: pa.Table, users: NDArray[np.int64], seen: NDArray[np.bool_], seed: int) -> NDArray[np.int64]:
    """The row of each user's newest consumed item, of users with another pair; those without a time last, by hash."""
    if not len(users):
        return np.zeros(0, np.int64)
    times = pc.fill_null(rows.column(v.LAST_TS).cast(pa.int64()), np.iinfo(np.int64).min).to_numpy()
    keys = pc.binary_join_element_wise(rows.column(v.USER_ID), rows.column(v.ITEM_ID), str(seed))
    by_hash = pd.util.hash_array(keys.to_numpy(zero_copy_only=False), categorize=False)
    order = np.lexsort((by_hash, -times.astype(float), ~seen, users))
    first = order[np.flatnonzero(np.append(True, np.diff(users[order]) != 0))]
    several = np.bincount(users)[users[first]] > 1
    return np.asarray(first[seen[first] & several])


@dataclass(frozen=True)
class _Cases:
    """Candidates of the judged users, the held item first. others (cases, candidates, behaviours), itself (…, own behaviours):
    what each part adds at weight 1, over its scale; popularity (cases, candidates), before (cases, candidates): whether a
    candidate wins a tie; scales (parts,)."""

    others: NDArray[np.float32]
    itself: NDArray[np.float32]
    popularity: NDArray[np.float32]
    before: NDArray[np.bool_]
    scales: Doubles

    def ndcg(self, of_popularity: NDArray[np.float32], weights: Doubles) -> float:
        """Mean nDCG@10 of one relevant item a case. of_popularity (cases, candidates): what the others' part is multiplied by."""
        parts = self.others.shape[2]
        scores = (self.others @ weights[:parts].astype(np.float32)) * of_popularity
        scores += self.itself @ weights[parts:].astype(np.float32)
        true = scores[:, :1]
        places = ((scores > true) | ((scores == true) & self.before)).sum(axis=1)
        return float(np.where((true[:, 0] > 0) & (places < _K), 1 / np.log2(places + 2.0), 0.0).mean())

    @classmethod
    def of(cls, history: _History, log: Log, settings: MultiSettings) -> "_Cases":
        popularity = relative_popularity(log.users)
        found = list(_candidates(history, log, settings, popularity))
        width = max(len(one[0]) for one in found)
        items = np.full((len(found), width), -1)
        parts = len(history.behaviours) + len(history.own_behaviours)
        values = np.zeros((len(found), width, parts), np.float32)
        for case, (chosen, added) in enumerate(found):
            items[case, : len(chosen)], values[case, : len(chosen)] = chosen, added
        highest = values.max(axis=1)
        there = highest > 0
        scales = np.where(there.any(axis=0), highest.sum(axis=0) / np.maximum(there.sum(axis=0), 1), 1.0)
        values /= scales.astype(np.float32)
        scales[len(history.behaviours) :] /= _OWN_AT_FIRST
        values[:, :, len(history.behaviours) :] *= _OWN_AT_FIRST
        before = (items >= 0) & (items < items[:, :1])
        others = len(history.behaviours)
        popular = np.where(items >= 0, popularity[items], 1).astype(np.float32)
        return cls(values[:, :, :others], values[:, :, others:], popular, before, scales.astype(float))


def _candidates(
    history: _History, log: Log, settings: MultiSettings, popularity: Doubles
) -> Iterator[tuple[NDArray[np.int64], Doubles]]:
    """For each held row the positions of candidates, the held item first, and (candidates, parts) what each part adds."""
    starts, columns, values = log.similar
    count, users = len(log.ids), int(history.users.max()) + 1
    similar = csr_matrix((values.astype(np.float64), columns, starts), shape=(count, count))
    speakers_of = similar.tocsc()
    average = float(log.consumed.sum() / max(log.users.sum(), 1))
    share = consumed_share(log.users, log.consumed)
    of_users = np.maximum(np.bincount(history.users, minlength=users), 1) ** -settings.user_exponent
    of_items = np.maximum(log.users, 1) ** -settings.item_exponent
    begins = np.searchsorted(history.users, np.arange(users + 1))
    own = [history.behaviours.index(name) for name in history.own_behaviours]
    judged = history.users[history.held]
    said = []
    for number in range(len(history.behaviours)):
        chosen = np.flatnonzero(history.there & history.speaks[:, number])
        rows = csr_matrix((np.ones(len(chosen)), (history.users[chosen], history.items[chosen])), shape=(users, count))
        said.append(rows[judged])
    for case, (row, user) in enumerate(zip(history.held, judged, strict=True)):
        if case % _CASES == 0:
            of_cases = [one[case : case + _CASES] @ similar for one in said]
        mine = np.arange(begins[user], begins[user + 1])
        left, item = mine[history.there[mine]], history.items[row]
        of_others = [_row(one, case % _CASES) for one in of_cases]
        open_pairs = left[~history.consumed[left]]
        own_items = history.items[open_pairs]
        reached = np.unique(np.concatenate([*(indices for indices, _ in of_others), own_items, [item]]))
        reached = reached[~np.isin(reached, history.items[left[history.consumed[left]]])]
        parts = np.zeros((len(reached), len(said) + len(own)))
        for number, (indices, added) in enumerate(of_others):
            known = np.isin(indices, reached)
            parts[np.searchsorted(reached, indices[known]), number] = added[known]
        here = np.searchsorted(reached, item)
        if not history.there[row]:
            speakers = history.items[left]
            all_speakers, weights = _row(speakers_of, item)
            speaks = np.isin(speakers, all_speakers[weights > 0])
            taken = (of_users[user] * of_items[speakers] * speaks) @ history.speaks[left]
            rest = parts[here, : len(said)] - taken
            parts[here, : len(said)] = np.where(rest > _LEAST * taken, rest, 0)
        without = consumed_share(log.users[own_items], log.consumed[own_items] - 1, average)
        worth = np.where(own_items == item, without, share[own_items])
        parts[np.searchsorted(reached, own_items), len(said) :] = history.did[open_pairs][:, own] * worth[:, None]
        places = _best(parts, popularity[reached], here)
        yield reached[places], parts[places]


def _row(matrix: Any, place: int) -> tuple[NDArray[np.int32], Doubles]:
    """Where a row of a CSR matrix, or a column of a CSC matrix, is not empty, and its values there."""
    held = slice(matrix.indptr[place], matrix.indptr[place + 1])
    return matrix.indices[held], matrix.data[held]


def _best(parts: Doubles, popularity: Doubles, here: int) -> NDArray[np.int64]:
    """`here`, and then who is among the first by one of the parts, be popularity discounted or not."""
    found, most = [], min(_CANDIDATES, len(parts))
    for scores in (parts, parts * popularity[:, None] ** -max(_EXPONENTS)):
        first = np.argpartition(-scores, most - 1, axis=0)[:most]
        found.append(first[np.take_along_axis(scores, first, axis=0) > 0])
    places = np.unique(np.concatenate(found))
    return np.append(here, places[places != here])

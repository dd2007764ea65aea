"""The best items for a user by what the users most like them wanted: compiled, one user at a time."""

from typing import Any

import numpy as np

from repertoire.candidates.history_kernel import in_order, six_digits_of
from repertoire.candidates.similarity_kernel import COSINE, keep_largest
from repertoire.frames.compiled import compiled

WANTED, MASKED, ASKED = 1, 2, 4
"""What a pair may be, as bits: it tells what its user wants; it is not to be proposed; its user is asked for."""


@compiled
def neighbour_lists(
    first: int,
    last: int,
    pairs: Any,
    by_item: Any,
    told: Any,
    kind: int,
    sizes: Any,
    shrink: float,
    power: float,
    votes: Any,
    neighbors: int,
    proposable: Any,
    k: int,
) -> Any:
    """positions and scores (last - first, k), lengths (last - first,): the k best items of users first to last who are asked for.

    pairs: (starts, items, bits) of all users; by_item: (starts, users) of the wanted ones; told (items,): what a common item
    adds to the product d of two users. A user's neighbours are the others with the highest COSINE: d / (size_u × size_v +
    shrink), or JACCARD: d / (size_u + size_v - d + shrink); of equals the first. An item's score is the sum over the neighbours
    who wanted it of similarity ^ power × votes (users,) of the neighbour, in the order of users, to 6 significant digits; ties
    go by position.
    """
    starts, items, bits = pairs
    item_starts, item_users = by_item
    users, count = len(starts) - 1, len(item_starts) - 1
    alike, met = np.zeros(users, np.float64), np.empty(users, np.int32)
    sums, state, touched = np.zeros(count, np.float64), np.zeros(count, np.int8), np.empty(count, np.int32)
    near, who = np.empty(neighbors, np.float64), np.empty(neighbors, np.int64)
    heap, places = np.empty(k, np.float64), np.empty(k, np.int64)
    positions, scores = np.full((last - first, k), -1, np.int32), np.full((last - first, k), -np.inf)
    lengths = np.zeros(last - first, np.int64)
    for user in range(first, last):
        begin, end = starts[user], starts[user + 1]
        if begin == end or not bits[begin] & ASKED:
            continue
        found = 0
        for pair in range(begin, end):
            if bits[pair] & WANTED:
                item = items[pair]
                for place in range(item_starts[item], item_starts[item + 1]):
                    other = item_users[place]
                    if alike[other] == 0:
                        met[found] = other
                        found += 1
                    alike[other] += told[item]
        kept = 0
        for number in range(found):
            other = met[number]
            dot = alike[other]
            alike[other] = 0
            if other == user:
                continue
            if kind == COSINE:
                value = dot / (sizes[user] * sizes[other] + shrink)
            else:
                value = dot / (sizes[user] + sizes[other] - dot + shrink)
            if value > 0:
                kept = keep_largest(near, who, kept, neighbors, value, other)
        for pair in range(begin, end):
            if bits[pair] & MASKED:
                state[items[pair]] = 2
        reached = 0
        order = np.argsort(who[:kept])
        for number in range(kept):
            other, value = who[order[number]], near[order[number]] ** power * votes[who[order[number]]]
            for pair in range(starts[other], starts[other + 1]):
                item = items[pair]
                if state[item] == 2 or not bits[pair] & WANTED:
                    continue
                if state[item] == 0:
                    state[item] = 1
                    touched[reached] = item
                    reached += 1
                sums[item] += value
        kept = 0
        for number in range(reached):
            item = touched[number]
            if proposable[item]:
                kept = keep_largest(heap, places, kept, k, six_digits_of(sums[item]), item)
            sums[item], state[item] = 0, 0
        for pair in range(begin, end):
            state[items[pair]] = 0
        in_order(heap, places, kept)
        lengths[user - first] = kept
        for number in range(kept):
            positions[user - first, number], scores[user - first, number] = places[number], heap[number]
    return positions, scores, lengths

"""Pairs of user and item in order, compiled."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from repertoire.frames.compiled import compiled

Floats = NDArray[np.float32]
Doubles = NDArray[np.float64]
Ints = NDArray[np.int32]
Longs = NDArray[np.int64]


@compiled
def order_pairs(users: Ints, items: Ints, user_count: int, item_count: int) -> Any:
    """starts (user_count + 1,) and order (n,): the pairs by user and then item, in linear time; equal pairs as they came."""
    count = len(users)
    places = np.zeros(item_count + 1, np.int64)
    for pair in range(count):
        places[items[pair] + 1] += 1
    for item in range(item_count):
        places[item + 1] += places[item]
    by_item = np.empty(count, np.int32)
    for pair in range(count):
        by_item[places[items[pair]]] = pair
        places[items[pair]] += 1
    starts = np.zeros(user_count + 1, np.int64)
    for pair in range(count):
        starts[users[pair] + 1] += 1
    for user in range(user_count):
        starts[user + 1] += starts[user]
    places = starts[:-1].copy()
    order = np.empty(count, np.int32)
    for number in range(count):
        pair = by_item[number]
        order[places[users[pair]]] = pair
        places[users[pair]] += 1
    return starts, order


@compiled
def taken(values: Any, places: Any) -> Any:
    """values[places], without Python's lock."""
    found = np.empty(len(places), values.dtype)
    for number in range(len(places)):
        found[number] = values[places[number]]
    return found


@compiled
def add_up_equal_pairs(starts: Longs, columns: Ints, weights: Floats) -> Any:
    """starts, columns, weights: of ordered pairs, equal ones become one, their weights added."""
    starts, columns, weights = starts.copy(), columns.copy(), weights.copy()
    kept = 0
    for user in range(len(starts) - 1):
        first, last = starts[user], starts[user + 1]
        starts[user] = kept
        for place in range(first, last):
            if place > first and columns[place] == columns[kept - 1]:
                weights[kept - 1] += weights[place]
            else:
                columns[kept], weights[kept] = columns[place], weights[place]
                kept += 1
    starts[len(starts) - 1] = kept
    return starts, columns[:kept].copy(), weights[:kept].copy()


@compiled
def strongest_pairs(starts: Longs, columns: Ints, strength: NDArray[np.float64], latest: Longs, most: int) -> Any:
    """starts and columns of each user's strongest pairs, best first, `most` at most; of pairs with a strength above 0.

    Among equals the latest comes first, then the lower column. Pairs are ordered by user and column.
    """
    users = len(starts) - 1
    chosen = np.empty(min(len(columns), users * most), np.int32)
    ends = np.zeros(users + 1, np.int64)
    best = np.empty(most, np.int64)
    for user in range(users):
        found = 0
        for pair in range(starts[user], starts[user + 1]):
            if not strength[pair] > 0:
                continue
            place = found
            while place > 0:
                other = best[place - 1]
                if strength[other] > strength[pair] or (
                    strength[other] == strength[pair] and latest[other] >= latest[pair]
                ):
                    break
                place -= 1
            if place == most:
                continue
            last = min(found, most - 1)
            for moved in range(last, place, -1):
                best[moved] = best[moved - 1]
            best[place] = pair
            found = min(found + 1, most)
        for number in range(found):
            chosen[ends[user] + number] = columns[best[number]]
        ends[user + 1] = ends[user] + found
    return ends, chosen[: ends[users]].copy()

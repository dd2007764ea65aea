"""What the order of time says: places in a history, how recent each is, and transitions from item to item, compiled."""

from typing import Any

import numpy as np

from repertoire.candidates.pair_kernel import Floats, Ints, Longs
from repertoire.candidates.similarity_kernel import Doubles, keep_largest, with_row
from repertoire.frames.compiled import compiled, compiled_strictly

DAY = 86_400_000_000  # microseconds


@compiled
def places_in_time(starts: Longs, times: Longs) -> Any:
    """(n,) int32: twice the place of each pair among those of its user, by time, from 0; equal times share their mean place."""
    places = np.empty(len(times), np.int32)
    for user in range(len(starts) - 1):
        first, count = starts[user], starts[user + 1] - starts[user]
        order = np.argsort(times[first : first + count], kind="mergesort")
        low = 0
        while low < count:
            high = low + 1
            while high < count and times[first + order[high]] == times[first + order[low]]:
                high += 1
            for place in range(low, high):
                places[first + order[place]] = low + high - 1
            low = high
    return places


@compiled_strictly
def recency_weights(starts: Longs, times: Longs, half_life: float, half_life_days: float) -> Any:
    """(n,): 2^-(s / half_life + d / half_life_days), for s places and d days from a pair to the latest of its user."""
    places = places_in_time(starts, times)
    weights = np.empty(len(times), np.float64)
    for user in range(len(starts) - 1):
        last, latest = 0, np.int64(-(2**63))
        for pair in range(starts[user], starts[user + 1]):
            last, latest = max(last, places[pair]), max(latest, times[pair])
        for pair in range(starts[user], starts[user + 1]):
            halvings = (last - places[pair]) / 2 / half_life + (latest - times[pair]) / DAY / half_life_days
            weights[pair] = 2.0**-halvings
    return weights


@compiled
def transition_rows(
    first: int,
    last: int,
    left: Any,
    right: Any,
    of_users: Doubles,
    decay: Doubles,
    half_life_days: float,
    own: Doubles,
    others: Doubles,
    shrink: float,
    direction_shrink: float,
    most: int,
) -> Any:
    """Rows first to last of how much each item speaks for coming next: starts, columns ascending, values; the `most` largest of
    each that are above 0.

    left: (starts, users, places, times) of the pairs of those items; right: (starts, columns, places, times) of all pairs by
    user; places as `places_in_time` gives them; times may be empty where half_life_days is infinite. For the row's item i and
    another j, f is the sum over the users who had j before i or at the same time, and b over those who had it after or at the
    same time, of of_users × decay[difference of places] × 2^(-days between / half_life_days). The value is
    (f + b) · (f + direction_shrink / 2) / (f + b + direction_shrink) / (own_i × others_j + shrink). Equal values: the lower
    column stays.
    """
    left_starts, left_users, left_places, left_times = left
    right_starts, right_columns, right_places, right_times = right
    count, by_days = len(others), half_life_days < np.inf
    sums = np.zeros((count, 2), np.float64)  # of each column f, and f + b
    farthest = len(decay) - 1
    forward, either = np.zeros(2 * farthest + 1), np.zeros(2 * farthest + 1)  # by later + farthest: no branch to guess
    for later in range(-farthest, farthest + 1):
        either[later + farthest] = decay[abs(later)] * (2 if later == 0 else 1)
        forward[later + farthest] = decay[later] if later >= 0 else 0
    reached_in = np.full(count, -1, np.int64)
    touched = np.empty(count, np.int32)
    heap, places = np.empty(most, np.float64), np.empty(most, np.int64)
    starts = np.zeros(last - first + 1, np.int64)
    columns: Ints = np.empty(max(16, 4 * most), np.int32)
    values: Floats = np.empty(len(columns), np.float32)
    total = 0
    for row in range(first, last):
        found = 0
        for one in range(left_starts[row - first], left_starts[row - first + 1]):
            user = left_users[one]
            for two in range(right_starts[user], right_starts[user + 1]):
                column = right_columns[two]
                if reached_in[column] != row:
                    reached_in[column] = row
                    touched[found] = column
                    found += 1
                weight = of_users[user]
                if by_days:
                    weight *= 2.0 ** (-abs(left_times[one] - right_times[two]) / DAY / half_life_days)
                later = left_places[one] - right_places[two] + farthest
                sums[column, 0] += weight * forward[later]
                sums[column, 1] += weight * either[later]
        kept = 0
        for number in range(found):
            column = touched[number]
            f, both = sums[column, 0], sums[column, 1]
            sums[column, 0], sums[column, 1] = 0, 0
            if column == row or both == 0:
                continue
            directed = both * (f + direction_shrink / 2) / (both + direction_shrink)
            value = directed / (own[row] * others[column] + shrink)
            if value > 0:
                kept = keep_largest(heap, places, kept, most, value, column)
        columns, values = with_row(columns, values, total, heap, places, kept)
        total += kept
        starts[row - first + 1] = total
    return starts, columns[:total].copy(), values[:total].copy()

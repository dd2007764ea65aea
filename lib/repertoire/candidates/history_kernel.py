"""The best items for a history, by the items' similarity: compiled, and in one order of summation everywhere."""

from typing import Any

import numpy as np

from repertoire.candidates.similarity_kernel import comes_before, keep_largest
from repertoire.candidates.top_k_kernel import DECADES, LOWEST_DECADE, TENS
from repertoire.frames.compiled import compiled, compiled_strictly


@compiled
def history_lists(history: Any, masked: Any, similar: Any, more: Any, proposable: Any, k: int) -> Any:
    """positions, scores and reasons (users, k), lengths (users,): the k best items of each user by Σ_j w_uj s_ji, and more.

    history: (starts, columns, weights, own) of the users' items j, their w, and what each adds to its own score; an item of
    w 0 reaches no other. masked: (starts, columns), not to be proposed; similar: (starts, columns, values) of s (n, n), columns
    ascending; more: (users, n), what is added to the sums, or (0, n) for nothing; proposable (n,).
    Where nothing is added, only items that one of the history reaches have a score; a user without history has none. Scores
    are float64, summed in the order of the history, and rounded to 6 significant digits; ties go by position. reasons: the other
    item of the history that adds most, the first of equals; -1 where none adds.
    """
    history_starts, history_columns, history_weights, own = history
    masked_starts, masked_columns = masked
    starts, columns, values = similar
    users, count = len(history_starts) - 1, len(starts) - 1
    sums = np.zeros(count, np.float64)
    state = np.zeros(count, np.int8)  # 1: reached; 2: masked
    touched = np.empty(count, np.int32)
    heap, places = np.empty(k, np.float64), np.empty(k, np.int64)
    positions, reasons = np.full((users, k), -1, np.int32), np.full((users, k), -1, np.int32)
    scores, lengths = np.full((users, k), -np.inf), np.zeros(users, np.int64)
    for user in range(users):
        for pair in range(masked_starts[user], masked_starts[user + 1]):
            state[masked_columns[pair]] = 2
        found = 0
        for pair in range(history_starts[user], history_starts[user + 1]):
            item, weight = history_columns[pair], history_weights[pair]
            for place in range(starts[item], starts[item + 1] if weight != 0 else starts[item]):
                column = columns[place]
                if state[column] == 2:
                    continue
                if state[column] == 0:
                    state[column] = 1
                    touched[found] = column
                    found += 1
                sums[column] += weight * values[place]
            if own[pair] != 0 and state[item] != 2:
                if state[item] == 0:
                    state[item] = 1
                    touched[found] = item
                    found += 1
                sums[item] += own[pair]
        if len(more) and history_starts[user] < history_starts[user + 1]:
            for column in range(count):
                if state[column] == 2:
                    continue
                if state[column] == 0:
                    touched[found] = column
                    found += 1
                sums[column] += more[user, column]
        kept = 0
        for number in range(found):
            column = touched[number]
            if proposable[column]:
                kept = keep_largest(heap, places, kept, k, six_digits_of(sums[column]), column)
            sums[column], state[column] = 0, 0
        for pair in range(masked_starts[user], masked_starts[user + 1]):
            state[masked_columns[pair]] = 0
        lengths[user] = kept
        in_order(heap, places, kept)
        for number in range(kept):
            positions[user, number], scores[user, number] = places[number], heap[number]
            best = 0.0
            for pair in range(history_starts[user], history_starts[user + 1]):
                item = history_columns[pair]
                low, high = starts[item], starts[item + 1]
                while low < high:
                    middle = (low + high) // 2
                    if columns[middle] < places[number]:
                        low = middle + 1
                    else:
                        high = middle
                if low < starts[item + 1] and columns[low] == places[number]:
                    adds = history_weights[pair] * values[low]
                    if adds > best:
                        best = adds
                        reasons[user, number] = item
    return positions, scores, reasons, lengths


@compiled_strictly
def six_digits_of(value: float) -> Any:
    """`six_digits` of one value."""
    decimals = 5 - LOWEST_DECADE - int(np.searchsorted(DECADES, abs(value), side="right"))
    up, down = TENS[max(decimals, 0)], TENS[max(-decimals, 0)]
    return np.rint(value * up / down) / up * down + 0.0


@compiled
def in_order(values: Any, columns: Any, kept: int) -> None:
    """Sorts, best first, equal values by column."""
    for number in range(1, kept):
        value, column, place = values[number], columns[number], number
        while place > 0 and comes_before(value, column, values[place - 1], columns[place - 1]):
            values[place], columns[place] = values[place - 1], columns[place - 1]
            place -= 1
        values[place], columns[place] = value, column

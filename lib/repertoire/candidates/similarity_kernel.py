"""Rows of A·B for sparse A and B, one at a time, each cut to its largest values: what item and user similarities are made of."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from repertoire.candidates.pair_kernel import Doubles, Ints, Longs
from repertoire.frames.compiled import compiled

Weights = NDArray[np.float32]

SCALED, COSINE, JACCARD = 0, 1, 2


@compiled
def columns_of_range(starts: Longs, columns: Ints, values: Weights, first: int, last: int) -> Any:
    """starts (last - first + 1,), rows and values of some columns of a sparse matrix, each column's rows ascending. One pass over
    all pairs."""
    ends = np.zeros(last - first + 1, np.int64)
    for pair in range(len(columns)):
        if first <= columns[pair] < last:
            ends[columns[pair] - first + 1] += 1
    for column in range(last - first):
        ends[column + 1] += ends[column]
    place = ends[:-1].copy()
    rows = np.empty(ends[-1], np.int32)
    turned = np.empty(ends[-1], values.dtype)
    for row in range(len(starts) - 1):
        for pair in range(starts[row], starts[row + 1]):
            column = columns[pair] - first
            if 0 <= column < last - first:
                rows[place[column]] = row
                turned[place[column]] = values[pair]
                place[column] += 1
    return ends, rows, turned


@compiled
def comes_before(value: float, column: int, other: float, other_column: int) -> bool:
    return value > other or (value == other and column < other_column)


@compiled
def keep_largest(values: Any, columns: Any, kept: int, most: int, value: float, column: int) -> int:
    """Takes a value into a heap of at most `most`, whose root is the one to go next: the least, the last of equals."""
    if kept == most:
        if not comes_before(value, column, values[0], columns[0]):
            return kept
        place, end = 0, kept
        while True:
            child = 2 * place + 1
            if child >= end:
                break
            if child + 1 < end and comes_before(values[child], columns[child], values[child + 1], columns[child + 1]):
                child += 1
            if not comes_before(value, column, values[child], columns[child]):
                break
            values[place], columns[place] = values[child], columns[child]
            place = child
        values[place], columns[place] = value, column
        return kept
    place = kept
    while place > 0:
        parent = (place - 1) // 2
        if not comes_before(values[parent], columns[parent], value, column):
            break
        values[place], columns[place] = values[parent], columns[parent]
        place = parent
    values[place], columns[place] = value, column
    return kept + 1


@compiled
def with_row(columns: Ints, values: Weights, total: int, heap: Any, places: Any, kept: int) -> Any:
    """columns and values, of which the first `total` count, followed by what a heap of `keep_largest` holds, columns ascending;
    longer ones where it does not fit."""
    if total + kept > len(columns):
        size = max(2 * len(columns), total + kept)
        more_columns, more_values = np.empty(size, np.int32), np.empty(size, np.float32)
        more_columns[:total], more_values[:total] = columns[:total], values[:total]
        columns, values = more_columns, more_values
    order = np.argsort(places[:kept])
    for number in range(kept):
        columns[total + number] = places[order[number]]
        values[total + number] = heap[order[number]]
    return columns, values


@compiled
def similar_rows(
    first: int,
    last: int,
    left: Any,
    right: Any,
    kind: int,
    own: Doubles,
    others: Doubles,
    shrink: float,
    most: int,
) -> Any:
    """Rows first to last of a similarity: starts, columns ascending, values; the `most` largest of each that are above 0.

    left, right: (starts, columns, values) of those rows of A (n, m) and of all of B (m, n). Of row i and column j ≠ i with
    (A·B)_ij = d: SCALED: own_i × others_j × d; COSINE: d / (own_i × others_j + shrink); JACCARD: d / (own_i + others_j - d +
    shrink). Equal values: the lower column stays.
    """
    left_starts, left_columns, left_values = left
    right_starts, right_columns, right_values = right
    count = len(others)
    sums = np.zeros(count, np.float64)
    touched = np.empty(count, np.int32)
    heap, places = np.empty(most, np.float64), np.empty(most, np.int64)
    starts = np.zeros(last - first + 1, np.int64)
    columns = np.empty(max(16, 4 * most), np.int32)
    values = np.empty(len(columns), np.float32)
    total = 0
    for row in range(first, last):
        found = 0
        for one in range(left_starts[row - first], left_starts[row - first + 1]):
            middle, weight = left_columns[one], np.float64(left_values[one])
            for two in range(right_starts[middle], right_starts[middle + 1]):
                column = right_columns[two]
                if sums[column] == 0:
                    touched[found] = column
                    found += 1
                sums[column] += weight * right_values[two]
        kept = 0
        for number in range(found):
            column = touched[number]
            dot = sums[column]
            sums[column] = 0
            if column == row:
                continue
            if kind == SCALED:
                value = own[row] * others[column] * dot
            elif kind == COSINE:
                value = dot / (own[row] * others[column] + shrink)
            else:
                value = dot / (own[row] + others[column] - dot + shrink)
            if value > 0:
                kept = keep_largest(heap, places, kept, most, value, column)
        columns, values = with_row(columns, values, total, heap, places, kept)
        total += kept
        starts[row - first + 1] = total
    return starts, columns[:total].copy(), values[:total].copy()


@compiled
def common_users(
    left_starts: Longs, left_users: Ints, starts: Longs, columns: Ints, weights: Doubles, count: int
) -> Any:
    """(rows, count) float32: the weights of the users of each row of A who have each item; starts, columns: the items of all
    users."""
    found = np.zeros((len(left_starts) - 1, count), np.float32)
    for row in range(len(left_starts) - 1):
        for one in range(left_starts[row], left_starts[row + 1]):
            user = left_users[one]
            for two in range(starts[user], starts[user + 1]):
                found[row, columns[two]] += weights[user]
    return found

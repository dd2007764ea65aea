"""The arithmetic of implicit ALS on one block of users, compiled: rows solved by conjugate gradient, sums over items.

Everything is float32 in one fixed order of summation, without BLAS: a block gives the same bits in whichever process, thread
or partition it is computed. Compiled code is kept beside this file, where that is a folder that may be written to (else in
NUMBA_CACHE_DIR, or not at all: it is compiled in 3 seconds). It runs without Python's lock, so that threads take a block each.
"""

import os
from pathlib import Path
from typing import Any

import numba
import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float32]
Ints = NDArray[np.int32]
Longs = NDArray[np.int64]

_kept = "NUMBA_CACHE_DIR" in os.environ or os.access(Path(__file__).parent, os.W_OK)
_compiled = numba.njit(nogil=True, cache=_kept, fastmath={"reassoc", "nsz", "arcp", "contract", "afn"})
"""Sums may be reordered into vectors; NaN and infinity keep their meaning, for a divergence has to be seen."""


@_compiled
def solve_rows(
    starts: Longs,
    columns: Ints,
    weights: Floats,
    other: Floats,
    gram: Floats,
    ridge: Floats,
    base: float,
    steps: int,
    rows: Floats,
) -> None:
    """Improves `rows` (n, f) by `steps` of conjugate gradient each: (gram + Σ|w| y yᵀ + ridge) x = Σ_{w>0} (base + w) y.

    starts (n + 1,), columns, weights: the pairs of each row, y being other[column] (m, f). gram: (f, f), the unobserved
    weight times otherᵀ other; ridge: (n,); base: the unobserved weight. A pair of negative weight is a confident zero.
    """
    size = other.shape[1]
    residual, direction, product = np.empty(size, np.float32), np.empty(size, np.float32), np.empty(size, np.float32)
    base32 = np.float32(base)
    for row in range(len(starts) - 1):
        for j in range(size):
            total = np.float32(0)
            for m in range(size):
                total += gram[j, m] * rows[row, m]
            residual[j] = -total - ridge[row] * rows[row, j]
        for pair in range(starts[row], starts[row + 1]):
            column, weight = columns[pair], weights[pair]
            dot = np.float32(0)
            for m in range(size):
                dot += other[column, m] * rows[row, m]
            target = base32 + weight if weight > 0 else np.float32(0)
            factor = target - abs(weight) * dot
            for m in range(size):
                residual[m] += factor * other[column, m]
        square = np.float32(0)
        for m in range(size):
            direction[m] = residual[m]
            square += residual[m] * residual[m]
        for _ in range(steps):
            if square < np.float32(1e-20):
                break
            for j in range(size):
                total = np.float32(0)
                for m in range(size):
                    total += gram[j, m] * direction[m]
                product[j] = total + ridge[row] * direction[j]
            for pair in range(starts[row], starts[row + 1]):
                column = columns[pair]
                dot = np.float32(0)
                for m in range(size):
                    dot += other[column, m] * direction[m]
                factor = abs(weights[pair]) * dot
                for m in range(size):
                    product[m] += factor * other[column, m]
            curvature = np.float32(0)
            for m in range(size):
                curvature += direction[m] * product[m]
            length = square / curvature
            new = np.float32(0)
            for m in range(size):
                rows[row, m] += length * direction[m]
                residual[m] -= length * product[m]
                new += residual[m] * residual[m]
            turn = new / square
            for m in range(size):
                direction[m] = residual[m] + turn * direction[m]
            square = new


@_compiled
def add_residuals(
    starts: Longs, columns: Ints, weights: Floats, users: Floats, items: Floats, base: float, sums: Floats
) -> None:
    """sums[i] += Σ_u (target - |w| u·y_i) u over the pairs of a block of users: the items' right sides less their products."""
    size = users.shape[1]
    base32 = np.float32(base)
    for row in range(len(starts) - 1):
        for pair in range(starts[row], starts[row + 1]):
            column, weight = columns[pair], weights[pair]
            dot = np.float32(0)
            for m in range(size):
                dot += users[row, m] * items[column, m]
            target = base32 + weight if weight > 0 else np.float32(0)
            factor = target - abs(weight) * dot
            for m in range(size):
                sums[column, m] += factor * users[row, m]


@_compiled
def add_products(starts: Longs, columns: Ints, weights: Floats, users: Floats, items: Floats, sums: Floats) -> None:
    """sums[i] += Σ_u |w| (u·p_i) u over the pairs of a block of users, p_i being the rows of `items`."""
    size = users.shape[1]
    for row in range(len(starts) - 1):
        for pair in range(starts[row], starts[row + 1]):
            column = columns[pair]
            dot = np.float32(0)
            for m in range(size):
                dot += users[row, m] * items[column, m]
            factor = abs(weights[pair]) * dot
            for m in range(size):
                sums[column, m] += factor * users[row, m]


@_compiled
def add_gram(rows: Floats, gram: NDArray[np.float64]) -> None:
    """gram += rowsᵀ rows, (f, f): in float32 within 64 rows, in float64 over them."""
    size = rows.shape[1]
    part = np.zeros((size, size), np.float32)
    for start in range(0, len(rows), 64):
        part[:] = 0
        for row in range(start, min(start + 64, len(rows))):
            for j in range(size):
                value = rows[row, j]
                for m in range(size):
                    part[j, m] += value * rows[row, m]
        for j in range(size):
            for m in range(size):
                gram[j, m] += part[j, m]


@_compiled
def shared_products(rows: Floats, gram: Floats, ridge: Floats, products: Floats) -> None:
    """products += rows · gram + ridge × rows, for (n, f), symmetric (f, f) and (n,)."""
    size = rows.shape[1]
    for row in range(len(rows)):
        for j in range(size):
            value = rows[row, j]
            for m in range(size):
                products[row, m] += value * gram[j, m]
        for m in range(size):
            products[row, m] += ridge[row] * rows[row, m]


@_compiled
def sort_pairs(users: Ints, items: Ints, weights: Floats, user_count: int, item_count: int) -> Any:
    """starts, columns, weights: the pairs by user and then item, in linear time; equal pairs become one, weights added."""
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
    columns, values = np.empty(count, np.int32), np.empty(count, np.float32)
    for number in range(count):
        pair = by_item[number]
        place = places[users[pair]]
        columns[place], values[place] = items[pair], weights[pair]
        places[users[pair]] += 1
    kept = 0
    for user in range(user_count):
        first, last = starts[user], starts[user + 1]
        starts[user] = kept
        for place in range(first, last):
            if place > first and columns[place] == columns[kept - 1]:
                values[kept - 1] += values[place]
            else:
                columns[kept], values[kept] = columns[place], values[place]
                kept += 1
    starts[user_count] = kept
    return starts, columns[:kept].copy(), values[:kept].copy()

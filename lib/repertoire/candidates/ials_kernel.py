"""The arithmetic of implicit ALS on one block of users, compiled: rows solved by conjugate gradient, sums over items.

Everything is float32 in one fixed order of summation, without BLAS: a block gives the same bits in whichever process, thread
or partition it is computed.
"""

import numpy as np
from numpy.typing import NDArray

from repertoire.candidates.pair_kernel import Floats, Ints, Longs
from repertoire.frames.compiled import compiled


@compiled
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


@compiled
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


@compiled
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


@compiled
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


@compiled
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

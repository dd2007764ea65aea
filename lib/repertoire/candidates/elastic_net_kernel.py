"""Non-negative elastic nets over sparse columns of ones, one for each of many targets: compiled."""

from typing import Any

import numpy as np

from repertoire.candidates.pair_kernel import Ints, Longs
from repertoire.frames.compiled import compiled


@compiled
def elastic_net_rows(
    first: int,
    chosen_starts: Longs,
    chosen: Ints,
    starts: Longs,
    users: Ints,
    user_count: int,
    l1: float,
    l2: float,
    sweeps: int,
    tolerance: float,
) -> Any:
    """starts, columns ascending and values of the weights above 0 of targets `first` and following.

    starts, users: the users of every item; chosen_starts, chosen: for each target the items that may have a weight. Minimises
    ½ |x - X w|² + ½ l2 |w|² + l1 |w|₁, w ≥ 0, by cyclic coordinate descent in their order, until no weight changes by more than
    tolerance, or for so many sweeps (Friedman, Hastie & Tibshirani 2010).
    """
    targets = len(chosen_starts) - 1
    residual = np.zeros(user_count, np.float64)
    ends = np.zeros(targets + 1, np.int64)
    columns, values = np.empty(len(chosen), np.int32), np.empty(len(chosen), np.float32)
    weights = np.zeros(len(chosen), np.float64)
    total = 0
    for target in range(targets):
        item = first + target
        low, high = chosen_starts[target], chosen_starts[target + 1]
        for place in range(starts[item], starts[item + 1]):
            residual[users[place]] = 1.0
        for _ in range(sweeps):
            most = 0.0
            for number in range(low, high):
                column = chosen[number]
                begin, end = starts[column], starts[column + 1]
                old, size = weights[number], np.float64(end - begin)
                fit = old * size
                for place in range(begin, end):
                    fit += residual[users[place]]
                new = max(fit - l1, 0.0) / (size + l2)
                if new != old:
                    change = new - old
                    for place in range(begin, end):
                        residual[users[place]] -= change
                    weights[number] = new
                    most = max(most, abs(change))
            if most <= tolerance:
                break
        for number in range(low, high):
            column = chosen[number]
            if weights[number] > 0:
                columns[total], values[total] = column, weights[number]
                total += 1
            for place in range(starts[column], starts[column + 1]):
                residual[users[place]] = 0.0
        for place in range(starts[item], starts[item + 1]):
            residual[users[place]] = 0.0
        ends[target + 1] = total
    return ends, columns[:total].copy(), values[:total].copy()

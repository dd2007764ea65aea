"""Which item of a user's own history speaks most for a proposed one."""

import numpy as np

from repertoire.candidates.top_k_kernel import Doubles, Floats, Positions, float32_error


def unit_rows(matrix: Floats) -> Floats:
    """The rows of (n, f) at length 1, those of length 0 as they are; equal bits on every machine."""
    norms = np.sqrt(_dot_in_order(matrix, matrix))[:, None]
    return np.divide(matrix, norms, out=np.zeros(matrix.shape), where=norms > 0).astype(np.float32)


def most_similar_in_history(proposed: Positions, history: Positions, unit: Floats) -> Positions:
    """For each proposed item the item of the history with the highest cosine of factors, or -1 where none is above 0.

    proposed: (b, k) and history: (b, h) are positions in `unit` (n, f), -1 for none. Equal cosines: lower position.

    Hu, Koren & Volinsky (2008), section 5, split a score into the parts s_ij·c_uj of the items j of the history, with
    s_ij = y_i·W_u·y_j. Here W_u is the identity, the confidence c_uj is left out, and factors have length 1, so that
    neither the strongest nor the most popular item of the history is named for everything.
    """
    similar = unit[proposed] @ unit[history].transpose(0, 2, 1)
    comparable = (proposed >= 0)[:, :, None] & (history >= 0)[:, None, :]
    comparable &= proposed[:, :, None] != history[:, None, :]
    similar[~comparable] = -np.inf
    # float32 leaves a few that may be the highest; float64, summed in one order, decides the same way in every block.
    within = 2.02 * float32_error(unit.shape[1])
    best = similar.max(axis=2, keepdims=True, initial=-np.inf)
    user, place, nth = np.nonzero(comparable & (similar >= best - within))
    exact = _dot_in_order(unit[proposed[user, place]], unit[history[user, nth]])
    named = history[user, nth]
    order = np.lexsort((named, -exact, place, user))
    order = order[exact[order] > 0]
    cell = user[order] * proposed.shape[1] + place[order]
    first = np.flatnonzero(np.diff(cell, prepend=-1))
    answer = np.full(proposed.shape, -1)
    answer.flat[cell[first]] = named[order[first]]
    return answer


def _dot_in_order(left: Floats, right: Floats) -> Doubles:
    """Row-wise dot products of (m, f) and (m, f), factor by factor: equal bits wherever they are computed."""
    total = np.zeros(len(left))
    for factor in range(left.shape[1]):
        total += left[:, factor].astype(np.float64) * right[:, factor]
    return total

"""Sparse linear models: an elastic net for each item, over the items that are most like it."""

from collections.abc import Callable
from functools import partial

import numpy as np

from repertoire import vocabulary as v
from repertoire.candidates.elastic_net_kernel import elastic_net_rows
from repertoire.candidates.pair_matrix import PairMatrix
from repertoire.candidates.propose_by_history import propose_by_history
from repertoire.candidates.recommender import FittedModel, Fitting, Recommender
from repertoire.candidates.similar_items import SparseRows, fit_similar_items
from repertoire.candidates.similarity_kernel import COSINE, similar_rows
from repertoire.settings import SlimSettings


def fit(fitting: Fitting) -> FittedModel:
    """For each item i weights w ≥ 0, w_i = 0, that minimise ½ |x_i - X w|² + ½ l2 |w|² + l1 |w|₁ by coordinate descent, for X of
    ones where a pair was wanted (Ning & Karypis 2011). Only the `candidates` items of the highest cosine with i may have a weight
    (their fsSLIM). Items are independent, and spread over the tasks. Raises InputError where nobody wanted anything.
    """
    settings = fitting.settings.slim
    return fit_similar_items(fitting, v.SLIM, partial(_weights, settings), settings.model_dump())


def _weights(settings: SlimSettings, matrix: PairMatrix) -> Callable[[int, int], SparseRows]:
    ones = matrix.with_values(np.ones(len(matrix.columns), np.float32))
    right, size = (ones.starts, ones.columns, ones.values), np.sqrt(ones.users_of)
    starts, users, _ = ones.of_items(0, ones.items)

    def rows(first: int, last: int) -> SparseRows:
        left = ones.of_items(first, last)
        ends, alike, _ = similar_rows(first, last, left, right, COSINE, size, size, 0.0, settings.candidates)
        stop = (settings.sweeps, settings.tolerance)
        found: SparseRows = elastic_net_rows(
            first, ends, alike, starts, users, ones.users, settings.l1, settings.l2, *stop
        )
        return found

    return rows


SLIM = Recommender(name=v.SLIM, fit=fit, propose=propose_by_history)

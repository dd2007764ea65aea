"""A linear autoencoder of items in closed form."""

import math
import os
from collections.abc import Callable
from functools import partial

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray
from scipy.linalg.lapack import dpotrf, dpotri
from threadpoolctl import threadpool_limits

from repertoire import vocabulary as v
from repertoire.candidates.pair_matrix import PairMatrix, over_items
from repertoire.candidates.propose_by_history import propose_by_history
from repertoire.candidates.recommender import FittedModel, Fitting, Recommender
from repertoire.candidates.similar_items import SparseRows, similar_items_model, similar_items_table
from repertoire.candidates.similarity_kernel import common_users
from repertoire.candidates.training_pairs import nothing_to_learn_from, wanted_rows
from repertoire.errors import SettingsError
from repertoire.settings import EaseSettings

_BYTES_A_CELL = 16
_L2_OF_SPARSITY = 40.0
_GRAM = "first int, rows binary"


def fit(fitting: Fitting) -> FittedModel:
    """Weights B that minimise Σ_u w_u |x_u - x_u B|² + Σ_j ridge_j |B_j|² with a diagonal of zeros, x_u being 1 where user u
    wanted an item: with G = Σ_u w_u x_uᵀx_u and P = (G + ridge)⁻¹, B_ji = -P_ji / P_ii.

    w_u goes with n_u^-user_exponent, n_u items of user u, and is 1 in the mean of the pairs; ridge_j = l2 × (G_jj / mean of G_ii)
    ^ ridge_exponent. Exponents of 0 give EASE (Steck 2019); a ridge that grows with the diagonal is that of dropout (Steck 2020).
    l2 null is 40 × √(pairs / items). Of each item's weights the `neighbors` largest in size are kept.

    G is added up by the tasks; the driver inverts it in float64. Raises InputError where nobody wanted anything, SettingsError
    for more items than candidates.ease.max_memory_mb allows.
    """
    settings = fitting.settings.ease
    pairs = wanted_rows(fitting.interactions)
    ids, counts = pairs.items()
    count = int(counts.sum())
    if not count:
        raise nothing_to_learn_from(v.EASE)
    _refuse_too_many(len(ids), settings)
    gram = np.zeros((len(ids), len(ids)))
    for row in over_items(pairs, ids, count, partial(_gram, settings.user_exponent), _GRAM).toLocalIterator():
        found = np.frombuffer(row.rows, np.float32).reshape(-1, len(ids))
        gram[row.first : row.first + len(found)] = found
    l2 = _L2_OF_SPARSITY * math.sqrt(count / len(ids)) if settings.l2 is None else settings.l2
    rows = _weights(gram, l2, settings)
    table = similar_items_table(fitting.spark, ids, rows, fitting.spark.sparkContext.defaultParallelism)
    return similar_items_model(fitting, v.EASE, table, {**settings.model_dump(), "l2": l2}, len(ids), count)


def _gram(user_exponent: float, matrix: PairMatrix) -> Callable[[int, int], pa.RecordBatch]:
    weights = np.maximum(matrix.items_of, 1) ** -user_exponent
    weights *= len(matrix.columns) / (weights @ matrix.items_of)

    def rows(first: int, last: int) -> pa.RecordBatch:
        starts, users, _ = matrix.of_items(first, last)
        found = common_users(starts, users, matrix.starts, matrix.columns, weights, matrix.items)
        return pa.record_batch(
            {"first": pa.array([first], pa.int32()), "rows": pa.array([found.tobytes()], pa.binary())}
        )

    return rows


def _weights(gram: NDArray[np.float64], l2: float, settings: EaseSettings) -> SparseRows:
    """starts, neighbours ascending and weights of every item; what `gram` holds is lost."""
    count = len(gram)
    diagonal = gram[np.diag_indices(count)]
    gram[np.diag_indices(count)] += l2 * (diagonal / diagonal.mean()) ** settings.ridge_exponent
    # Symmetric, so that its transpose is the matrix in Fortran's order, which LAPACK takes without a copy.
    with threadpool_limits(os.cpu_count(), "blas"):
        factor, failed = dpotrf(gram.T, lower=1, overwrite_a=1)
        inverse, failed_too = dpotri(factor, lower=1, overwrite_c=1)
    assert not failed
    assert not failed_too
    kept = min(settings.neighbors, count - 1)
    neighbours, weights = np.empty((count, kept), np.int32), np.empty((count, kept), np.float32)
    for item in range(count):
        row = np.append(inverse[item, : item + 1], inverse[item + 1 :, item])
        row /= -row[item]
        row[item] = 0
        size = np.abs(row)
        size[item] = -1
        chosen = np.sort(np.argsort(-size, kind="stable")[:kept])
        neighbours[item], weights[item] = chosen, row[chosen]
    return np.arange(count + 1, dtype=np.int64) * kept, neighbours.ravel(), weights.ravel()


def _refuse_too_many(items: int, settings: EaseSettings) -> None:
    megabytes = items**2 * _BYTES_A_CELL / 2**20
    if megabytes > settings.max_memory_mb:
        raise SettingsError(
            f"ease: {items:,} items take a matrix of {megabytes:,.0f} MB on the driver, more than candidates.ease.max_memory_mb "
            f"({settings.max_memory_mb}). Raise it if the driver has the memory (the inverse takes items³ operations), or "
            "recommend with slim or item_knn, which need no such matrix. Nothing was fitted."
        )


EASE = Recommender(name=v.EASE, fit=fit, propose=propose_by_history)

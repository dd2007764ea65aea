"""A linear autoencoder of items in closed form."""

import os
from collections.abc import Callable

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
_GRAM = "first int, rows binary"


def fit(fitting: Fitting) -> FittedModel:
    """Weights B that minimise |X - XB|² + l2 |B|² with a diagonal of zeros, for X of ones where a pair was wanted (Steck 2019):
    with P = (XᵀX + l2 I)⁻¹, B_ji = -P_ji / P_ii. Of each item's weights the `neighbors` largest in size are kept.

    XᵀX is counted by the tasks; the driver inverts it in float64. Raises InputError where nobody wanted anything, SettingsError
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
    for row in over_items(pairs, ids, count, _counted, _GRAM).toLocalIterator():
        found = np.frombuffer(row.rows, np.float32).reshape(-1, len(ids))
        gram[row.first : row.first + len(found)] = found
    rows = _weights(gram, settings)
    table = similar_items_table(fitting.spark, ids, rows, fitting.spark.sparkContext.defaultParallelism)
    return similar_items_model(fitting, v.EASE, table, settings.model_dump(), len(ids), count)


def _counted(matrix: PairMatrix) -> Callable[[int, int], pa.RecordBatch]:
    def rows(first: int, last: int) -> pa.RecordBatch:
        starts, users, _ = matrix.of_items(first, last)
        found = common_users(starts, users, matrix.starts, matrix.columns, matrix.items)
        return pa.record_batch(
            {"first": pa.array([first], pa.int32()), "rows": pa.array([found.tobytes()], pa.binary())}
        )

    return rows


def _weights(gram: NDArray[np.float64], settings: EaseSettings) -> SparseRows:
    """starts, neighbours ascending and weights of every item; what `gram` holds is lost."""
    count = len(gram)
    gram[np.diag_indices(count)] += settings.l2
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

"""Filters on the graph of users and items: what is smooth on it is kept, and nothing is trained."""

from collections.abc import Callable
from dataclasses import replace
from functools import partial

import numpy as np
import pyarrow as pa

from repertoire import vocabulary as v
from repertoire.candidates.leading_vectors import leading_vectors
from repertoire.candidates.pair_matrix import PairMatrix
from repertoire.candidates.propose_by_history import GIVEN, ITEM_FILTERS, TAKEN, propose_by_history
from repertoire.candidates.recommender import FittedModel, Fitting, Recommender
from repertoire.candidates.similar_items import SparseRows, fit_similar_items, scaled_products
from repertoire.candidates.training_pairs import wanted_rows
from repertoire.settings import GraphFilterSettings


def fit(fitting: Fitting) -> FittedModel:
    """GF-CF (Shen et al. 2021): a user's row of R is filtered by R̃ᵀR̃ + w D^-½ V Vᵀ D^½.

    R is 1 where a pair was wanted, R̃ = D_u^-½ R D^-½ with the numbers of pairs of users and items, V (n, factors) are the
    eigenvectors of R̃ᵀR̃ with the largest eigenvalues, an ideal low pass; w is low_pass_weight. Of R̃ᵀR̃ each item keeps its
    `neighbors` largest entries, its own left out. Raises InputError where nobody wanted anything.
    """
    settings = fitting.settings.graph_filter
    model = fit_similar_items(fitting, v.GRAPH_FILTER, partial(_smoothed, settings), settings.model_dump())
    pairs = wanted_rows(fitting.interactions)
    ids, counts = pairs.items()
    vectors = leading_vectors(pairs, ids, counts, settings.factors, settings.rounds, fitting.seed)
    sizes = np.sqrt(counts)[:, None]
    columns = {GIVEN: vectors / sizes, TAKEN: settings.low_pass_weight * vectors * sizes}
    ends = pa.array(np.arange(len(ids) + 1) * vectors.shape[1], pa.int32())
    table = {
        name: pa.ListArray.from_arrays(ends, pa.array(rows.astype(np.float32).ravel()))
        for name, rows in columns.items()
    }
    filters = fitting.spark.createDataFrame(pa.table({v.ITEM_ID: ids, **table}))
    return replace(
        model, tables={**model.tables, ITEM_FILTERS: filters}, metadata={**model.metadata, "seed": fitting.seed}
    )


def _smoothed(settings: GraphFilterSettings, matrix: PairMatrix) -> Callable[[int, int], SparseRows]:
    scale = np.maximum(matrix.users_of, 1) ** -0.5
    return scaled_products(matrix, 1 / np.maximum(matrix.items_of, 1), scale, scale, settings.neighbors)


GRAPH_FILTER = Recommender(name=v.GRAPH_FILTER, fit=fit, propose=propose_by_history)

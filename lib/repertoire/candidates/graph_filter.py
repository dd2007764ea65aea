"""Filters on the graph of users and items: what is smooth on it is kept, and nothing is trained."""

from collections.abc import Callable
from dataclasses import replace
from functools import partial

import numpy as np
import pyarrow as pa

from repertoire import vocabulary as v
from repertoire.candidates.leading_vectors import leading_vectors
from repertoire.candidates.pair_matrix import PairMatrix
from repertoire.candidates.propose_by_history import GIVEN, ITEM_FILTERS, TAKEN, VECTOR, propose_by_history
from repertoire.candidates.recommender import FittedModel, Fitting, Recommender
from repertoire.candidates.similar_items import SparseRows, fit_similar_items, scaled_products
from repertoire.candidates.training_pairs import wanted_rows
from repertoire.settings import GraphFilterSettings


def fit(fitting: Fitting) -> FittedModel:
    """GF-CF (Shen et al. 2021) with exponents: a user's row of R is filtered by
    D_i^-½ Rᵀ D_u^-a R D_i^-½ × m^(a - 1) + w D_i^-c V Vᵀ D_i^c.

    R is 1 where a pair was wanted; D_u and D_i are the numbers of pairs of users and items, m the mean of D_u; a is
    user_exponent, which GF-CF has at 1, and w low_pass_weight. V (n, factors), an ideal low pass, are the leading eigenvectors of
    R̃ᵀR̃ for R̃ = D_u^-b R D_i^-c, b and c being low_pass_user_exponent and low_pass_item_exponent: smaller ones than the ½ of
    GF-CF let what is popular weigh more (as in Peng et al. 2024). factors null: a fortieth of the items, 32 to 1,024. Of the
    first filter each item keeps its `neighbors` largest entries, its own left out.

    Raises InputError where nobody wanted anything.
    """
    settings = fitting.settings.graph_filter
    pairs = wanted_rows(fitting.interactions)
    ids, counts = pairs.items()
    factors = settings.factors_for(len(ids))
    parameters = {**settings.model_dump(), "factors": factors}
    model = fit_similar_items(fitting, v.GRAPH_FILTER, partial(_smoothed, settings), parameters)
    scale = np.maximum(counts, 1) ** -settings.low_pass_item_exponent
    vectors = leading_vectors(
        pairs, ids, counts, scale, 2 * settings.low_pass_user_exponent, factors, settings.rounds, fitting.seed
    )
    ends = pa.array(np.arange(len(ids) + 1) * vectors.shape[1], pa.int32())
    table = {
        v.ITEM_ID: ids,
        VECTOR: pa.ListArray.from_arrays(ends, pa.array(vectors.ravel())),
        GIVEN: pa.array(scale),
        TAKEN: pa.array(settings.low_pass_weight / scale),
    }
    filters = fitting.spark.createDataFrame(pa.table(table))
    return replace(
        model, tables={**model.tables, ITEM_FILTERS: filters}, metadata={**model.metadata, "seed": fitting.seed}
    )


def _smoothed(settings: GraphFilterSettings, matrix: PairMatrix) -> Callable[[int, int], SparseRows]:
    sizes, scale = np.maximum(matrix.items_of, 1), np.maximum(matrix.users_of, 1) ** -0.5
    of_users = sizes**-settings.user_exponent * sizes.mean() ** (settings.user_exponent - 1)
    return scaled_products(matrix, of_users, scale, scale, settings.neighbors)


GRAPH_FILTER = Recommender(name=v.GRAPH_FILTER, fit=fit, propose=propose_by_history)

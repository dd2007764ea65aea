"""Items that the same users wanted: neighbours by cosine or Jaccard."""

from collections.abc import Callable
from functools import partial

import numpy as np

from repertoire import vocabulary as v
from repertoire.candidates.pair_matrix import PairMatrix
from repertoire.candidates.propose_by_history import propose_by_history
from repertoire.candidates.recommender import FittedModel, Fitting, Recommender
from repertoire.candidates.similar_items import SparseRows, fit_similar_items
from repertoire.candidates.similarity_kernel import COSINE, JACCARD, similar_rows
from repertoire.settings import ItemKnnSettings


def fit(fitting: Fitting) -> FittedModel:
    """The neighbours of every item by candidates.item_knn.

    With r_ui = n_u^-user_exponent for the pairs that were wanted, n_u items of user u: cosine is Σ_u r_ui r_uj / (|r_i| |r_j| +
    shrink); jaccard is c / (n_i + n_j - c + shrink) for c common users of n_i and n_j. The driver holds the neighbours, 8 bytes
    each. Raises InputError where nobody wanted anything.
    """
    settings = fitting.settings.item_knn
    return fit_similar_items(fitting, v.ITEM_KNN, partial(_similarity, settings), settings.model_dump())


def _similarity(settings: ItemKnnSettings, matrix: PairMatrix) -> Callable[[int, int], SparseRows]:
    exponent = settings.user_exponent if settings.similarity == "cosine" else 0.0
    weights = np.asarray(np.maximum(matrix.items_of, 1) ** -exponent, np.float32)
    weighed = matrix.with_values(np.repeat(weights, matrix.items_of))
    if settings.similarity == "cosine":
        kind, size = COSINE, np.sqrt(weighed.squares_of)
    else:
        kind, size = JACCARD, matrix.users_of.astype(float)
    right = (weighed.starts, weighed.columns, weighed.values)

    def rows(first: int, last: int) -> SparseRows:
        left = weighed.of_items(first, last)
        found: SparseRows = similar_rows(
            first, last, left, right, kind, size, size, settings.shrink, settings.neighbors
        )
        return found

    return rows


ITEM_KNN = Recommender(name=v.ITEM_KNN, fit=fit, propose=propose_by_history)

"""Items that the same users wanted: neighbours by cosine, Jaccard, TF-IDF or BM25."""

from collections.abc import Callable
from functools import partial

import numpy as np

from repertoire import vocabulary as v
from repertoire.candidates.likeness import likeness
from repertoire.candidates.pair_matrix import PairMatrix
from repertoire.candidates.propose_by_history import propose_by_history
from repertoire.candidates.recommender import FittedModel, Fitting, Recommender
from repertoire.candidates.similar_items import SparseRows, fit_similar_items
from repertoire.candidates.similarity_kernel import similar_rows
from repertoire.settings import ItemKnnSettings


def fit(fitting: Fitting) -> FittedModel:
    """The neighbours of every item by candidates.item_knn: the `neighbors` items that are most like it by who wanted them (see
    `likeness`, items being rows), their likeness divided by n^popularity_exponent for an item of n users.

    The driver holds the neighbours, 8 bytes each. Raises InputError where nobody wanted anything.
    """
    settings = fitting.settings.item_knn
    return fit_similar_items(fitting, v.ITEM_KNN, partial(similarity_by, settings), settings.model_dump())


def similarity_by(settings: ItemKnnSettings, matrix: PairMatrix) -> Callable[[int, int], SparseRows]:
    """The rows of neighbours of items first to last."""
    alike = likeness(
        settings.similarity, settings.user_exponent, matrix.items_of, matrix.users_of, matrix.sums_of_items
    )
    weighed = matrix.with_values(np.repeat(np.asarray(np.sqrt(alike.told), np.float32), matrix.items_of))
    right = (weighed.starts, weighed.columns, weighed.values)
    share = np.maximum(matrix.users_of, 1) ** -settings.popularity_exponent

    def rows(first: int, last: int) -> SparseRows:
        left = weighed.of_items(first, last)
        starts, columns, values = similar_rows(
            first, last, left, right, alike.kind, alike.sizes, alike.sizes, settings.shrink, settings.neighbors
        )
        return starts, columns, (values * np.repeat(share[first:last], np.diff(starts))).astype(np.float32)

    return rows


ITEM_KNN = Recommender(name=v.ITEM_KNN, fit=fit, propose=propose_by_history)

"""Random walks from a user over three edges, with a penalty on popular ends."""

from collections.abc import Callable
from functools import partial

import numpy as np

from repertoire import vocabulary as v
from repertoire.candidates.pair_matrix import PairMatrix
from repertoire.candidates.propose_by_history import propose_by_history
from repertoire.candidates.recommender import FittedModel, Fitting, Recommender
from repertoire.candidates.similar_items import SparseRows, fit_similar_items, scaled_products
from repertoire.settings import Rp3betaSettings


def fit(fitting: Fitting) -> FittedModel:
    """What each item gets from others by candidates.rp3beta (Paudel et al. 2017, section 3.3).

    Item i gets Σ_u (1/n_j)^α (1/n_u)^α / n_i^β from item j, over the users u who wanted both; n are numbers of pairs. The largest
    `neighbors` are kept. Raises InputError where nobody wanted anything.
    """
    settings = fitting.settings.rp3beta
    return fit_similar_items(fitting, v.RP3BETA, partial(_walks, settings), settings.model_dump())


def _walks(settings: Rp3betaSettings, matrix: PairMatrix) -> Callable[[int, int], SparseRows]:
    steps = np.maximum(matrix.items_of, 1) ** -settings.alpha
    wanted = np.maximum(matrix.users_of, 1).astype(float)
    return scaled_products(matrix, steps, wanted**-settings.beta, wanted**-settings.alpha, settings.neighbors)


RP3BETA = Recommender(name=v.RP3BETA, fit=fit, propose=propose_by_history)

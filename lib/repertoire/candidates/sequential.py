"""What comes next: transitions from work to work in the order of time, where a user's latest works speak most."""

from collections.abc import Callable
from functools import partial

import numpy as np
from pyspark.sql import DataFrame

from repertoire import vocabulary as v
from repertoire.candidates.pair_matrix import PairMatrix
from repertoire.candidates.propose_by_history import propose_by_history
from repertoire.candidates.recency import Recency, by_recency
from repertoire.candidates.recommender import FittedModel, Fitting, Recommender, Request
from repertoire.candidates.sequence_kernel import places_in_time, transition_rows
from repertoire.candidates.similar_items import SparseRows, fit_similar_items
from repertoire.candidates.training_pairs import nothing_to_learn_from, timed_rows, wanted_rows
from repertoire.errors import InputError
from repertoire.settings import SequentialSettings


def fit(fitting: Fitting) -> FittedModel:
    """The transitions to every item by candidates.sequential: sequential rules that decay (Ludewig & Jannach 2018), of whole
    histories, normalised as neighbours of items are.

    A user's wanted pairs with a time stand in the order of last_ts; equal times share the mean of their places, and none of them
    is after another. With d places and t days from i to j, a user of n works adds
    n^-user_exponent · 2^-(d / transition_half_life + t / transition_half_life_days) to F_ij where i is not after j. With
    T = F + Fᵀ, s = direction_shrink, and n the users of an item, i speaks for j by
    T_ij (F_ij + s/2) / (T_ij + s) / (n_i^source_exponent · n_j^target_exponent + shrink): where few took both, their order says
    little. Pairs without a time say nothing. The driver holds the transitions, 8 bytes each; many tasks map 12 bytes a pair.
    Raises InputError where no wanted pair has a time.
    """
    settings = fitting.settings.sequential
    return fit_similar_items(
        fitting,
        v.SEQUENTIAL,
        partial(_transitions, settings),
        settings.model_dump(),
        timed_rows(fitting.interactions),
        partial(_nothing_in_order, fitting),
    )


def _transitions(settings: SequentialSettings, matrix: PairMatrix) -> Callable[[int, int], SparseRows]:
    places = matrix.with_values(places_in_time(matrix.starts, matrix.values))
    by_days, no_times = settings.transition_half_life_days is not None, np.zeros(0, np.int64)
    furthest = 2 * int(matrix.items_of.max(initial=0))
    decay = np.exp2(-np.arange(furthest + 1) / 2 / (settings.transition_half_life or np.inf))
    of_users = np.maximum(matrix.items_of, 1) ** -settings.user_exponent
    users_of = matrix.users_of.astype(np.float64)
    own, others = users_of**settings.target_exponent, users_of**settings.source_exponent
    right = (matrix.starts, matrix.columns, places.values, matrix.values if by_days else no_times)

    def rows(first: int, last: int) -> SparseRows:
        left = (*places.of_items(first, last), matrix.of_items(first, last)[2] if by_days else no_times)
        found: SparseRows = transition_rows(
            first,
            last,
            left,
            right,
            of_users,
            decay,
            settings.transition_half_life_days or np.inf,
            own,
            others,
            settings.shrink,
            settings.direction_shrink,
            settings.neighbors,
        )
        return found

    return rows


def _nothing_in_order(fitting: Fitting, name: str) -> InputError:
    if not len(wanted_rows(fitting.interactions).items()[0]):
        return nothing_to_learn_from(name)
    return InputError(
        f"{name} learns from the order of time and needs event_ts: no pair of user and item that was wanted has a time. "
        "Give a log with a column event_ts, or recommend with ials, ease or item_knn, which need none. Nothing was fitted."
    )


def propose(model: FittedModel, request: Request) -> DataFrame:
    """Proposals (see `Recommender`) for users with a wanted pair that has a time and transitions: the sum of its weights, each
    halved for every recency_half_life works taken since and every recency_half_life_days days before the user's latest."""
    settings = SequentialSettings.model_validate(model.metadata["parameters"])
    recency = Recency(settings.recency_half_life, settings.recency_half_life_days)
    return propose_by_history(model, request, by_recency(recency))


SEQUENTIAL = Recommender(name=v.SEQUENTIAL, fit=fit, propose=propose)

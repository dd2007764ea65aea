"""Several behaviours together, such as views, carts and purchases: what each says of other items, and of its own."""

from collections.abc import Callable, Sequence
from functools import partial

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray
from pyspark.sql import DataFrame

from repertoire import vocabulary as v
from repertoire.candidates.behaviours import behaviour_bits, speaking_bits, weights_of
from repertoire.candidates.multi_weights import Learnt, Log, consumed_share, learn
from repertoire.candidates.pair_kernel import Ints, Longs
from repertoire.candidates.pair_matrix import PairMatrix, over_items
from repertoire.candidates.propose_by_history import propose_by_similarities
from repertoire.candidates.recommender import FittedModel, Fitting, Recommender, Request
from repertoire.candidates.similar_items import (
    SCHEMA,
    SIMILAR_ITEMS,
    SparseRows,
    batch_of_items,
    scaled_products,
    similar_items,
    similar_items_model,
)
from repertoire.candidates.training_pairs import is_wanted, nothing_to_learn_from
from repertoire.candidates.user_blocks import PairRows
from repertoire.candidates.weighing import Weighing
from repertoire.frames.materialise import materialise
from repertoire.settings import MultiSettings

_USERS, _CONSUMED = "users", "consumed"
_SCHEMA = f"{SCHEMA}, {_USERS} bigint, {_CONSUMED} bigint"


def fit(fitting: Fitting) -> FittedModel:
    """Items that speak for each other by candidates.multi, and how much each behaviour says, learnt.

    Item i gets Σ_u n_u^-user_exponent / n_j^item_exponent from item j, over the users u who wanted both by whatever behaviour;
    n are numbers of pairs. A user's item j says that with the sum of its behaviours' weights, only the consuming ones (such as a
    purchase) where it has any. An item that the user wanted and has not consumed (a full cart) also speaks for itself: with the
    weight that its behaviours have for that, times how much oftener than others it ends as consumed. What comes from others is
    divided by n_i^popularity_exponent.

    The weights and that exponent make nDCG@10 highest for the newest consumed item of each of up to validation_users users,
    left out of all that the model knows (see `learn`). Logs with a single type of events have one behaviour and nothing of
    their own: item_knn with a learnt exponent. Raises InputError where nobody wanted anything.
    """
    settings = fitting.settings.multi
    pairs = PairRows(fitting.interactions, (v.STRENGTH, v.NEGATIVE, v.SEEN), _wanted_and_consumed)
    ids, counts = pairs.items()
    count = int(counts.sum())
    if not count:
        raise nothing_to_learn_from(v.MULTI)
    rows = over_items(pairs, ids, count, partial(_rows, settings, ids), _SCHEMA)
    table = materialise(rows, f"{fitting.scratch}/{SIMILAR_ITEMS}")
    model = similar_items_model(fitting, v.MULTI, table, settings.model_dump(), len(ids), count)
    names, similar = similar_items(model)
    log = Log(names, similar, *_item_counts(model))
    learnt = learn(fitting.interactions, log, settings, fitting.seed)
    fitting.say(f"multi: {learnt}")
    return FittedModel(model.name, model.tables, {**model.metadata, **learnt.metadata()})


def _wanted_and_consumed(pairs: pa.Table) -> pa.Table:
    """The wanted pairs, with 1 for those that were consumed, else 0."""
    consumed = pairs.column(v.SEEN).to_numpy().astype(np.float32)
    found = pairs.drop_columns([v.STRENGTH, v.NEGATIVE, v.SEEN]).append_column(_CONSUMED, pa.array(consumed))
    return found.filter(pa.array(is_wanted(pairs)))


def _rows(settings: MultiSettings, ids: pa.Array, matrix: PairMatrix) -> Callable[[int, int], pa.RecordBatch]:
    users = np.maximum(matrix.users_of, 1).astype(float)
    consumed = np.bincount(matrix.columns, weights=matrix.values, minlength=matrix.items).astype(np.int64)
    of_users = np.maximum(matrix.items_of, 1) ** -settings.user_exponent
    others = users**-settings.item_exponent
    products = scaled_products(matrix, of_users, np.ones(matrix.items), others, settings.neighbors)

    def rows(first: int, last: int) -> pa.RecordBatch:
        batch = batch_of_items(ids.slice(first, last - first), products(first, last))
        batch = batch.append_column(_USERS, pa.array(matrix.users_of[first:last]))
        return batch.append_column(_CONSUMED, pa.array(consumed[first:last]))

    return rows


def _item_counts(model: FittedModel) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """By item: users who wanted it, and of these those who consumed it."""
    table = model.tables[SIMILAR_ITEMS].select(v.ITEM_ID, _USERS, _CONSUMED).toArrow().sort_by(v.ITEM_ID)
    users, consumed = (table.column(name).to_numpy().astype(float) for name in (_USERS, _CONSUMED))
    return users, consumed


def propose(model: FittedModel, request: Request) -> DataFrame:
    """Proposals (see `Recommender`) by what users have, weighed by their behaviours."""
    ids, (starts, columns, values) = similar_items(model)
    users, consumed = _item_counts(model)
    learnt = Learnt.of(model.metadata)
    similar: SparseRows = (starts, columns, (values * learnt.of_popularity(users)[columns]).astype(np.float32))
    weighing = Weighing(
        (v.TYPES,), partial(_of_pairs, *learnt.by_bit()), partial(_says, consumed_share(users, consumed))
    )
    return propose_by_similarities(model, request, (ids, similar), weighing)


def _of_pairs(
    others: NDArray[np.float64], itself: NDArray[np.float64], open_bits: int, pairs: pa.Table
) -> tuple[NDArray[np.bool_], Sequence[NDArray]]:
    """What the behaviours of each wanted pair say of other items, and of its own before `consumed_share`."""
    bits = behaviour_bits(pairs.column(v.TYPES))
    of_itself = np.where(pairs.column(v.SEEN).to_numpy(), 0.0, weights_of(bits, itself))
    of_others = np.where(bits == 0, 1.0, weights_of(speaking_bits(bits, open_bits), others))
    return is_wanted(pairs), (of_others, of_itself)


def _says(
    share: NDArray[np.float64], starts: Longs, items: Ints, values: Sequence[NDArray]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    of_others, of_itself = values
    return of_others, of_itself * share[items]


MULTI = Recommender(name=v.MULTI, fit=fit, propose=propose)

"""Which items the same users wanted: for whoever asks of a user and any item, not only of those that a model proposes."""

from functools import partial

import numpy as np
import pyarrow as pa
from pyspark.sql import DataFrame
from scipy.sparse import csr_array

from repertoire import vocabulary as v
from repertoire.candidates.item_knn import similarity_by
from repertoire.candidates.recommender import FittedModel
from repertoire.candidates.similar_items import SIMILAR_ITEMS, similar_items, table_of_similar_items
from repertoire.candidates.training_pairs import wanted_rows
from repertoire.settings import ItemKnnSettings

NEIGHBOURS = 50


def co_visits(interactions: DataFrame) -> tuple[pa.Array, csr_array]:
    """The ids of the wanted items, ascending, and their cosines (items, items) by who wanted them; of each column the 50 largest.

    A user of n items says 1 / √n of each. The driver holds them, 8 bytes each.
    """
    pairs = wanted_rows(interactions)
    ids, counts = pairs.items()
    if not counts.sum():
        return pa.array([], pa.string()), csr_array((0, 0), dtype=np.float32)
    settings = ItemKnnSettings(neighbors=NEIGHBOURS)
    table = table_of_similar_items(pairs, ids, int(counts.sum()), partial(similarity_by, settings))
    found, (starts, columns, values) = similar_items(FittedModel(v.ITEM_KNN, {SIMILAR_ITEMS: table}, {}))
    return found, csr_array((values, columns, starts), shape=(len(found), len(found)))

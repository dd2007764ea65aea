"""How evenly the places in the lists are spread over the catalogue."""

from collections.abc import Iterable, Mapping, Sequence

import numpy as np
from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from repertoire.evaluation.list_metrics import at_each_k
from repertoire.evaluation.measurement import MODEL, K, Measurement, difference_name
from repertoire.evaluation.model_lists import heads_of_lists
from repertoire.vocabulary import ITEM_ID, RANK

GINI = "gini"

_PLACES, _ITEMS = "places", "items"


def gini(
    lists: Mapping[str, DataFrame],
    catalogue_size: int,
    k: Iterable[int],
    *,
    pairs: Sequence[tuple[str, str]] = (),
) -> list[Measurement]:
    """Gini's index of the places among the first k that each item of the catalogue takes: 0 where all take as many, near
    1 where one item takes all (Fleder and Hosanagar 2009, "Blockbuster culture's next rise or fall").

    lists: a model's name → user_id, item_id, rank. catalogue_size: how many items could have been shown; those that
    are in no list count with 0 places. pairs: (left, right), for which the difference is given as well. There is no
    interval. users is 0: the figure is one of items. A model without lists has no value.

    One query; items are counted by their places, so that what is collected grows with the square root of the places.
    """
    lengths = sorted(set(k))
    heads = heads_of_lists(lists, lengths[-1])
    of_item = heads.groupBy(MODEL, ITEM_ID).agg(*[F.count_if(F.col(RANK) <= n).alias(f"at_{n}") for n in lengths])
    by_k = of_item.select(MODEL, at_each_k(lengths, lambda n: {_PLACES: F.col(f"at_{n}")})).where(F.col(_PLACES) > 0)
    rows = by_k.groupBy(MODEL, K, _PLACES).agg(F.count(F.lit(1)).alias(_ITEMS)).collect()
    values: dict[tuple[str, int], float | None] = {}
    for name in lists:
        for n in lengths:
            found = {row[_PLACES]: row[_ITEMS] for row in rows if row[MODEL] == name and row[K] == n}
            values[name, n] = gini_index(found, catalogue_size) if found else None
    measured = [Measurement(name, GINI, n, value, None, None, 0) for (name, n), value in values.items()]
    for left, right in pairs:
        for n in lengths:
            of_left, of_right = values[left, n], values[right, n]
            gap = None if of_left is None or of_right is None else of_left - of_right
            measured.append(Measurement(difference_name(left, right), GINI, n, gap, None, None, 0))
    return measured


def gini_index(items_by_places: Mapping[int, int], catalogue_size: int) -> float:
    """Gini's index of a catalogue of which so many items take so many places; the others take none.

    The sum of (2 i - n - 1) x_i over the n items in ascending order, over n times the sum of all x; items with equally
    many places are added up at once. Where more items are shown than the catalogue is said to hold, it is as large as
    they are.
    """
    places = np.array(sorted(items_by_places), dtype=float)
    items = np.array([items_by_places[int(count)] for count in places], dtype=float)
    size = max(float(catalogue_size), items.sum())
    last = size - items.sum() + np.cumsum(items)  # the place in the order of the last item of each count
    first = last - items + 1
    weights = items * ((first + last) - size - 1)
    return float((weights * places).sum() / (size * (items * places).sum()))

"""How likely a place of a slate is looked at, learnt from what was shown and what came of it."""

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray
from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from repertoire import vocabulary as v

_MOST_PLACES = 100_000  # (work, place) pairs that the driver takes, those most often shown
_PASSES = 200
_ENOUGH = 1e-9


def examination(impressions: DataFrame) -> dict[int, float]:
    """position → probability that it is looked at, by that of the one most looked at; empty where nothing can be told.

    impressions: item_id, position, reward. The position-based model (Craswell et al., WSDM 2008: a click needs a look and
    appeal): of works that stood in different places, how much less often they were clicked there. Needs clicks, and works
    in more than one place; who saw them is left out of account.
    """
    counts = (
        impressions.where(F.col(v.ITEM_ID).isNotNull() & (F.col(v.POSITION) >= 1))
        .groupBy(v.ITEM_ID, v.POSITION)
        .agg(F.count("*").cast("double").alias("shown"), F.count_if(F.col(v.REWARD) > 0).cast("double").alias("hits"))
        .orderBy(F.desc("shown"), v.ITEM_ID, v.POSITION)
        .limit(_MOST_PLACES)
        .toArrow()
    )
    hits = counts.column("hits").to_numpy()
    if not hits.any():
        return {}
    items = counts.column(v.ITEM_ID).combine_chunks().dictionary_encode().indices.to_numpy().astype(np.int64)
    positions, places = np.unique(counts.column(v.POSITION).to_numpy(), return_inverse=True)
    looks = looks_by_place(items, places, counts.column("shown").to_numpy(), hits)
    return {int(position): float(look) for position, look in zip(positions, looks, strict=True) if look > 0}


def looks_by_place(
    items: NDArray[np.int64], places: NDArray[np.int64], shown: NDArray[np.float64], hits: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Of each place its share of the looks that the best one gets: hits are Poisson of shown × appeal(item) × looks(place), and
    both are fitted in turn until they stand (the likelihood's maximum, by iterative proportional fitting)."""
    looks = np.ones(places.max() + 1)
    of_item, of_place = np.bincount(items, hits), np.bincount(places, hits)
    for _ in range(_PASSES):
        appeal = of_item / np.bincount(items, shown * looks[places])
        expected = np.bincount(places, shown * appeal[items])
        # A place whose works nobody ever clicked says nothing.
        new = np.divide(of_place, expected, out=np.zeros_like(looks), where=expected > 0)
        new /= new.max()
        done = np.abs(new - looks).max() < _ENOUGH
        looks = np.maximum(new, np.finfo(float).tiny)
        if done:
            break
    return new


def unseen_weight(looks: Mapping[int, float], most: float) -> dict[int, float]:
    """position → what a hit there counts: 1 / the probability of a look, at most `most` (Joachims, Swaminathan & Schnabel, WSDM
    2017)."""
    return {position: min(most, 1 / look) for position, look in looks.items()}

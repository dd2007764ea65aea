"""What a ranker learns from: candidates of the past with their features, whether they were relevant, and what that counts."""

from collections.abc import Mapping, Sequence
from functools import reduce
from typing import Any

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

from repertoire import vocabulary as v
from repertoire.learning.row_columns import GROUP, LABEL, WEIGHT
from repertoire.two_stage.describe import describe
from repertoire.two_stage.examination import examination, unseen_weight
from repertoire.two_stage.past_candidates import PastCandidates
from repertoire.two_stage.world import World

_PLACE = "place"


def training_rows(world: World, pasts: Sequence[PastCandidates], sources: Sequence[str]) -> DataFrame:
    """The features, `__label` (1 where relevant), `__weight` and `__group`, a row for a candidate of a user and window.

    Of users for whom a candidate turned out relevant: all that were, all that were shown to them in the window, and a share of
    the others, by hash. A relevant candidate counts what label_weights says of the event; where it was shown, times what makes up
    for a place that few look at.
    """
    shown = world.impressions
    weights: Mapping[int, float] = {}
    if shown is not None:
        shown = shown.where(F.col(v.EVENT_TS) < F.lit(world.cutoff))
        weights = unseen_weight(examination(shown), world.ranker.most_weight)
        if weights:
            told = ", ".join(f"{place}: {weight:.2f}" for place, weight in list(weights.items())[:10])
            world.say(f"ranker: a relevant candidate that was shown counts by its place: {told}")
    return reduce(DataFrame.unionByName, [_rows(past, sources, shown, weights) for past in pasts])


def _rows(
    past: PastCandidates, sources: Sequence[str], shown: DataFrame | None, weights: Mapping[int, float]
) -> DataFrame:
    world, pair = past.world, [v.USER_ID, v.ITEM_ID]
    described = describe(past.proposals, past.known, sources)
    hits = past.relevant.select(*pair, F.lit(1).alias(LABEL), _of_type(world.ranker.label_weights).alias(WEIGHT))
    labelled = described.join(hits, pair, "left").fillna({LABEL: 0, WEIGHT: 1.0})
    if shown is None:
        placed = labelled.withColumn(_PLACE, F.lit(None).cast("int"))
    else:
        within = (F.col(v.EVENT_TS) >= F.lit(world.cutoff)) & (F.col(v.EVENT_TS) < F.lit(past.end))
        best = shown.where(within).groupBy(*pair).agg(F.min(v.POSITION).alias(_PLACE))
        placed = labelled.join(best, pair, "left")
    found = past.proposals.join(past.relevant, pair, "left_semi").select(v.USER_ID).distinct()
    draw = F.pmod(F.xxhash64(F.lit(world.seed), *pair), F.lit(1_000_000))
    kept = (F.col(LABEL) == 1) | F.col(_PLACE).isNotNull() | (draw < int(world.ranker.negatives * 1_000_000))
    return (
        placed.join(found, v.USER_ID, "left_semi")
        .where(kept)
        .withColumn(GROUP, F.xxhash64(F.lit(world.as_of), v.USER_ID))
        .withColumn(
            WEIGHT, F.when(F.col(LABEL) == 1, F.col(WEIGHT) * _weight_of(F.col(_PLACE), weights)).otherwise(F.lit(1.0))
        )
        .drop(_PLACE)
    )


def _of_type(weights: Mapping[str, float]) -> Column:
    """The most that the pair's event types count; 1 for those that are not named, and where the log has a single type."""
    if not weights:
        return F.lit(1.0)
    of_types = F.transform(v.TYPES, lambda name: _weight_of(name, weights))
    return F.coalesce(F.array_max(of_types), F.lit(1.0)).cast("double")


def _weight_of(value: Column, weights: Mapping[Any, float]) -> Column:
    """1 for a value that is not named."""
    if not weights:
        return F.lit(1.0)
    table = F.create_map(*(F.lit(part) for one in weights.items() for part in one))
    return F.coalesce(F.element_at(table, value), F.lit(1.0))

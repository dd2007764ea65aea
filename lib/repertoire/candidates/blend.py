"""Several models as one: their lists, normalised user by user, added with weights that a held-out part of the log sets."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from functools import partial, reduce

import numpy as np
import pyarrow as pa
from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from repertoire import vocabulary as v
from repertoire.candidates.blend_lists import ListRows, blended
from repertoire.candidates.blend_weights import learnt_weights, list_contributions
from repertoire.candidates.fit_each import fit_each
from repertoire.candidates.held_back import HeldBack, hold_back
from repertoire.candidates.masked_top_k import PROPOSALS
from repertoire.candidates.recommender import FittedModel, Fitting, Recommender, Request
from repertoire.frames.materialise import materialise
from repertoire.frames.whole_users import whole_users
from repertoire.settings import BlendSettings

Lookup = Callable[[str], Recommender]
_PLACE = "place"
_COLUMNS = (v.USER_ID, v.ITEM_ID, v.SCORE, v.RANK, v.REASON, _PLACE)


def blend_of(lookup: Lookup) -> Recommender:
    """The blend of models that are looked up by their names."""
    return Recommender(
        name=v.BLEND,
        fit=partial(_fit, lookup),
        propose=partial(_propose, lookup),
        reads_items=lambda settings: any(lookup(source).reads_items(settings) for source in _sources(settings.blend)),
    )


def _sources(settings: BlendSettings) -> list[str]:
    """The sources that may be fitted."""
    return [source for source, weight in settings.weights.items() if weight > 0] or settings.sources


def _fit(lookup: Lookup, fitting: Fitting) -> FittedModel:
    """The models of candidates.blend.sources, and their weights.

    Where settings.weights is empty, weights are learnt: of up to validation_users users, chosen by hash, the last fifth of their
    pairs (by hash where pairs have no time) is held back, the sources are fitted on the rest, and the weights are sought that
    make nDCG@10 on it highest, from equal ones by doubling, halving and leaving out. Then all are fitted on everything. With
    normalization reciprocal_rank they are equal, and nothing is held back. A source that cannot be fitted is left out with a
    word; raises what the last one raised where none can.
    """
    settings = fitting.settings.blend
    weights: Mapping[str, float] = settings.weights
    if not weights and settings.normalization == "reciprocal_rank":
        weights = dict.fromkeys(settings.sources, 1.0)
    elif not weights:
        weights = _learnt(lookup, fitting)
    models = _fitted(lookup, fitting, [source for source, weight in weights.items() if weight > 0])
    return FittedModel(
        name=v.BLEND,
        tables={f"{source}.{name}": frame for source, model in models.items() for name, frame in model.tables.items()},
        metadata={
            "parameters": settings.model_dump(),
            "weights": {source: weights[source] for source in models},
            "sources": {source: dict(model.metadata) for source, model in models.items()},
            "as_of": fitting.as_of.isoformat(),
        },
    )


def _fitted(lookup: Lookup, fitting: Fitting, sources: list[str]) -> dict[str, FittedModel]:
    def fit(source: str) -> FittedModel:
        return lookup(source).fit(replace(fitting, scratch=f"{fitting.scratch}/{source}"))

    return fit_each(sources, fit, fitting.say, v.BLEND)


def _learnt(lookup: Lookup, fitting: Fitting) -> dict[str, float]:
    settings, folder = fitting.settings.blend, f"{fitting.scratch}/validation"
    part: HeldBack = hold_back(
        fitting.interactions, most_users=settings.validation_users, seed=fitting.seed, folder=folder
    )
    learning = replace(fitting, interactions=part.train, scratch=folder, previous=lambda name: None)
    models = _fitted(lookup, learning, settings.sources)
    if part.users == 0 or len(models) == 1:
        return dict.fromkeys(models, 1.0)
    quiet = fitting.settings.model_copy(update={"explain": False})
    asked = Request(fitting.spark, part.asked, part.train, None, settings.depth, quiet)
    lists = []
    for source, model in models.items():
        tables = {name: materialise(frame, f"{folder}/{source}/model/{name}") for name, frame in model.tables.items()}
        proposed = lookup(source).propose(replace(model, tables=tables), asked)
        lists.append(proposed.select(v.USER_ID, v.ITEM_ID, v.SCORE, v.RANK).toArrow())
    weights, quality = learnt_weights(list_contributions(lists, part.truth, settings.normalization))
    words = ", ".join(f"{source} {weight:g}" for source, weight in zip(models, weights, strict=True))
    fitting.say(f"blend: {words}; nDCG@10 {quality:.4f} on what was held back of {part.users:,} users")
    return dict(zip(models, weights, strict=True))


def _propose(lookup: Lookup, model: FittedModel, request: Request) -> DataFrame:
    """Proposals (see `Recommender`) of the sources together, `depth` of each.

    A source's scores are `normalised` in each user's list; an item's score is the sum of what they become times the weights,
    to 6 digits, and its reason that of the source which adds most. What is eligible takes part in the normalisation,
    so that an order among fewer eligible items may differ from that among all.
    """
    depth = max(int(model.metadata["parameters"]["depth"]), request.k)
    weights: Mapping[str, float] = model.metadata["weights"]
    frames = []
    for place, source in enumerate(weights):
        tables = {
            name.removeprefix(f"{source}."): frame
            for name, frame in model.tables.items()
            if name.startswith(f"{source}.")
        }
        part = FittedModel(source, tables, model.metadata["sources"][source])
        proposed = lookup(source).propose(part, replace(request, k=depth))
        frames.append(proposed.withColumn(_PLACE, F.lit(place)))
    partitions = int(request.spark.conf.get("spark.sql.shuffle.partitions") or 1)
    rows = reduce(DataFrame.unionByName, frames).repartition(partitions, v.USER_ID)
    ordered = rows.sortWithinPartitions(v.USER_ID, _PLACE, v.RANK)
    factors, k = np.array(list(weights.values())), request.k
    kind = model.metadata["parameters"].get("normalization", "score")

    def blend(batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        for table in whole_users(batches):
            yield blended(ListRows.of(table), kind, factors, k)

    return ordered.select(*_COLUMNS).mapInArrow(blend, PROPOSALS)

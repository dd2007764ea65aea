"""Fits the ranker on candidates of earlier cutoffs."""

from collections.abc import Sequence
from functools import reduce
from typing import Any

from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from repertoire import vocabulary as v
from repertoire.candidates.recommender import FittedModel
from repertoire.errors import InputError
from repertoire.frames.materialise import materialise
from repertoire.learning.classifier import Classifier
from repertoire.learning.row_columns import GROUP, LABEL, WEIGHT
from repertoire.ranking.fit_ranker import fit_ranker
from repertoire.two_stage.describe import describe, ranking_features
from repertoire.two_stage.past_candidates import PastCandidates, propose_in_the_past
from repertoire.two_stage.world import World

RANKER = "ranker"
_FILES = "files"


def learn(world: World) -> FittedModel:
    """The ranker, as a model whose table `files` holds the algorithm's files.

    Goes back by ranking.ranker.window_days at a time, at most `windows` times, until `enough_users` turned to something new in
    the windows looked at. Nothing that happened after a window's cutoff is in its features. Raises InputError where no window
    has anything to learn from.
    """
    pasts: list[PastCandidates] = []
    for window in range(1, world.ranker.windows + 1):
        past = propose_in_the_past(world, window)
        if past is None:
            break
        pasts.append(past)
        if sum(one.users for one in pasts) >= world.ranker.enough_users:
            break
    if not pasts:
        raise InputError(
            f"the ranker cannot learn: in the last {world.ranker.window_days} days before {world.cutoff:%Y-%m-%d} nobody with a "
            "history turned to something new. It needs a log with times that goes further back than ranking.ranker.window_days; "
            "set fewer, or rank without it (ranking.ranker.algorithm=none). Nothing was written."
        )
    sources = [source for source in pasts[0].sources if all(source in past.sources for past in pasts)]
    rows = [_rows(past, sources) for past in pasts]
    learnt = materialise(reduce(DataFrame.unionByName, rows), f"{world.scratch}/training_rows")
    model = fit_ranker(
        learnt,
        ranking_features(sources),
        world.ranker,
        seed=world.seed,
        scratch=f"{world.scratch}/ranker",
        say=world.say,
    )
    users = sum(past.users for past in pasts)
    world.say(
        f"ranker: {model.algorithm} on {users:,} users of {len(pasts)} windows of {world.ranker.window_days} days"
    )
    return _stored(model, world, sources, users, len(pasts))


def _rows(past: PastCandidates, sources: Sequence[str]) -> DataFrame:
    """Candidates of users of whom one at least turned out relevant: all relevant ones, and a share of the others, by hash."""
    world = past.world
    described = describe(world, past.proposals, past.interactions, sources)
    hit = past.relevant.withColumn(LABEL, F.lit(1))
    labelled = described.join(hit, [v.USER_ID, v.ITEM_ID], "left").withColumn(LABEL, F.coalesce(LABEL, F.lit(0)))
    found = past.proposals.join(past.relevant, [v.USER_ID, v.ITEM_ID], "left_semi").select(v.USER_ID).distinct()
    draw = F.pmod(F.xxhash64(F.lit(world.seed), v.USER_ID, v.ITEM_ID), F.lit(1_000_000))
    kept = (F.col(LABEL) == 1) | (draw < int(world.ranker.negatives * 1_000_000))
    return (
        labelled.join(found, v.USER_ID, "left_semi")
        .where(kept)
        .withColumn(GROUP, F.xxhash64(F.lit(world.as_of), v.USER_ID))
        .withColumn(WEIGHT, F.lit(1.0))
    )


def _stored(model: Classifier, world: World, sources: Sequence[str], users: int, windows: int) -> FittedModel:
    files = [(name, bytearray(content)) for name, content in sorted(model.files.items())]
    metadata: dict[str, Any] = {
        "algorithm": model.algorithm,
        "sources": list(sources),
        "users": users,
        "windows": windows,
        "window_days": world.ranker.window_days,
        "as_of": world.as_of.isoformat(),
        "model": model.as_json(),
    }
    return FittedModel(RANKER, {_FILES: world.spark.createDataFrame(files, "name string, content binary")}, metadata)


def ranker_of(model: FittedModel) -> tuple[Classifier, list[str]]:
    """The ranker of a fitted model, and the sources whose candidates it orders."""
    files = {row["name"]: bytes(row["content"]) for row in model.tables[_FILES].collect()}
    return Classifier.from_json(model.metadata["model"], files), list(model.metadata["sources"])

"""Fits the ranker on candidates of earlier cutoffs."""

import datetime as dt
import hashlib
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from math import ceil
from typing import Any

from pyspark.util import inheritable_thread_target

from repertoire.candidates.recommender import FittedModel
from repertoire.errors import InputError
from repertoire.frames.materialise import materialise
from repertoire.learning.classifier import Classifier
from repertoire.ranking.fit_ranker import fit_ranker
from repertoire.settings import RankerSettings
from repertoire.two_stage.describe import ranking_features
from repertoire.two_stage.past_candidates import PastCandidates, candidates_of_the_past
from repertoire.two_stage.training_rows import training_rows
from repertoire.two_stage.world import World

RANKER = "ranker"
_FILES = "files"
_AT_ONCE = 4
"""Windows that are looked at together."""


def learn(world: World) -> FittedModel:
    """The ranker, as a model whose table `files` holds the algorithm's files.

    Goes back by ranking.ranker.window_days at a time, at most `windows` times, until `enough_users` turned to something new in
    the windows looked at. Nothing that happened after a window's cutoff is in its features. Raises InputError where no window
    has anything to learn from.
    """
    pasts = _look_back(world)
    if not pasts:
        raise InputError(
            f"the ranker cannot learn: in the last {world.ranker.window_days} days before {world.cutoff:%Y-%m-%d} nobody turned "
            "to something new, or nothing was known before them. It needs a log with times that goes further back than "
            "ranking.ranker.window_days; set fewer, or rank without it (ranking.ranker.algorithm=none). Nothing was written."
        )
    sources = [source for source in pasts[0].sources if all(source in past.sources for past in pasts)]
    rows = training_rows(world, pasts, sources)
    model = fit_ranker(
        materialise(rows, f"{world.scratch}/training_rows"),
        ranking_features(sources),
        world.ranker,
        seed=world.seed,
        scratch=f"{world.scratch}/ranker",
        say=world.say,
    )
    users, left = sum(past.users for past in pasts), sum(past.left for past in pasts)
    kept = f", {left} of them as past runs left them" if left else ""
    world.say(
        f"ranker: {model.algorithm} on {users:,} users of {len(pasts)} windows of {world.ranker.window_days} days{kept}"
    )
    files = [(name, bytearray(content)) for name, content in sorted(model.files.items())]
    metadata: dict[str, Any] = {
        "algorithm": model.algorithm,
        "sources": list(sources),
        "users": users,
        "windows": len(pasts),
        "windows_left_by_runs": left,
        "window_days": world.ranker.window_days,
        "as_of": world.as_of.isoformat(),
        "settings": settings_of(world),
        "model": model.as_json(),
    }
    return FittedModel(RANKER, {_FILES: world.spark.createDataFrame(files, "name string, content binary")}, metadata)


def _look_back(world: World) -> list[PastCandidates]:
    """The windows that are learnt from. After the first one, several at a time, for a small log's are many short Spark jobs that
    leave most of the cores idle; some more may be looked at than are used.
    """
    pasts: list[PastCandidates] = []
    for windows in _rounds(world.ranker, pasts):
        with ThreadPoolExecutor(len(windows)) as pool:
            look = inheritable_thread_target(world.spark)(partial(candidates_of_the_past, world))
            found = list(pool.map(look, windows))
        for past in found:
            if past is None or sum(one.users for one in pasts) >= world.ranker.enough_users:
                return pasts
            pasts.append(past)
    return pasts


def _rounds(ranker: RankerSettings, pasts: Sequence[PastCandidates]) -> Iterator[range]:
    """Numbers of windows to be looked at together, as many as will be needed if they are like those so far."""
    looked = 0
    while looked < ranker.windows:
        users = sum(past.users for past in pasts)
        if users >= ranker.enough_users:
            return
        needed = ceil((ranker.enough_users - users) * looked / users) if users else 1
        many = min(needed, _AT_ONCE, ranker.windows - looked)
        yield range(looked + 1, looked + many + 1)
        looked += many


def settings_of(world: World) -> str:
    """A hash of all settings that a fit depends on."""
    sections = [world.features, world.candidates, world.ranker]
    words = "".join(section.model_dump_json(exclude={"fit_days"}) for section in sections)
    return hashlib.sha256(words.encode()).hexdigest()[:16]


def still_good(model: FittedModel, world: World) -> bool:
    """Whether an earlier ranker was fitted with these settings, less than ranking.ranker.fit_days days before the world's day."""
    if model.metadata.get("settings") != settings_of(world):
        return False
    age = (world.as_of - dt.date.fromisoformat(model.metadata["as_of"])).days
    return 0 <= age < world.ranker.fit_days


def ranker_of(model: FittedModel) -> tuple[Classifier, list[str]]:
    """The ranker of a fitted model, and the sources whose candidates it orders."""
    files = {row["name"]: bytes(row["content"]) for row in model.tables[_FILES].collect()}
    return Classifier.from_json(model.metadata["model"], files), list(model.metadata["sources"])

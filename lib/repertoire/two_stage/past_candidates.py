"""What the sources proposed, or would have, at an earlier cutoff, and which of it people turned to in the days after."""

import datetime as dt
from dataclasses import dataclass
from functools import partial

from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from repertoire import vocabulary as v
from repertoire.candidates.fit_each import fit_each
from repertoire.candidates.recommender import Fitting, Request
from repertoire.candidates.registry import recommender
from repertoire.candidates.sources import PROPOSAL, fallback_tiers, fit_source, together
from repertoire.frames.materialise import materialise
from repertoire.two_stage.known import Known, Night
from repertoire.two_stage.look_back import interactions_at, known_at
from repertoire.two_stage.new_and_liked import liked, new_to_some_users
from repertoire.two_stage.world import World


@dataclass(frozen=True)
class PastCandidates:
    """proposals: user_id, item_id, source, score, rank, reason, of these sources; known: as of the world's cutoff; end: of the
    window; left: whether a run of that day made the proposals; relevant: user_id, item_id, gain, event_types of what these
    users newly consumed and liked in it; users: how many there are."""

    world: World
    sources: tuple[str, ...]
    proposals: DataFrame
    known: Known
    end: dt.datetime
    left: bool
    relevant: DataFrame
    users: int


def personal_sources(world: World) -> list[str]:
    """The models whose proposals are ranked."""
    return [source for source, tier in fallback_tiers(world.candidates).items() if tier == 0]


def candidates_of_the_past(now: World, window: int) -> PastCandidates | None:
    """The candidates of the cutoff `window` windows before this one, for the users who turned to something new in the window
    after it; None where there is nothing to learn from, or nobody did.

    They are those that a run of that day left, if it did and all of the sources were asked then; otherwise the sources are
    fitted on what was known. Users without a history are among them, as they are among those for whom lists are made: what
    is proposed to everybody is put in order for them, too.
    """
    days = now.ranker.window_days
    world = now.before(window * days, f"window_{window}")
    end = now.before((window - 1) * days, "").cutoff
    night = world.night(world.as_of)
    if night is not None and not set(personal_sources(world)) <= _sources(night):
        night = None
    interactions = night.known.interactions if night else interactions_at(world)
    if interactions.isEmpty():
        return None
    after = now.events.where((F.col(v.EVENT_TS) >= F.lit(world.cutoff)) & (F.col(v.EVENT_TS) < F.lit(end)))
    truth = liked(after, now.features, end)
    history = interactions.where(v.SEEN).select(v.USER_ID, v.ITEM_ID)
    relevant = materialise(
        new_to_some_users(truth, history, now.ranker.most_users, now.seed), f"{world.scratch}/relevant"
    )
    users = materialise(relevant.select(v.USER_ID).distinct(), f"{world.scratch}/users")
    count = users.count()
    if not count:
        return None
    if night:
        sources, proposals, known = personal_sources(world), _left(world, night, users), night.known
    else:
        found = _proposals(world, interactions, users)
        sources, proposals, known = list(found), together(found), known_at(world, interactions)
    return PastCandidates(world, tuple(sources), proposals, known, end, night is not None, relevant, count)


def _sources(night: Night) -> set[str]:
    return {row[v.SOURCE] for row in night.proposals.select(v.SOURCE).distinct().collect()}


def _left(world: World, night: Night, users: DataFrame) -> DataFrame:
    """The night's proposals for these users."""
    asked = F.col(v.SOURCE).isin(personal_sources(world)) & (F.col(v.RANK) <= world.ranker.depth)
    own = night.proposals.where(asked).join(users, v.USER_ID, "left_semi")
    return materialise(own.select(*PROPOSAL), f"{world.scratch}/proposals")


def _proposals(world: World, interactions: DataFrame, users: DataFrame) -> dict[str, DataFrame]:
    quiet = world.candidates.model_copy(update={"explain": False, "include_seen": False})
    fitting = Fitting(
        spark=world.spark,
        interactions=interactions,
        users=world.users,
        items=world.items,
        as_of=world.as_of,
        seed=world.seed,
        scratch=f"{world.scratch}/fit",
        settings=quiet,
    )
    models = fit_each(personal_sources(world), partial(fit_source, fitting=fitting), world.say, "ranker")
    asked = Request(world.spark, users, interactions, None, world.ranker.depth, quiet)
    found: dict[str, DataFrame] = {}
    for source, model in models.items():
        proposed = recommender(source).propose(model, asked).withColumn(v.SOURCE, F.lit(source))
        found[source] = materialise(proposed.select(*PROPOSAL), f"{world.scratch}/proposals/{source}")
    return found

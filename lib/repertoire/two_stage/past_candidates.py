"""What the sources would have proposed at an earlier cutoff, and which of it people turned to in the days after."""

from dataclasses import dataclass, replace

from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from repertoire import vocabulary as v
from repertoire.candidates.recommender import Fitting, Request
from repertoire.candidates.registry import recommender
from repertoire.candidates.sources import PROPOSAL, fallback_tiers, fit_source, together
from repertoire.errors import InputError, SettingsError
from repertoire.features.interactions import build_interactions
from repertoire.frames.materialise import materialise
from repertoire.two_stage.new_and_liked import liked, new_to_some_users
from repertoire.two_stage.world import World


@dataclass(frozen=True)
class PastCandidates:
    """proposals: user_id, item_id, source, score, rank, reason; interactions: as of the world's cutoff; relevant: user_id,
    item_id of what these users newly consumed and liked in the days after it; users: how many there are."""

    world: World
    sources: tuple[str, ...]
    proposals: DataFrame
    interactions: DataFrame
    relevant: DataFrame
    users: int


def personal_sources(world: World) -> list[str]:
    """The models whose proposals are ranked."""
    return [source for source, tier in fallback_tiers(world.candidates).items() if tier == 0]


def propose_in_the_past(now: World, window: int) -> PastCandidates | None:
    """Fits the sources on what was known `window` windows before the cutoff, and has them propose for the users who turned to
    something new in the window after; None where there is nothing to learn from, or nobody did.

    Only users who had wanted something before are asked for. A source that cannot be fitted is left out with a word. Raises what
    the last one raised where none can.
    """
    days = now.ranker.window_days
    world = now.before(window * days, f"window_{window}")
    end = now.before((window - 1) * days, "").cutoff
    past = now.events.where(F.col(v.EVENT_TS) < F.lit(world.cutoff))
    after = now.events.where((F.col(v.EVENT_TS) >= F.lit(world.cutoff)) & (F.col(v.EVENT_TS) < F.lit(end)))
    world = replace(world, events=past)
    built = build_interactions(past, cutoff=world.cutoff, settings=now.features)
    interactions = materialise(built.frame, f"{world.scratch}/interactions")
    if interactions.isEmpty():
        return None
    wanting = interactions.where(F.col(v.STRENGTH) > 0).select(v.USER_ID).distinct()
    truth = liked(after, now.features, end).join(wanting, v.USER_ID, "left_semi")
    history = interactions.where(v.SEEN).select(v.USER_ID, v.ITEM_ID)
    new = new_to_some_users(truth, history, now.ranker.most_users, now.seed).select(v.USER_ID, v.ITEM_ID)
    relevant = materialise(new, f"{world.scratch}/relevant")
    users = materialise(relevant.select(v.USER_ID).distinct(), f"{world.scratch}/users")
    count = users.count()
    if not count:
        return None
    proposals = _proposals(world, interactions, users)
    return PastCandidates(world, tuple(proposals), together(proposals), interactions, relevant, count)


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
    asked = Request(world.spark, users, interactions, None, world.ranker.depth, quiet)
    found: dict[str, DataFrame] = {}
    last: Exception | None = None
    for source in personal_sources(world):
        try:
            model = fit_source(source, fitting)
        except (SettingsError, InputError) as error:
            world.say(f"ranker: without {source}: {error}")
            last = error
            continue
        proposed = recommender(source).propose(model, asked).withColumn(v.SOURCE, F.lit(source))
        found[source] = materialise(proposed.select(*PROPOSAL), f"{world.scratch}/proposals/{source}")
    if last is not None and not found:
        raise last
    return found

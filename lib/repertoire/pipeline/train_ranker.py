"""Stage: learns, from candidates of earlier days and what followed, how to put candidates in order."""

import datetime as dt
from collections.abc import Callable
from dataclasses import replace
from types import SimpleNamespace
from zoneinfo import ZoneInfo

from pyspark.sql import DataFrame

from repertoire.pipeline.cutoff import cutoff_of
from repertoire.pipeline.earlier_model import earlier_model
from repertoire.pipeline.stage import Inputs, Outputs, RunContext, Stage
from repertoire.pipeline.valid_on import known_on
from repertoire.tables import (
    CANDIDATES,
    EVENTS,
    IMPRESSIONS,
    INTERACTIONS,
    ITEM_FEATURES,
    ITEMS,
    MODELS,
    USER_FEATURES,
    USERS,
    Table,
)
from repertoire.tuning.choose_split import known_before
from repertoire.two_stage.known import Known, Night
from repertoire.two_stage.learn import RANKER, learn, still_good
from repertoire.two_stage.world import World

_LEFT = (INTERACTIONS, USER_FEATURES, ITEM_FEATURES, CANDIDATES)
"""What of an earlier run is learnt from."""


def run(inputs: Inputs, settings: SimpleNamespace, context: RunContext) -> Outputs:
    world = world_of(inputs, settings, context)
    earlier = earlier_model(inputs, context.run_date, world.ranker.fit_days - 1, RANKER)
    if earlier is None or not still_good(earlier, world):
        return Outputs(models=[learn(world)], fitted_on=lambda: _hash_of(inputs))
    version = earlier.metadata["model_version"]
    context.say(f"ranker: {version}, of {earlier.metadata['as_of']}, serves on (ranking.ranker.fit_days)")
    kept = replace(earlier, metadata={**earlier.metadata, "fitted_by": earlier.metadata.get("fitted_by") or version})
    return Outputs(models=[kept], fitted_on=lambda: version)


def nothing_to_do(settings: SimpleNamespace) -> str | None:
    return None if settings.ranking.ranker.on else "no ranker is asked for (ranking.ranker.algorithm=none)"


def world_of(inputs: Inputs, settings: SimpleNamespace, context: RunContext) -> World:
    """What the ranker learns from and works on: of the events those before the run's cutoff."""
    return World(
        spark=context.spark,
        events=known_before(inputs.frame(EVENTS), context.cutoff, context.run_date),
        users=known_on(inputs, USERS, context.run_date),
        items=known_on(inputs, ITEMS, context.run_date),
        as_of=context.run_date,
        cutoff=context.cutoff,
        zone=context.zone,
        seed=context.seed,
        scratch=context.scratch,
        features=settings.features,
        candidates=settings.candidates,
        ranker=settings.ranking.ranker,
        say=context.say,
        impressions=inputs.frame(IMPRESSIONS) if inputs.has(IMPRESSIONS) else None,
        night=lambda day: _night(inputs, settings, context.zone, day),
    )


def known_of(inputs: Inputs, settings: SimpleNamespace, context: RunContext) -> Known:
    """What the run's own tables of features say."""
    return _known(inputs.frame, inputs, settings, context.zone, context.run_date)


def _night(inputs: Inputs, settings: SimpleNamespace, zone: ZoneInfo, day: dt.date) -> Night | None:
    """What the run of that day left, where it left all of it."""
    left = {table.name: inputs.of_day(table, day, None) for table in _LEFT}
    frames = {name: frame for name, frame in left.items() if frame is not None}
    if len(frames) < len(_LEFT):
        return None
    return Night(frames[CANDIDATES.name], _known(lambda table: frames[table.name], inputs, settings, zone, day))


def _known(
    frame_of: Callable[[Table], DataFrame], inputs: Inputs, settings: SimpleNamespace, zone: ZoneInfo, day: dt.date
) -> Known:
    return Known(
        cutoff=cutoff_of(day, zone),
        interactions=frame_of(INTERACTIONS),
        user_features=frame_of(USER_FEATURES),
        item_features=frame_of(ITEM_FEATURES),
        items=known_on(inputs, ITEMS, day),
        most_mb=settings.features.max_item_table_mb,
    )


def _hash_of(inputs: Inputs) -> str:
    """Changes with the versions of what was read."""
    return repr(sorted((name, str(version)) for name, version in inputs.versions.items()))


STAGE = Stage(
    name="train_ranker",
    about="learns from candidates of earlier cutoffs, and what people turned to after them, how to order candidates",
    run=run,
    reads=(EVENTS,),
    reads_if_there=(ITEMS, USERS, IMPRESSIONS, *_LEFT),
    writes=(MODELS,),
    trains=True,
    nothing_to_do=nothing_to_do,
    settings=("features", "candidates", "ranking"),
)

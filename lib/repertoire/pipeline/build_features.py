"""Stage: events become interactions of users with items, and what is known of each user and item before the cutoff."""

from collections.abc import Callable
from functools import partial
from types import SimpleNamespace

from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from repertoire.declared_features import OF_ITEMS, OF_USERS
from repertoire.features.interactions import build_interactions
from repertoire.features.item_features import build_item_features
from repertoire.features.user_features import build_user_features
from repertoire.frames.materialise import materialise
from repertoire.pipeline.stage import Inputs, Outputs, RunContext, Stage
from repertoire.pipeline.valid_on import known_on
from repertoire.tables import EVENTS, INTERACTIONS, ITEM_FEATURES, ITEMS, USER_FEATURES, USERS, Table


def run(inputs: Inputs, settings: SimpleNamespace, context: RunContext) -> Outputs:
    """The interactions are written twice, into the scratch folder first: features read them several times, and the table
    only takes them after the stage. Against that stands computing them anew from the events for each of these reads."""
    interactions = materialise(interactions_of(inputs, settings, context), f"{context.scratch}/interactions")
    features = {table: make() for table, make in features_of(inputs, interactions, settings, context).items()}
    context.say(f"{len(OF_USERS)} features of each user, {len(OF_ITEMS)} of each item")
    return Outputs({INTERACTIONS: interactions, **features})


def interactions_of(inputs: Inputs, settings: SimpleNamespace, context: RunContext) -> DataFrame:
    """The table's rows. Profiles the events, and says what was cut."""
    built = build_interactions(inputs.frame(EVENTS), cutoff=context.cutoff, settings=settings.features)
    for line in built.report.lines():
        context.say(line)
    return _of_run(built.frame, context)


def features_of(
    inputs: Inputs, interactions: DataFrame, settings: SimpleNamespace, context: RunContext
) -> dict[Table, Callable[[], DataFrame]]:
    """Of each table of features what makes its rows, lazily, and nothing before it is called."""
    return {
        USER_FEATURES: partial(_user_features, inputs, interactions, settings, context),
        ITEM_FEATURES: partial(_item_features, inputs, interactions, settings, context),
    }


def _user_features(
    inputs: Inputs, interactions: DataFrame, settings: SimpleNamespace, context: RunContext
) -> DataFrame:
    features = build_user_features(
        interactions,
        inputs.frame(EVENTS),
        known_on(inputs, USERS, context.run_date),
        known_on(inputs, ITEMS, context.run_date),
        cutoff=context.cutoff,
        zone=context.zone,
        settings=settings.features,
    )
    return _of_run(features, context)


def _item_features(
    inputs: Inputs, interactions: DataFrame, settings: SimpleNamespace, context: RunContext
) -> DataFrame:
    items = known_on(inputs, ITEMS, context.run_date)
    features = build_item_features(
        interactions, inputs.frame(EVENTS), items, cutoff=context.cutoff, settings=settings.features
    )
    return _of_run(features, context)


def _of_run(frame: DataFrame, context: RunContext) -> DataFrame:
    return frame.withColumn("run_date", F.lit(context.run_date))


STAGE = Stage(
    name="build_features",
    about="events before the cutoff become interactions, and what is known of each user and item",
    run=run,
    reads=(EVENTS,),
    reads_if_there=(ITEMS, USERS),
    writes=(INTERACTIONS, USER_FEATURES, ITEM_FEATURES),
    settings=("features",),
)

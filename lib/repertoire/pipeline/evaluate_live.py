"""Stage: the lists that were live, against what users turned to since."""

import datetime as dt
from types import SimpleNamespace

from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from repertoire.candidates.recommender import Request
from repertoire.candidates.registry import recommender
from repertoire.evaluation.measure import measure
from repertoire.frames.materialise import materialise
from repertoire.pipeline.eligible_items import eligible_items
from repertoire.pipeline.live_publication import live_publication
from repertoire.pipeline.metric_rows import metric_rows, say_headline
from repertoire.pipeline.stage import Inputs, Outputs, RunContext, Stage
from repertoire.pipeline.valid_on import known_on
from repertoire.pipeline.what_followed import what_followed
from repertoire.tables import EVENTS, INTERACTIONS, ITEMS, METRICS, PUBLICATIONS, RECOMMENDATIONS, USERS
from repertoire.tuning.background_of import background_of
from repertoire.vocabulary import ITEM_ID, POPULAR, RANK, SEEN, USER_ID

LIVE = "live"
PREVIOUS = "previous"


def run(inputs: Inputs, settings: SimpleNamespace, context: RunContext) -> Outputs:
    publications = inputs.rows(PUBLICATIONS)
    live = live_publication(publications, context.run_date - dt.timedelta(days=1))
    if live is None:
        context.say("nothing was live before this date: the next run can measure what this one publishes")
        return Outputs(rows={METRICS: []})
    day: dt.date = live["run_date"]
    lists = inputs.of_day(RECOMMENDATIONS, day, live["table_version"])
    then = inputs.of_day(INTERACTIONS, day, None)
    if lists is None or then is None:
        context.say(f"the lists or the interactions of {day} are kept no longer: nothing to measure")
        return Outputs(rows={METRICS: []})
    history = _materialise(context, then.where(SEEN).select(USER_ID, ITEM_ID), "history")
    followed = what_followed(
        inputs.frame(EVENTS),
        history,
        settings.features,
        day=day,
        cutoff=context.cutoff,
        max_users=settings.evaluation.max_users,
        seed=context.seed,
    )
    truth = _materialise(context, followed, "truth")
    what = f"what followed the lists of {day}"
    if truth.isEmpty():
        context.say(f"{what}: nothing to measure there")
        return Outputs(rows={METRICS: []})
    users = _materialise(context, truth.select(USER_ID).distinct(), "users")
    k = max(settings.evaluation.k)
    models = {LIVE: _shown(lists, users, k)}
    popular = _popular(inputs, settings, context, day, then, users, k)
    if popular is not None:
        models[POPULAR] = popular
    before = live_publication(publications, day - dt.timedelta(days=1))
    older = inputs.of_day(RECOMMENDATIONS, before["run_date"], before["table_version"]) if before else None
    if older is not None:
        models[PREVIOUS] = _shown(older, users, k)
    models = {name: _materialise(context, frame, f"lists/{name}") for name, frame in models.items()}
    background = background_of(
        then,
        history,
        users,
        settings.evaluation,
        items=known_on(inputs, ITEMS, context.run_date),
        users=known_on(inputs, USERS, context.run_date),
    )
    baselines = [name for name in (POPULAR, PREVIOUS) if name in models]
    measured = measure(models, truth, settings.evaluation.k, background, baselines=baselines, seed=context.seed)
    context.say(f"{what}: {users.count():,} users turned to something new")
    say_headline(context, settings.evaluation.k, measured)
    return Outputs(rows={METRICS: metric_rows(context, STAGE.name, measured)})


def _shown(lists: DataFrame, users: DataFrame, k: int) -> DataFrame:
    return lists.where(F.col(RANK) <= k).select(USER_ID, ITEM_ID, RANK).join(users, USER_ID, "left_semi")


def _popular(
    inputs: Inputs,
    settings: SimpleNamespace,
    context: RunContext,
    day: dt.date,
    then: DataFrame,
    users: DataFrame,
    k: int,
) -> DataFrame | None:
    """What popularity would have shown the users in the place of the live lists."""
    model = inputs.model_of_day(POPULAR, day)
    if model is None:
        return None
    request = Request(
        spark=context.spark,
        users=users,
        interactions=then.join(users, USER_ID, "left_semi"),
        eligible=eligible_items(inputs, day),
        k=k,
        settings=settings.candidates.model_copy(update={"explain": False}),
    )
    return recommender(POPULAR).propose(model, request).select(USER_ID, ITEM_ID, RANK)


def _materialise(context: RunContext, frame: DataFrame, name: str) -> DataFrame:
    return materialise(frame, f"{context.scratch}/{name}")


STAGE = Stage(
    name="evaluate_live",
    about="the lists that were live against what followed, beside popularity and the publication before them",
    run=run,
    reads=(EVENTS, INTERACTIONS),
    reads_if_there=(ITEMS, USERS, PUBLICATIONS, RECOMMENDATIONS),
    writes=(METRICS,),
    settings=("features", "candidates", "evaluation"),
)

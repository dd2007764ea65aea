"""Stage: every model proposes items for every user."""

from types import SimpleNamespace

from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from repertoire.candidates.recommender import Request
from repertoire.candidates.sources import propose_from_sources, together
from repertoire.errors import InputError
from repertoire.frames.materialise import materialise
from repertoire.pipeline.eligible_items import eligible_items
from repertoire.pipeline.stage import Inputs, Outputs, RunContext, Stage
from repertoire.pipeline.valid_on import valid_on
from repertoire.settings import CandidateSettings
from repertoire.tables import CANDIDATES, INTERACTIONS, ITEMS, USERS
from repertoire.vocabulary import USER_ID


def run(inputs: Inputs, settings: SimpleNamespace, context: RunContext) -> Outputs:
    proposals = together(propose_from_sources(inputs.model, request_of(inputs, settings, context), context.scratch))
    return Outputs({CANDIDATES: proposals.withColumn("run_date", F.lit(context.run_date))})


def request_of(inputs: Inputs, settings: SimpleNamespace, context: RunContext) -> Request:
    candidates: CandidateSettings = settings.candidates
    return Request(
        spark=context.spark,
        users=materialise(_users(inputs, candidates, context), f"{context.scratch}/users"),
        interactions=inputs.frame(INTERACTIONS),
        eligible=eligible_items(inputs, context.run_date),
        k=candidates.per_user or settings.ranking.depth,
        settings=candidates,
    )


def _users(inputs: Inputs, settings: CandidateSettings, context: RunContext) -> DataFrame:
    """Everybody with an event or an account, or those whom the settings name."""
    if settings.users:
        listed = context.spark.read.parquet(settings.users)
        if USER_ID not in listed.columns:
            raise InputError(f"{settings.users}: no column {USER_ID}; there are {', '.join(listed.columns)}")
        return listed.select(F.col(USER_ID).cast("string")).dropna().distinct()
    active = inputs.frame(INTERACTIONS).select(USER_ID)
    if inputs.has(USERS):
        active = active.unionByName(valid_on(inputs.frame(USERS), context.run_date).select(USER_ID))
    return active.distinct()


STAGE = Stage(
    name="generate_candidates",
    about="every model proposes unseen, eligible items for every user",
    run=run,
    reads=(INTERACTIONS,),
    reads_if_there=(ITEMS, USERS),
    writes=(CANDIDATES,),
    needs_models=True,
    settings=("candidates", "ranking"),
)

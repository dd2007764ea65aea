"""Stage: learns, from candidates of earlier days and what followed, how to put candidates in order."""

from types import SimpleNamespace

from repertoire.pipeline.stage import Inputs, Outputs, RunContext, Stage
from repertoire.pipeline.valid_on import known_on
from repertoire.tables import EVENTS, ITEMS, MODELS, USERS
from repertoire.tuning.choose_split import known_before
from repertoire.two_stage.learn import learn
from repertoire.two_stage.world import World


def run(inputs: Inputs, settings: SimpleNamespace, context: RunContext) -> Outputs:
    if not settings.ranking.ranker.on:
        context.say("no ranker is asked for (ranking.ranker.algorithm=none)")
        return Outputs()
    model = learn(world_of(inputs, settings, context))
    return Outputs(models=[model], fitted_on=lambda: _hash_of(inputs, context))


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
    )


def _hash_of(inputs: Inputs, context: RunContext) -> str:
    """Changes with the versions of what was read."""
    return repr(sorted((name, str(version)) for name, version in inputs.versions.items() if name == EVENTS.name))


STAGE = Stage(
    name="train_ranker",
    about="learns from candidates of earlier cutoffs, and what people turned to after them, how to order candidates",
    run=run,
    reads=(EVENTS,),
    reads_if_there=(ITEMS, USERS),
    writes=(MODELS,),
    trains=True,
    settings=("features", "candidates", "ranking"),
)

"""Stage: events become interactions of users with items."""

from types import SimpleNamespace

from pyspark.sql import functions as F

from repertoire.features.interactions import build_interactions
from repertoire.pipeline.stage import Inputs, Outputs, RunContext, Stage
from repertoire.tables import EVENTS, INTERACTIONS


def run(inputs: Inputs, settings: SimpleNamespace, context: RunContext) -> Outputs:
    built = build_interactions(inputs.frame(EVENTS), cutoff=context.cutoff, settings=settings.features)
    for line in built.report.lines():
        context.say(line)
    return Outputs({INTERACTIONS: built.frame.withColumn("run_date", F.lit(context.run_date))})


STAGE = Stage(
    name="build_features",
    about="events before the cutoff become interactions: strength, refusals, what was seen",
    run=run,
    reads=(EVENTS,),
    writes=(INTERACTIONS,),
    settings=("features",),
)

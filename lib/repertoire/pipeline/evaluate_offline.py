"""Stage: the backtest that the gate looks at."""

from types import SimpleNamespace

from repertoire.pipeline.metric_rows import metric_row
from repertoire.pipeline.stage import Inputs, Outputs, RunContext, Stage
from repertoire.pipeline.valid_on import valid_on
from repertoire.tables import EVENTS, METRICS, USERS
from repertoire.tuning.backtest import Backtest, backtest


def run(inputs: Inputs, settings: SimpleNamespace, context: RunContext) -> Outputs:
    result = backtest(
        Backtest(
            spark=context.spark,
            events=inputs.frame(EVENTS),
            users=valid_on(inputs.frame(USERS), context.run_date) if inputs.has(USERS) else None,
            as_of=context.run_date,
            cutoff=context.cutoff,
            seed=context.seed,
            scratch=context.scratch,
            features=settings.features,
            candidates=settings.candidates,
            evaluation=settings.evaluation,
        )
    )
    measured = result.measurements
    if not measured:
        context.say(f"{result.split}: nothing to measure there")
    else:
        context.say(f"{result.split}: {max(found.users or 0 for found in measured):,} users")
    k = settings.evaluation.k
    for found in measured:
        if found.metric == "ndcg" and found.k == k[len(k) // 2]:
            context.say(f"ndcg@{found.k} of {found.model}: {found.value:.4f} [{found.low:.4f}, {found.high:.4f}]")
    rows = [
        metric_row(
            context,
            STAGE.name,
            found.model,
            found.metric,
            found.value,
            k=found.k,
            low=found.low,
            high=found.high,
            users=found.users,
        )
        for found in measured
    ]
    return Outputs(rows={METRICS: rows})


STAGE = Stage(
    name="evaluate_offline",
    about="a backtest at an earlier cutoff, beside popularity, with confidence intervals",
    run=run,
    reads=(EVENTS,),
    reads_if_there=(USERS,),
    writes=(METRICS,),
    settings=("features", "candidates", "evaluation"),
)

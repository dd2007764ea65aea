"""Stage: the backtest that the gate looks at."""

import datetime as dt
from types import SimpleNamespace

from pyspark.sql import DataFrame

from repertoire.pipeline.earlier_model import earlier_model
from repertoire.pipeline.live_publication import live_publication
from repertoire.pipeline.metric_rows import metric_rows, say_headline
from repertoire.pipeline.stage import Inputs, Outputs, RunContext, Stage
from repertoire.pipeline.valid_on import known_on
from repertoire.tables import EVENTS, IMPRESSIONS, ITEMS, METRICS, PUBLICATIONS, RECOMMENDATIONS, USERS
from repertoire.tuning.backtest import OURS, Backtest, backtest
from repertoire.two_stage.learn import RANKER


def run(inputs: Inputs, settings: SimpleNamespace, context: RunContext) -> Outputs:
    def published(day: dt.date) -> DataFrame | None:
        live = live_publication(inputs.rows(PUBLICATIONS), day)
        return None if live is None else inputs.of_day(RECOMMENDATIONS, live["run_date"], live["table_version"])

    result = backtest(
        Backtest(
            spark=context.spark,
            events=inputs.frame(EVENTS),
            users=known_on(inputs, USERS, context.run_date),
            items=known_on(inputs, ITEMS, context.run_date),
            as_of=context.run_date,
            cutoff=context.cutoff,
            seed=context.seed,
            scratch=context.scratch,
            features=settings.features,
            models={OURS: settings.candidates},
            evaluation=settings.evaluation,
            rankers={OURS: settings.ranking.ranker} if settings.ranking.ranker.on else {},
            zone=context.zone,
            impressions=inputs.frame(IMPRESSIONS) if inputs.has(IMPRESSIONS) else None,
            published=published,
            previous=lambda day, name: earlier_model(inputs, day, _looks_back(settings, name), name),
        )
    )
    measured = result.measurements
    if not measured:
        context.say(f"{result.split}: nothing to measure there")
    else:
        context.say(f"{result.split}: {max(found.users or 0 for found in measured):,} users")
    say_headline(context, settings.evaluation.k, measured)
    return Outputs(rows={METRICS: metric_rows(context, STAGE.name, measured)})


def _looks_back(settings: SimpleNamespace, model: str) -> int:
    """Days before a cutoff on which an earlier fit of the model may be of use."""
    return int(settings.ranking.ranker.fit_days - 1 if model == RANKER else settings.candidates.looks_back)


STAGE = Stage(
    name="evaluate_offline",
    about="a backtest at an earlier cutoff, beside popularity and what was published then, with confidence intervals",
    run=run,
    reads=(EVENTS,),
    reads_if_there=(ITEMS, USERS, IMPRESSIONS, PUBLICATIONS, RECOMMENDATIONS),
    writes=(METRICS,),
    settings=("features", "candidates", "ranking", "evaluation"),
)

"""What `repertoire backtest` tries: the events of a log that is read for it, or those of a warehouse."""

import datetime as dt
from collections.abc import Iterable
from dataclasses import replace

from pyspark.sql import DataFrame, SparkSession

from repertoire.candidates.registry import recommender
from repertoire.errors import InputError, SettingsError
from repertoire.pipeline.cutoff import cutoff_of
from repertoire.pipeline.lease import utc_now
from repertoire.pipeline.progress import PlainProgress, Progress
from repertoire.pipeline.runner import Runner, RunOptions
from repertoire.pipeline.stages import STAGES
from repertoire.pipeline.valid_on import valid_on
from repertoire.settings import CandidateSettings, RankerSettings, Settings, with_two_stages
from repertoire.store import Warehouse, open_warehouse
from repertoire.tables import EVENTS, IMPRESSIONS, ITEMS, USERS, Table
from repertoire.tuning.backtest import OURS, Backtest
from repertoire.vocabulary import POPULAR, TWO_STAGE


def backtest_of_log(
    spark: SparkSession,
    settings: Settings,
    models: list[str],
    day: dt.date | None,
    scratch: str,
    truth: DataFrame | None,
    progress: Progress | None = None,
) -> Backtest:
    """Reads settings.ingest.events (items, users) into a warehouse in the scratch folder first."""
    asked, rankers = _models(settings, models)
    own = settings.run.model_copy(update={"warehouse": f"{scratch}/warehouse"})
    settings = settings.model_copy(update={"run": own})
    warehouse = open_warehouse(settings.run.warehouse)
    runner = Runner(warehouse, settings, STAGES, progress or PlainProgress(), lambda: spark)
    runner.run(RunOptions(run_date=utc_now().date(), last="ingest_events"))
    return _backtest(spark, warehouse, settings, asked, rankers, day, scratch, truth)


def backtest_of_warehouse(
    spark: SparkSession,
    settings: Settings,
    models: list[str],
    day: dt.date | None,
    scratch: str,
    truth: DataFrame | None,
) -> Backtest:
    """Reads the newest versions of the warehouse's tables. Raises InputError where it has no events."""
    asked, rankers = _models(settings, models)
    warehouse = open_warehouse(settings.run.warehouse, lambda: spark)
    if warehouse.tables.version(EVENTS) is None:
        raise InputError(
            f"{warehouse.root} has no events. Name a log (repertoire backtest EVENTS), or a warehouse in which "
            "ingest_events has run."
        )
    return _backtest(spark, warehouse, settings, asked, rankers, day, scratch, truth)


def tuning_of(asked: Backtest, settings: Settings, models: list[str]) -> Backtest:
    """The same events, for `repertoire tune`: each model by itself, popularity, too."""
    return replace(asked, models=single_models(settings, models), rankers={})


def _models(settings: Settings, names: list[str]) -> tuple[dict[str, CandidateSettings], dict[str, RankerSettings]]:
    """What is compared, and the rankers of those that have one. Popularity is always there, and so is none of them. Raises
    SettingsError for a model that nobody knows."""
    for name in names:
        if name != TWO_STAGE:
            recommender(name)
    chosen = [name for name in dict.fromkeys(names) if name != POPULAR]
    if names and not chosen:
        raise SettingsError(f"--model {POPULAR}: popularity is always measured; name what to compare with it")
    if not chosen:
        return {OURS: settings.candidates}, {OURS: settings.ranking.ranker} if settings.ranking.ranker.on else {}
    models = single_models(settings, (name for name in chosen if name != TWO_STAGE))
    if TWO_STAGE not in chosen:
        return models, {}
    both = with_two_stages(settings)
    return models | {TWO_STAGE: both.candidates}, {TWO_STAGE: both.ranking.ranker}


def single_models(settings: Settings, names: Iterable[str]) -> dict[str, CandidateSettings]:
    """Each name with the settings by which it is the only personalising model."""
    return {name: settings.candidates.model_copy(update={"models": [name]}) for name in dict.fromkeys(names)}


def _backtest(
    spark: SparkSession,
    warehouse: Warehouse,
    settings: Settings,
    models: dict[str, CandidateSettings],
    rankers: dict[str, RankerSettings],
    day: dt.date | None,
    scratch: str,
    truth: DataFrame | None,
) -> Backtest:
    tables = warehouse.tables
    days = tables.event_dates(EVENTS)
    if not days:
        raise InputError(f"there is no event in {settings.ingest.events or warehouse.root}")
    as_of = day or max(days)

    def known(table: Table) -> DataFrame | None:
        version = tables.version(table)
        return None if version is None else valid_on(tables.read(spark, table, version), as_of)

    return Backtest(
        spark=spark,
        events=tables.read(spark, EVENTS, tables.version(EVENTS)),
        users=known(USERS),
        items=known(ITEMS),
        as_of=as_of,
        cutoff=cutoff_of(as_of, settings.run.zone),
        seed=settings.run.seed,
        scratch=scratch,
        features=settings.features,
        models=models,
        evaluation=settings.evaluation,
        rankers=rankers,
        zone=settings.run.zone,
        impressions=tables.read(spark, IMPRESSIONS, shown)
        if (shown := tables.version(IMPRESSIONS)) is not None
        else None,
        truth=truth,
    )

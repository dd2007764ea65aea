"""Stage: fits the candidate models."""

import datetime as dt
from types import SimpleNamespace

from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from repertoire.candidates.recommender import FittedModel, Fitting
from repertoire.candidates.registry import recommender
from repertoire.candidates.sources import fit_sources
from repertoire.pipeline.stage import Inputs, Outputs, RunContext, Stage
from repertoire.pipeline.valid_on import valid_on
from repertoire.settings import IalsSettings
from repertoire.tables import INTERACTIONS, ITEMS, MODELS, USERS, Table


def run(inputs: Inputs, settings: SimpleNamespace, context: RunContext) -> Outputs:
    fitting = fitting_of(inputs, settings, context)
    models = fit_sources(fitting)
    for model in models:
        context.say(told(model))
    origins = [model.metadata.get(key) for model in models for key in ("started_from", "folded_into")]
    return Outputs(models=models, fitted_on=lambda: _hash_of(fitting) + "".join(filter(None, origins)))


def fitting_of(inputs: Inputs, settings: SimpleNamespace, context: RunContext) -> Fitting:
    return Fitting(
        spark=context.spark,
        interactions=inputs.frame(INTERACTIONS),
        users=_known(inputs, USERS, context.run_date),
        items=_known(inputs, ITEMS, context.run_date),
        as_of=context.run_date,
        seed=context.seed,
        scratch=context.scratch,
        settings=settings.candidates,
        previous=lambda name: _previous(inputs, settings.candidates.ials, context.run_date, name),
        say=context.say,
    )


def _known(inputs: Inputs, table: Table, day: dt.date) -> DataFrame | None:
    return valid_on(inputs.frame(table), day) if inputs.has(table) else None


def _previous(inputs: Inputs, settings: IalsSettings, day: dt.date, name: str) -> FittedModel | None:
    """The newest model of that name of an earlier date, as far back as the settings look."""
    for days in range(1, max(settings.warm_start_days, settings.refit_days - 1) + 1):
        model = inputs.model_of_day(name, day - dt.timedelta(days=days))
        if model is not None:
            return model
    return None


def told(model: FittedModel) -> str:
    """What a person is told of a fitted model."""
    return f"{model.name}: " + ", ".join(f"{key} {value}" for key, value in model.metadata.items())


def _hash_of(fitting: Fitting) -> str:
    """A number that changes with any row, and not with their order. The catalogue counts where a model learns from it."""
    models = [recommender(name) for name in fitting.settings.models]
    items = fitting.items if any(model.reads_items(fitting.settings) for model in models) else None
    frames = [frame for frame in (fitting.interactions, fitting.users, items) if frame is not None]
    hashes = [frame.agg(F.count("*"), F.bit_xor(F.xxhash64(*map(F.col, frame.columns)))).first() for frame in frames]
    return repr([tuple(found) for found in hashes if found is not None])


def check(settings: SimpleNamespace) -> None:
    """Raises SettingsError for a model that nobody knows."""
    for name in settings.candidates.models:
        recommender(name)


STAGE = Stage(
    name="train_candidates",
    about="fits the candidate models on the interactions, and on the catalogue where one needs it",
    run=run,
    reads=(INTERACTIONS,),
    reads_if_there=(ITEMS, USERS),
    writes=(MODELS,),
    trains=True,
    settings=("candidates",),
    check=check,
)

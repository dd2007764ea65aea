"""Stage: fits the candidate models."""

from collections.abc import Iterator, Mapping
from types import SimpleNamespace
from typing import Any

from pyspark.sql import functions as F

from repertoire.candidates.recommender import FittedModel, Fitting
from repertoire.candidates.registry import recommender
from repertoire.candidates.sources import fit_sources
from repertoire.pipeline.earlier_model import earlier_model
from repertoire.pipeline.stage import Inputs, Outputs, RunContext, Stage
from repertoire.pipeline.valid_on import known_on
from repertoire.settings import CandidateSettings
from repertoire.tables import INTERACTIONS, ITEMS, MODELS, USERS
from repertoire.vocabulary import AUTO

_ORIGINS = ("started_from", "folded_into", "chosen_by")


def run(inputs: Inputs, settings: SimpleNamespace, context: RunContext) -> Outputs:
    fitting = fitting_of(inputs, settings, context)
    models = fit_sources(fitting)
    for model in models:
        context.say(told(model))
    origins = [version for model in models for version in _origins(model.metadata)]
    return Outputs(models=models, fitted_on=lambda: _hash_of(fitting) + "".join(origins))


def fitting_of(inputs: Inputs, settings: SimpleNamespace, context: RunContext) -> Fitting:
    return Fitting(
        spark=context.spark,
        interactions=inputs.frame(INTERACTIONS),
        users=known_on(inputs, USERS, context.run_date),
        items=known_on(inputs, ITEMS, context.run_date),
        as_of=context.run_date,
        seed=context.seed,
        scratch=context.scratch,
        settings=settings.candidates,
        previous=lambda name: earlier_model(inputs, context.run_date, settings.candidates.looks_back, name),
        say=context.say,
    )


def told(model: FittedModel) -> str:
    """What a person is told of a fitted model: its metadata but for tables within it."""
    plain = {key: value for key, value in model.metadata.items() if not _is_table(value)}
    return f"{model.name}: " + ", ".join(f"{key} {value}" for key, value in plain.items())


def _is_table(value: Any) -> bool:
    """Whether a value holds mappings of its own."""
    parts = value.values() if isinstance(value, Mapping) else value if isinstance(value, list) else ()
    return any(isinstance(part, Mapping) for part in parts)


def _origins(metadata: Mapping[str, Any]) -> Iterator[str]:
    """The versions of the earlier models that a model, or one within it, was made from."""
    for key, value in metadata.items():
        if isinstance(value, Mapping):
            yield from _origins(value)
        elif key in _ORIGINS and value:
            yield value


def _hash_of(fitting: Fitting) -> str:
    """A number that changes with any row, and not with their order. The catalogue counts where a model learns from it."""
    models = [recommender(name) for name in fitting.settings.models]
    items = fitting.items if any(model.reads_items(fitting.settings) for model in models) else None
    frames = [frame for frame in (fitting.interactions, fitting.users, items) if frame is not None]
    hashes = [frame.agg(F.count("*"), F.bit_xor(F.xxhash64(*map(F.col, frame.columns)))).first() for frame in frames]
    return repr([tuple(found) for found in hashes if found is not None])


def check(settings: SimpleNamespace) -> None:
    """Raises SettingsError for a model that nobody knows."""
    candidates: CandidateSettings = settings.candidates
    chosen_among = [*candidates.auto.models, candidates.auto.default_model] if AUTO in candidates.models else []
    for name in [*candidates.models, *chosen_among]:
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

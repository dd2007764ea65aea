"""A model that is chosen, with its settings, by how good the others' lists are on what a part of the log holds back."""

import datetime as dt
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

from pyspark.sql import DataFrame

from repertoire import vocabulary as v
from repertoire.candidates.auto_choice import Choice, Trial, preferred
from repertoire.candidates.auto_trials import Trials
from repertoire.candidates.held_back import hold_back
from repertoire.candidates.log_size import LogSize, core_seconds, log_size
from repertoire.candidates.recommender import FittedModel, Fitting, Recommender, Request
from repertoire.candidates.search import suggest
from repertoire.errors import SettingsError, unknown_name
from repertoire.settings import CandidateSettings
from repertoire.settings.search_space import differing

_NOT_ALONE = (v.AUTO, v.BLEND, v.POPULAR_IN_SEGMENT, v.ALS)
"""Models that are not tried unless the settings name them: popularity by segment fills up, ials is als at a lower price."""

_NEED_TIMES = (v.SEQUENTIAL,)
_OVERHEAD = 2.0  # seconds that a trial takes on the smallest log
_REFINED = 2  # models that are tried with other settings
_BLENDED = 4  # models that are blended at most
_A_LITTLE = 1e-6  # by which a price grows with each variant: the settings as they are go first

# Keys of the metadata.
_MODEL, _CHOICE, _FITTED = "model", "choice", "fitted"
_CHANGES, _CHOSEN_ON, _TRIALS, _CHOOSING = "settings", "chosen_on", "trials", "chosen_by_settings"


@dataclass(frozen=True)
class _Chosen:
    """why: in words; trials: the figures, for the metadata; by: the version of the earlier model whose choice it is."""

    choice: Choice
    why: str
    on: dt.date
    trials: list[dict[str, Any]]
    by: str | None = None


def auto_of(models: Mapping[str, Recommender], clock: Callable[[], float] = time.monotonic) -> Recommender:
    """The choice among these models (looked up when it is fitted) and `blend`. clock: seconds that only grow."""
    return Recommender(
        name=v.AUTO,
        fit=partial(_fit, models, clock),
        propose=partial(_propose, models),
        reads_items=lambda settings: any(models[name].reads_items(settings) for name in _names(models, settings)),
    )


def _fit(models: Mapping[str, Recommender], clock: Callable[[], float], fitting: Fitting) -> FittedModel:
    """The chosen model, fitted on everything; the metadata holds the choice, why it was made, and the trials.

    A fifth of the wanted pairs of up to candidates.auto.validation_users users is held back (`hold_back`), and each model is
    fitted on the rest with the settings as they are, the cheapest first (`core_seconds`); then the two best ones with up to
    `variants` other settings; then the best models together, as `blend`. `preferred` says which is taken. No trial is begun that
    is estimated to end after budget_seconds, which makes the choice depend on the machine; with `trials` it follows from the log
    alone. Where no personalising model could be tried, it is default_model. Until choose_days have passed since an earlier run
    chose by the same settings of auto, its choice is taken.

    The driver holds the lists of each model's best trial: validation_users × candidates.blend.depth rows. A model that cannot be
    fitted is left out with a word. Raises SettingsError for a model that nobody knows, and what the chosen
    one raises.
    """
    earlier = fitting.previous(v.AUTO)
    chosen = _kept(models, earlier, fitting) or _choose(models, clock, fitting)
    fitting.say(f"auto: {chosen.choice.words}, since {chosen.why}")

    def previous(name: str) -> FittedModel | None:
        if earlier is not None and earlier.metadata[_MODEL] == name:
            return _inner(earlier)
        return fitting.previous(name)

    settings = chosen.choice.applied(fitting.settings)
    folder = f"{fitting.scratch}/{chosen.choice.model}"
    inner = models[chosen.choice.model].fit(replace(fitting, settings=settings, scratch=folder, previous=previous))
    return FittedModel(
        name=v.AUTO,
        tables=inner.tables,
        metadata={
            _MODEL: chosen.choice.model,
            _CHOICE: {
                _CHANGES: {section: dict(values) for section, values in chosen.choice.changes.items()},
                "why": chosen.why,
                _CHOSEN_ON: chosen.on.isoformat(),
                "chosen_by": chosen.by,
                _TRIALS: chosen.trials,
                _CHOOSING: _choosing(fitting.settings),
            },
            _FITTED: dict(inner.metadata),
            "as_of": fitting.as_of.isoformat(),
        },
    )


def _propose(models: Mapping[str, Recommender], model: FittedModel, request: Request) -> DataFrame:
    """The chosen model's proposals."""
    inner = _inner(model)
    settings = _choice_of(model).applied(request.settings)
    return models[inner.name].propose(inner, replace(request, settings=settings))


def _inner(model: FittedModel) -> FittedModel:
    """The chosen model, with the version of the one that holds it."""
    version = {key: model.metadata[key] for key in ("model_version",) if key in model.metadata}
    return FittedModel(model.metadata[_MODEL], model.tables, {**model.metadata[_FITTED], **version})


def _choice_of(model: FittedModel) -> Choice:
    return Choice(model.metadata[_MODEL], model.metadata[_CHOICE][_CHANGES])


def _choosing(settings: CandidateSettings) -> dict[str, Any]:
    """The settings by which a choice is made."""
    return settings.auto.model_dump(mode="json", exclude={"choose_days"})


def _kept(models: Mapping[str, Recommender], earlier: FittedModel | None, fitting: Fitting) -> _Chosen | None:
    """The choice of an earlier run, where it is young enough and was made by the same settings."""
    if earlier is None or earlier.metadata[_MODEL] not in models:
        return None
    made = earlier.metadata[_CHOICE]
    on = dt.date.fromisoformat(made[_CHOSEN_ON])
    if made[_CHOOSING] != _choosing(fitting.settings) or (fitting.as_of - on).days >= fitting.settings.auto.choose_days:
        return None
    by = str(earlier.metadata.get("model_version", ""))
    return _Chosen(_choice_of(earlier), f"it was chosen on {on}", on, list(made[_TRIALS]), by)


def _choose(models: Mapping[str, Recommender], clock: Callable[[], float], fitting: Fitting) -> _Chosen:
    began, settings, folder = clock(), fitting.settings.auto, f"{fitting.scratch}/choosing"
    size = log_size(fitting.interactions)
    prices = _priced(models, size, fitting)
    part = hold_back(
        fitting.interactions, most_users=settings.validation_users, seed=fitting.seed, folder=f"{folder}/validation"
    )
    learning = replace(fitting, interactions=part.train, scratch=folder, previous=lambda name: None)
    trials = Trials(models, learning, part, clock, began)
    if part.users:
        fitting.say(
            f"auto: {size.pairs:,} pairs of {size.users:,} users and {size.items:,} items; judged by a fifth of the pairs of "
            f"{part.users:,} users"
        )
        cores = max(1, fitting.spark.sparkContext.defaultParallelism)
        for name, price in prices.items():
            _try(trials, Choice(name, {}), price, _OVERHEAD + price / cores)
        for choice, price, seconds in _variants(trials):
            if not trials.has_time_for(seconds):
                break
            trials.run(choice, price)
        if settings.blend and v.BLEND in models and trials.has_time_for(0):
            trials.blend(_BLENDED)
    told = [
        {
            _MODEL: one.choice.model,
            _CHANGES: {section: dict(values) for section, values in one.choice.changes.items()},
            "ndcg@10": round(one.figure, 6),
            "seconds": round(one.seconds, 1),
        }
        for one in trials.done
    ]
    if all(one.choice.model == v.POPULAR for one in trials.done):
        why = (
            "no other could be tried within the bounds" if part.users else "nothing can be held back of so small a log"
        )
        return _Chosen(Choice(settings.default_model, {}), why, fitting.as_of, told)
    trial, why = preferred(trials.done)
    return _Chosen(trial.choice, why, fitting.as_of, told)


def _names(models: Mapping[str, Recommender], settings: CandidateSettings) -> list[str]:
    """The models to choose among, where all of them are known."""
    return settings.auto.models or [name for name in models if name not in _NOT_ALONE]


def _priced(models: Mapping[str, Recommender], size: LogSize, fitting: Fitting) -> dict[str, float]:
    """Which models to try, the cheapest first, and the core seconds that each is estimated to take."""
    names = _names(models, fitting.settings)
    for name in [*names, fitting.settings.auto.default_model]:
        if name not in models:
            raise SettingsError(unknown_name("model", name, models))
    if not size.timed:
        for name in set(names) & set(_NEED_TIMES):
            fitting.say(f"auto: without {name}: the log has no times")
        names = [name for name in names if name not in _NEED_TIMES]
    prices = {name: core_seconds(name, size, fitting.settings) for name in names}
    return dict(sorted(prices.items(), key=lambda one: (one[1], one[0])))


def _try(trials: Trials, choice: Choice, price: float, seconds: float) -> None:
    if trials.has_time_for(seconds):
        trials.run(choice, price)
    else:
        trials.fitting.say(f"auto: without {choice.words}: about {seconds:,.0f} s, which is not within the bounds")


def _variants(trials: Trials) -> Iterator[tuple[Choice, float, float]]:
    """Other settings of the best models, in turns: what to try, its price, and the seconds it will take."""
    best = sorted(trials.done, key=lambda one: -one.figure)[:_REFINED]
    for _ in range(trials.settings.variants):
        for start in best:
            choice = _variant(trials, start)
            if choice is not None:
                yield choice, start.price + _A_LITTLE * (trials.begun + 1), start.seconds


def _variant(trials: Trials, start: Trial) -> Choice | None:
    name, settings = start.choice.model, trials.fitting.settings
    section = getattr(settings, name, None)
    if section is None:
        return None
    own = [one for one in trials.done if one.choice.model == name]
    tried = [(getattr(one.choice.applied(settings), name), one.figure) for one in own]
    found = suggest(tried, trials.fitting.seed + trials.begun, spread=0)
    return None if found is None else Choice(name, {name: differing(found, section)})

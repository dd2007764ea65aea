"""Settings of models, sought by how good the lists are on what a backtest holds back."""

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cache
from typing import Any

from pyspark.sql import DataFrame

from repertoire.candidates.recommender import FittedModel
from repertoire.candidates.registry import recommender
from repertoire.candidates.search import spread_trials, suggest
from repertoire.candidates.sources import FALLBACKS, fit_source
from repertoire.errors import InputError, RepertoireError, SettingsError, unknown_name
from repertoire.evaluation.intervals import corrected, mean_intervals, with_differences
from repertoire.evaluation.measurement import MODEL, K, Measurement, difference_name
from repertoire.evaluation.ranking_metrics import GAIN, GRADED_METRICS, METRICS, user_metrics
from repertoire.settings import CandidateSettings
from repertoire.settings.search_space import differing, search_space
from repertoire.settings.section import Section
from repertoire.tuning.backtest import Backtest, HeldOut, filled_lists, fitting_of, hold_out
from repertoire.vocabulary import USER_ID

_TRIAL, _START = "trial", "start"
_ALPHA = 0.05


@dataclass(frozen=True)
class Bounds:
    """How long to go on: trials of each model, the first one included, and seconds after which none is begun."""

    trials: int = 20
    seconds: float | None = None

    def __post_init__(self) -> None:
        if self.trials < 1:
            raise SettingsError(f"--trials takes a positive whole number, received {self.trials}")
        if self.seconds is not None and self.seconds <= 0:
            raise SettingsError(f"--budget takes a positive number of seconds, received {self.seconds:g}")


@dataclass(frozen=True)
class Metric:
    """A metric of each user's list, and the length of the list's head."""

    name: str
    k: int

    def __str__(self) -> str:
        return f"{self.name}@{self.k}"

    @classmethod
    def of(cls, text: str) -> "Metric":
        """From a text such as ndcg@10. Raises SettingsError otherwise."""
        name, _, k = text.partition("@")
        if name not in (*METRICS, *GRADED_METRICS):
            raise SettingsError(unknown_name("metric", name, (*METRICS, *GRADED_METRICS)))
        if not k.isdecimal() or int(k) < 1:
            raise SettingsError(f'--metric takes a metric and a length, such as ndcg@10; received "{text}"')
        return cls(name, int(k))


@dataclass(frozen=True)
class TuneTrial:
    """number: of the model's trials, 0 being the settings as they are. section: the model's settings; settings: what differs
    from trial 0. value: the metric's mean over the users; difference: from trial 0, paired by user, None for trial 0; its p-value
    is not corrected. seconds: to fit and to make the lists."""

    model: str
    number: int
    section: Section
    settings: Mapping[str, Any]
    value: Measurement
    difference: Measurement | None
    seconds: float


@dataclass(frozen=True)
class TuneResult:
    """split: in words. trials: in the order in which they were made. interrupted: whether someone broke it off."""

    split: str
    metric: Metric
    trials: list[TuneTrial]
    interrupted: bool

    @property
    def best(self) -> TuneTrial:
        """The trial of the highest mean; the earlier of two. Raises ValueError where there is none."""
        return max(self.trials, key=_mean)

    def p_value(self, trial: TuneTrial) -> float | None:
        """Of the difference from trial 0, corrected for the number of trials (Holm 1979); None for trial 0."""
        others = [one for one in self.trials if one.difference is not None]
        found = corrected([one.difference for one in others if one.difference is not None])
        return next((one.p_value for other, one in zip(others, found, strict=True) if other is trial), None)

    def is_noise(self, trial: TuneTrial) -> bool:
        """Whether the gain over trial 0 may be chance: a p-value of 5 % or more. Never for trial 0 itself."""
        p_value = self.p_value(trial)
        return trial.difference is not None and (p_value is None or p_value >= _ALPHA)

    def overlay(self, trial: TuneTrial) -> dict[str, Any]:
        """The settings to use it: what differs from the defaults or from trial 0, as a tree that an overlay may hold."""
        section = trial.section
        names = {**differing(section, type(section)()), **trial.settings}
        values = section.model_dump(mode="json")
        own = {name: values[name] for name in values if name in names}
        return {"candidates": {"models": [trial.model], **({trial.model: own} if own else {})}}


def _mean(trial: TuneTrial) -> float:
    return trial.value.value or 0.0


def check_searchable(models: Sequence[str], settings: CandidateSettings) -> None:
    """Raises SettingsError for a model that nobody knows, or that has no settings to search."""
    for name in models:
        recommender(name)
        section = getattr(settings, name, None)
        if section is None or not search_space(section):
            raise SettingsError(
                f"--model {name}: it has no settings that are searched. blend learns its weights and auto chooses by itself."
            )


def tune(
    asked: Backtest,
    metric: Metric,
    bounds: Bounds,
    *,
    clock: Callable[[], float] = time.monotonic,
    tell: Callable[[str], None] = lambda text: None,
    came: Callable[[TuneTrial], None] = lambda trial: None,
) -> TuneResult:
    """Searches the settings of each of asked.models (each a single model of the registry), in turns.

    The train part and the truth are made once. Trial 0 of a model has its settings as they are; the others come from `suggest`
    and asked.seed, so that the same log, bounds.trials and seed give the same trials. Each is judged as a backtest judges, with
    the lists filled up, by the metric at its k. tell: takes one line; came: takes each trial as it comes. A trial that fails is
    told, and a model whose trial 0 fails is left out. Where someone breaks it off (KeyboardInterrupt), what was found so far is
    given.

    Raises InputError where there is nothing to judge by, and what the last trial 0 raised where all fail.
    """
    held = hold_out(asked)
    if isinstance(held, str):
        raise InputError(
            f"{held}: nothing to judge by, or nothing to learn from. Hold back more with --days, or choose another --split."
        )
    if metric.name in GRADED_METRICS and GAIN not in held.truth.columns:
        raise SettingsError(f"--metric {metric} needs a truth with gains; ndcg@{metric.k} does without")
    tell(held.words)
    search = _Search(asked, held, metric, clock, tell)
    began = clock()
    interrupted = False
    try:
        for number in range(bounds.trials):
            for name in list(search.open):
                if number and bounds.seconds is not None and clock() - began >= bounds.seconds:
                    search.open.clear()
                    break
                trial = search.next(name)
                if trial is not None:
                    came(trial)
    except KeyboardInterrupt:
        interrupted = True
    if not search.trials and search.failed is not None and not interrupted:
        raise search.failed
    return TuneResult(held.words, metric, search.trials, interrupted)


@dataclass
class _Search:
    """open: models that still have something to try; starts: the lists of each one's trial 0; failed: what the last trial 0
    raised; begun: how many trials were."""

    asked: Backtest
    held: HeldOut
    metric: Metric
    clock: Callable[[], float]
    tell: Callable[[str], None]
    trials: list[TuneTrial] = field(default_factory=list)
    starts: dict[str, DataFrame] = field(default_factory=dict)
    failed: Exception | None = None
    begun: int = 0

    def __post_init__(self) -> None:
        self.open = list(self.asked.models)
        self._tried: dict[str, list[tuple[Section, float]]] = {name: [] for name in self.open}
        settings = next(iter(self.asked.models.values()))
        shared = fitting_of(self.asked, self.held, settings, "fallbacks")
        self._fallback = cache(lambda source: fit_source(source, shared))

    def next(self, name: str) -> TuneTrial | None:
        """The model's next trial; None where it fails or there is nothing more to try."""
        tried, settings = self._tried[name], self.asked.models[name]
        start: Section = getattr(settings, name)
        section = suggest(tried, self.asked.seed, spread_trials(start)) if tried else start
        if section is None:
            self.tell(f"{name}: there is nothing more to try")
            self.open.remove(name)
            return None
        begin = self.clock()
        try:
            lists = self._lists(name, settings.model_copy(update={name: section}))
            value, difference = self._judged(name, lists)
        except Exception as error:  # what was found so far is not lost by it
            what = str(error) if isinstance(error, RepertoireError) else f"{type(error).__name__}: {error}"
            self.tell(f"{name} failed with {_words(differing(section, start))}: {what}")
            if tried:
                tried.append((section, 0.0))  # so that it is not suggested again
            else:
                self.open.remove(name)
                self.failed = error
            return None
        seconds = self.clock() - begin
        number = len(tried)
        tried.append((section, value.value or 0.0))
        trial = TuneTrial(name, number, section, differing(section, start), value, difference, seconds)
        self.trials.append(trial)
        return trial

    def _lists(self, name: str, settings: CandidateSettings) -> DataFrame:
        folder = f"trials/{self.begun}"
        self.begun += 1
        fitting = fitting_of(self.asked, self.held, settings, f"{folder}/fit")

        def fitted(source: str) -> FittedModel:
            return self._fallback(source) if source in FALLBACKS and source != name else fit_source(source, fitting)

        return filled_lists(self.asked, self.held, settings, cache(fitted), self.metric.k, folder)

    def _judged(self, name: str, lists: DataFrame) -> tuple[Measurement, Measurement | None]:
        """The metric of the lists, and its difference from those of trial 0."""
        start = self.starts.setdefault(name, lists)
        compared = {_TRIAL: lists} if start is lists else {_TRIAL: lists, _START: start}
        pairs = [] if start is lists else [(_TRIAL, _START)]
        users = with_differences(user_metrics(compared, self.held.truth, [self.metric.k]), compared, pairs)
        found = mean_intervals(users.select(MODEL, USER_ID, K, self.metric.name), pairs, seed=self.asked.seed)
        by_model = {one.model: replace(one, model=name) for one in found}
        return by_model[_TRIAL], by_model.get(difference_name(_TRIAL, _START))


def _words(settings: Mapping[str, Any]) -> str:
    return ", ".join(f"{name}={value}" for name, value in settings.items()) or "its settings as they are"

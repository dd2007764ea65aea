"""Fits a classifier: encodes, trains, calibrates and measures on held-back rows, then fits once more on all."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Literal

from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from repertoire.errors import InputError, SettingsError
from repertoire.frames.materialise import materialise
from repertoire.learning.algorithm import Algorithm
from repertoire.learning.algorithms import algorithm
from repertoire.learning.calibration import NO_CALIBRATION, Calibration, fit_calibration
from repertoire.learning.classification_metrics import Measured, measure
from repertoire.learning.classifier import Classifier
from repertoire.learning.feature_column import FeatureColumn
from repertoire.learning.permutation_importance import Importance, permutation_importance
from repertoire.learning.row_columns import HELD, LABEL, WEIGHT, quoted
from repertoire.learning.score_rows import SCORES, score_rows
from repertoire.learning.train import train
from repertoire.settings import LearningSettings

Decision = Literal["most_probable", "best_f1", "balanced"]

_CALIBRATES = "__calibrates"
_CALIBRATION_ROWS = 200_000  # that the driver holds
_AUTO = {"svm": "platt", "naive_bayes": "isotonic"}


@dataclass(frozen=True)
class ClassifierFit:
    """model: fitted on all rows, or with refit off on those that were not held back. measured, importances: of the model that saw
    no held-back row; None and empty without any."""

    model: Classifier
    measured: Measured | None
    importances: tuple[Importance, ...]


@dataclass(frozen=True)
class Fit:
    """How to fit. algorithm: its name; classes: in the order of class numbers; rows_of: training rows of each class; decision,
    refit, importance_repeats, importance_rows: see `ClassifySettings`; scratch: a folder; say: tells the user one line."""

    algorithm: str
    classes: tuple[str, ...]
    rows_of: tuple[int, ...]
    settings: LearningSettings
    seed: int
    scratch: str
    decision: Decision = "most_probable"
    refit: bool = True
    importance_repeats: int = 0
    importance_rows: int = 5000
    say: Callable[[str], None] = lambda text: None


def fit_classifier(rows: DataFrame, columns: Sequence[FeatureColumn], fit: Fit) -> ClassifierFit:
    """Fits the algorithm on rows that are not held back, calibrates and measures it on those that are, and fits it again on all.

    rows: the columns, double and string, `__label` int, `__weight` double, `__held` boolean; materialised. Held-back rows that
    stop the training early, or that calibrate, also measure: what calibrates is one half of them, what measures the other, where
    there is a calibration to be learnt. Raises InputError for rows of one class, SettingsError for an algorithm that cannot tell
    the classes apart.
    """
    chosen = algorithm(fit.algorithm)
    check(chosen, fit)
    asked = fit.settings.calibration
    kind = _AUTO.get(chosen.name, "none") if asked == "auto" else asked
    first, rounds = _fit(rows, columns, chosen, fit, name="held_back", rounds=None)
    held = rows.where(HELD)
    if held.isEmpty():
        if kind != "none" and asked != "auto":
            raise SettingsError(f"calibration={kind} learns on rows that are held back, and holdout is 0")
        if fit.decision == "best_f1":
            raise SettingsError("decision=best_f1 looks for a threshold on rows that are held back, and holdout is 0")
        return ClassifierFit(replace(first, thresholds=_thresholds(fit, None)), None, ())
    if kind == "none":
        measured_on, calibration = held, NO_CALIBRATION
        calibrated = first
    else:
        halves = held.withColumn(
            _CALIBRATES,
            F.pmod(F.xxhash64(F.lit(fit.seed + 1), *(quoted(column.name) for column in columns)), F.lit(2)) == 0,
        )
        calibrated = replace(first, calibration=_calibration(kind, halves.where(_CALIBRATES), first))
        calibration = _calibration(kind, held, first)
        measured_on = halves.where(~F.col(_CALIBRATES)).drop(_CALIBRATES)
    scored = materialise(score_rows(measured_on, calibrated, [LABEL]), f"{fit.scratch}/scored")
    measured = measure(scored, len(fit.classes), probabilities=calibrated.gives_probabilities)
    thresholds = _thresholds(fit, measured)
    if thresholds:
        calibrated = replace(calibrated, thresholds=thresholds)
        scored = materialise(score_rows(measured_on, calibrated, [LABEL]), f"{fit.scratch}/scored_again")
        measured = measure(scored, len(fit.classes), probabilities=calibrated.gives_probabilities)
    importances: list[Importance] = []
    if fit.importance_repeats:
        importances = permutation_importance(
            measured_on, calibrated, repeats=fit.importance_repeats, most_rows=fit.importance_rows, seed=fit.seed
        )
    final = first
    if fit.refit:
        everything = rows.withColumn(HELD, F.lit(False))
        final, _ = _fit(everything, columns, chosen, fit, name="all", rounds=rounds)
    final = replace(final, calibration=calibration, thresholds=thresholds)
    return ClassifierFit(final, measured, tuple(importances))


def check(chosen: Algorithm, fit: Fit) -> None:
    """Raises InputError for rows of one class, SettingsError for an algorithm that cannot tell the classes apart, or a decision
    that needs two classes, or probabilities."""
    if len(fit.classes) < 2:
        raise InputError(
            f'every row has the label "{fit.classes[0]}": there is nothing to tell apart. Allowed: two labels at least.'
            if fit.classes
            else "no row has a label"
        )
    if chosen.two_classes and len(fit.classes) > 2:
        raise SettingsError(
            f"algorithm {chosen.name} tells two classes apart, and the label has {len(fit.classes)}: "
            f"{', '.join(fit.classes[:10])}. Allowed for more than two: xgboost, random_forest, logistic, naive_bayes, dnn."
        )
    if chosen.margins and fit.settings.calibration == "none" and fit.decision != "most_probable":
        raise SettingsError(
            f"decision={fit.decision} needs probabilities, and {chosen.name} has none without calibration: set calibration=platt"
        )
    if fit.decision == "best_f1" and len(fit.classes) > 2:
        raise SettingsError(f"decision=best_f1 is for two classes, and the label has {len(fit.classes)}")


def _fit(
    rows: DataFrame, columns: Sequence[FeatureColumn], chosen: Algorithm, fit: Fit, *, name: str, rounds: int | None
) -> tuple[Classifier, int | None]:
    weights = _class_weights(fit) if fit.settings.class_weight == "balanced" else ()
    if weights:
        by_class = F.array(*map(F.lit, weights))
        rows = rows.withColumn(WEIGHT, F.col(WEIGHT) * F.element_at(by_class, F.col(LABEL) + 1))
    model, stopped = train(
        rows,
        columns,
        chosen,
        fit.settings,
        classes=fit.classes,
        seed=fit.seed,
        scratch=f"{fit.scratch}/{name}",
        say=fit.say,
        rounds=rounds,
    )
    return replace(model, class_weights=() if chosen.margins else weights), stopped


def _class_weights(fit: Fit) -> tuple[float, ...]:
    """So that each class counts for the same in all, and a row for 1 on average."""
    total = sum(fit.rows_of)
    return tuple(total / (len(fit.rows_of) * count) for count in fit.rows_of)


def _calibration(kind: str, rows: DataFrame, model: Classifier) -> Calibration:
    table = score_rows(rows, model, [LABEL, WEIGHT]).limit(_CALIBRATION_ROWS).toArrow()
    if not len(table):
        return NO_CALIBRATION
    scores = table.column(SCORES).combine_chunks().flatten().to_numpy().reshape(len(table), -1)
    labels = table.column(LABEL).to_numpy()
    return fit_calibration(kind, scores, labels, table.column(WEIGHT).to_numpy())


def _thresholds(fit: Fit, measured: Measured | None) -> tuple[float, ...]:
    if fit.decision == "balanced":
        total = sum(fit.rows_of)
        return tuple(count / total for count in fit.rows_of)
    if fit.decision == "best_f1" and measured and measured.best_f1 is not None:
        # What is as far above its threshold as the other: p / t > (1 - p) / (1 - t) where p > t.
        least = min(max(measured.best_f1, 1e-6), 1 - 1e-6)
        return (1 - least, least)
    return ()

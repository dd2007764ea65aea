"""Scores become probabilities that mean what they say, learnt on rows that the model was not fitted on."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.special import expit

Doubles = NDArray[np.float64]


@dataclass(frozen=True)
class Curve:
    """From a class's score to its probability. platt: expit(slope · score + offset); isotonic: linear between knots, flat
    beyond them."""

    kind: str
    slope: float = 0.0
    offset: float = 0.0
    knots: tuple[float, ...] = ()
    values: tuple[float, ...] = ()

    def __call__(self, scores: Doubles) -> Doubles:
        if self.kind == "platt":
            return np.asarray(expit(self.slope * scores + self.offset))
        return np.asarray(np.interp(scores, self.knots, self.values))


@dataclass(frozen=True)
class Calibration:
    """A curve for each class, or of two classes for the second one alone; without curves nothing is changed."""

    curves: tuple[Curve, ...] = ()

    def __call__(self, scores: Doubles) -> Doubles:
        """scores (rows, classes) become probabilities (rows, classes)."""
        if not self.curves:
            return scores
        if len(self.curves) == 1:
            positive = self.curves[0](scores[:, 1])
            return np.stack([1 - positive, positive], axis=1)
        each = np.stack([curve(scores[:, place]) for place, curve in enumerate(self.curves)], axis=1)
        total = each.sum(axis=1, keepdims=True)
        even = np.full_like(each, 1 / each.shape[1])
        return np.divide(each, total, out=even, where=total > 0)

    def as_json(self) -> list[dict[str, Any]]:
        return [dict(vars(curve)) for curve in self.curves]

    @classmethod
    def from_json(cls, given: Sequence[Mapping[str, Any]]) -> "Calibration":
        return cls(
            tuple(Curve(**{**one, "knots": tuple(one["knots"]), "values": tuple(one["values"])}) for one in given)
        )


NO_CALIBRATION = Calibration()


def fit_calibration(kind: str, scores: Doubles, labels: NDArray[np.int64], weights: Doubles) -> Calibration:
    """The calibration of a kind (platt, isotonic, none) by scores (rows, classes) and the classes of the rows.

    Platt (1999), with the targets (n₊ + 1) / (n₊ + 2) and 1 / (n₋ + 2) of its section 2.2 against overconfidence; isotonic
    regression after Zadrozny and Elkan (2002). With more than two classes each is calibrated against the rest, and the
    probabilities are made to add up to 1.
    """
    if kind == "none":
        return NO_CALIBRATION
    fit = _fit_platt if kind == "platt" else _fit_isotonic
    wanted = [1] if scores.shape[1] == 2 else range(scores.shape[1])
    return Calibration(tuple(fit(scores[:, place], labels == place, weights) for place in wanted))


def _fit_platt(scores: Doubles, hits: NDArray[np.bool_], weights: Doubles) -> Curve:
    from scipy.optimize import minimize

    high, low = (weights[hits].sum() + 1) / (weights[hits].sum() + 2), 1 / (weights[~hits].sum() + 2)
    targets = np.where(hits, high, low)
    scale = float(np.abs(scores).max()) or 1.0

    def loss(found: Doubles) -> tuple[float, Doubles]:
        margins = found[0] * scores / scale + found[1]
        apart = weights * (expit(margins) - targets)
        value = float(np.sum(weights * (np.logaddexp(0, margins) - targets * margins)))
        return value, np.array([np.sum(apart * scores / scale), np.sum(apart)])

    odds = (weights[hits].sum() + 1) / (weights[~hits].sum() + 1)
    found = minimize(loss, np.array([1.0, np.log(odds)]), jac=True, method="L-BFGS-B").x
    return Curve("platt", slope=float(found[0] / scale), offset=float(found[1]))


def _fit_isotonic(scores: Doubles, hits: NDArray[np.bool_], weights: Doubles) -> Curve:
    from sklearn.isotonic import IsotonicRegression

    model = IsotonicRegression(y_min=0.0, y_max=1.0, increasing=True, out_of_bounds="clip")
    model.fit(scores, hits.astype(float), sample_weight=weights)
    values = np.clip(model.y_thresholds_, *_bounds(hits, weights))
    return Curve("isotonic", knots=tuple(model.X_thresholds_.tolist()), values=tuple(values.tolist()))


def _bounds(hits: NDArray[np.bool_], weights: Doubles) -> tuple[float, float]:
    """A step of none or all of the rows is no proof of 0 or 1: with n rows of a class, 1 / (n + 2) is as far as it goes."""
    return 1 / (weights[hits].sum() + 2), 1 - 1 / (weights[~hits].sum() + 2)

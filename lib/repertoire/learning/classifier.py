"""A fitted classifier as a value: what encodes rows, what scores them, what makes probabilities and decisions of the scores."""

import hashlib
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from repertoire.learning.algorithm import Scores
from repertoire.learning.algorithms import algorithm
from repertoire.learning.calibration import NO_CALIBRATION, Calibration
from repertoire.learning.encoder import Encoder

Doubles = NDArray[np.float64]


@dataclass(frozen=True)
class Classifier:
    """classes: the labels as the table writes them, in the order of class numbers; with two, the second is the one that is asked
    for. files, facts: the algorithm's own. class_weights: what rows of each class counted for in training. thresholds: what a
    class's probability is divided by before the greatest decides."""

    algorithm: str
    encoder: Encoder
    classes: tuple[str, ...]
    files: Mapping[str, bytes]
    facts: Mapping[str, Any] = field(default_factory=dict)
    class_weights: tuple[float, ...] = ()
    calibration: Calibration = NO_CALIBRATION
    thresholds: tuple[float, ...] = ()

    @property
    def gives_probabilities(self) -> bool:
        """Whether scores are probabilities, and no margins."""
        return bool(self.calibration.curves) or not algorithm(self.algorithm).margins

    def as_json(self) -> dict[str, Any]:
        """All but the files."""
        return {
            "algorithm": self.algorithm,
            "classes": list(self.classes),
            "encoder": self.encoder.as_json(),
            "facts": dict(self.facts),
            "class_weights": list(self.class_weights),
            "calibration": self.calibration.as_json(),
            "thresholds": list(self.thresholds),
        }

    @classmethod
    def from_json(cls, given: Mapping[str, Any], files: Mapping[str, bytes]) -> "Classifier":
        return cls(
            algorithm=given["algorithm"],
            encoder=Encoder.from_json(given["encoder"]),
            classes=tuple(given["classes"]),
            files=files,
            facts=given["facts"],
            class_weights=tuple(given["class_weights"]),
            calibration=Calibration.from_json(given["calibration"]),
            thresholds=tuple(given["thresholds"]),
        )

    def scorer(self) -> Callable[[pa.RecordBatch | pa.Table], Doubles]:
        """From rows with the encoder's columns to (rows, classes): probabilities, or margins where nothing calibrates them."""
        scores = _loaded(self)
        weights = np.asarray(self.class_weights)

        def score(rows: pa.RecordBatch | pa.Table) -> Doubles:
            found = scores(self.encoder.encode(rows))
            if len(weights):
                found = without_weights(found, weights)
            return self.calibration(found)

        return score

    def decide(self, scores: Doubles) -> NDArray[np.int64]:
        """The class of each row: the greatest score after each was divided by its threshold; of equals the first."""
        return np.argmax(scores / np.asarray(self.thresholds) if self.thresholds else scores, axis=1)


def without_weights(probabilities: Doubles, weights: Doubles) -> Doubles:
    """Probabilities (rows, classes) of a model whose training rows counted for `weights` by class, as if each had counted for 1.

    By Bayes' rule, p_k ∝ p'_k / w_k (Elkan 2001, theorem 2).
    """
    corrected = probabilities / weights
    return np.asarray(corrected / corrected.sum(axis=1, keepdims=True))


_IN_THIS_PROCESS: dict[str, Scores] = {}
"""Models that this process has loaded: a Python worker of Spark scores one batch after the other."""


def _loaded(model: Classifier) -> Scores:
    digest = hashlib.sha256(json.dumps([model.algorithm, dict(model.facts)], sort_keys=True, default=str).encode())
    for name in sorted(model.files):
        digest.update(name.encode() + hashlib.sha256(model.files[name]).digest())
    key = digest.hexdigest()
    if key not in _IN_THIS_PROCESS:
        _IN_THIS_PROCESS.clear()  # one at a time: a worker that lives on must not keep all that it has ever scored with
        _IN_THIS_PROCESS[key] = algorithm(model.algorithm).scorer(model.files, model.facts)
    return _IN_THIS_PROCESS[key]


def score_columns(classes: Sequence[str]) -> list[str]:
    return [f"score_{name}" for name in classes]

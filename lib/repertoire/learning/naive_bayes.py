"""Naive Bayes of Spark MLlib: P(class | features) from P(class) and, for each feature, P(its value | class)."""

import json
from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pyspark.ml.classification import NaiveBayes
from scipy.special import softmax

from repertoire.learning.algorithm import Algorithm, Fitted, Scores, TrainingRows
from repertoire.learning.encoder import Encoded, Form
from repertoire.settings import LearningSettings

_FILE = "distributions.json"


def _fit(rows: TrainingRows, settings: LearningSettings) -> Fitted:
    own = settings.naive_bayes
    model = NaiveBayes(modelType=own.kind, smoothing=own.smoothing, weightCol="weight").fit(rows.vectors)
    found = {"log_shares": model.pi.toArray().tolist(), "theta": model.theta.toArray().tolist()}
    if own.kind == "gaussian":
        found["variances"] = model.sigma.toArray().tolist()
    return Fitted({_FILE: json.dumps(found).encode()}, {"kind": own.kind})


def _scorer(files: Mapping[str, bytes], facts: Mapping[str, Any]) -> Scores:
    given = json.loads(files[_FILE])
    shares, theta = np.array(given["log_shares"]), np.array(given["theta"])  # (classes,), (classes, width)

    def multinomial(encoded: Encoded) -> NDArray[np.float64]:
        return np.asarray(softmax(encoded.numbers.astype(np.float64) @ theta.T + shares, axis=1))

    def gaussian(encoded: Encoded) -> NDArray[np.float64]:
        numbers = encoded.numbers.astype(np.float64)
        logs = []
        for of_class, mean, variance in zip(shares, theta, np.array(given["variances"]), strict=True):
            logs.append(of_class - 0.5 * (((numbers - mean) ** 2 / variance).sum(axis=1) + np.log(variance).sum()))
        return np.asarray(softmax(np.stack(logs, axis=1), axis=1))

    return gaussian if facts["kind"] == "gaussian" else multinomial


def distributions(files: Mapping[str, bytes]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """P(class), (classes,), and log P(0/1 feature | class), (classes, width), of a multinomial model."""
    given = json.loads(files[_FILE])
    return np.exp(np.array(given["log_shares"])), np.array(given["theta"])


NAIVE_BAYES = Algorithm(
    "naive_bayes",
    lambda settings: Form.BINNED if settings.naive_bayes.kind == "multinomial" else Form.ONE_HOT,
    _fit,
    _scorer,
)

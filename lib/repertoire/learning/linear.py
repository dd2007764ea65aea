"""Logistic regression and the linear support vector machine of Spark MLlib."""

import json
from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pyspark.ml.classification import LinearSVC, LogisticRegression
from scipy.special import expit, softmax

from repertoire.learning.algorithm import Algorithm, Fitted, Scores, TrainingRows
from repertoire.learning.encoder import Encoded, Form
from repertoire.settings import LearningSettings

_FILE = "coefficients.json"


def _fit_logistic(rows: TrainingRows, settings: LearningSettings) -> Fitted:
    own = settings.logistic
    model = LogisticRegression(
        weightCol="weight",
        regParam=own.regularization,
        elasticNetParam=own.elastic_net,
        maxIter=own.max_iterations,
        standardization=False,  # the encoder has done it
        family="multinomial" if rows.classes > 2 else "binomial",
    ).fit(rows.vectors)
    iterations = int(model.summary.totalIterations)
    return Fitted(
        _files(model.coefficientMatrix.toArray(), model.interceptVector.toArray()), {"iterations": iterations}
    )


def _fit_svm(rows: TrainingRows, settings: LearningSettings) -> Fitted:
    own = settings.svm
    model = LinearSVC(
        weightCol="weight", regParam=own.regularization, maxIter=own.max_iterations, standardization=False
    ).fit(rows.vectors)
    return Fitted(_files(model.coefficients.toArray()[None, :], np.array([model.intercept])))


def _files(coefficients: NDArray[np.float64], intercepts: NDArray[np.float64]) -> dict[str, bytes]:
    return {_FILE: json.dumps({"coefficients": coefficients.tolist(), "intercepts": intercepts.tolist()}).encode()}


def _margins(files: Mapping[str, bytes]) -> Scores:
    given = json.loads(files[_FILE])
    coefficients, intercepts = np.array(given["coefficients"]).T, np.array(given["intercepts"])
    return lambda encoded: np.asarray(encoded.numbers.astype(np.float64) @ coefficients + intercepts)


def _logistic_scorer(files: Mapping[str, bytes], facts: Mapping[str, Any]) -> Scores:
    margins_of = _margins(files)

    def scores(encoded: Encoded) -> NDArray[np.float64]:
        margins = margins_of(encoded)
        if margins.shape[1] > 1:
            return np.asarray(softmax(margins, axis=1))
        positive = expit(margins[:, 0])
        return np.stack([1 - positive, positive], axis=1)

    return scores


def _svm_scorer(files: Mapping[str, bytes], facts: Mapping[str, Any]) -> Scores:
    margins_of = _margins(files)

    def scores(encoded: Encoded) -> NDArray[np.float64]:
        margins = margins_of(encoded)
        return np.concatenate([-margins, margins], axis=1)

    return scores


LOGISTIC = Algorithm("logistic", lambda settings: Form.ONE_HOT, _fit_logistic, _logistic_scorer)
SVM = Algorithm("svm", lambda settings: Form.ONE_HOT, _fit_svm, _svm_scorer, two_classes=True, margins=True)

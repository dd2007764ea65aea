"""Figures of classifiers beside scikit-learn's, and by hand."""

import numpy as np
import pytest
from pyspark.sql import SparkSession
from sklearn import metrics

from repertoire.learning.classification_metrics import Measured, measure

RNG = np.random.default_rng(3)


def _measured(spark: SparkSession, scores: np.ndarray, labels: np.ndarray, probabilities: bool = True) -> Measured:
    rows = [(scores[n].tolist(), int(scores[n].argmax()), int(labels[n])) for n in range(len(labels))]
    frame = spark.createDataFrame(rows, "__scores array<double>, __decision int, __label int")
    return measure(frame, scores.shape[1], probabilities=probabilities)


@pytest.fixture(scope="module")
def binary() -> tuple[np.ndarray, np.ndarray]:
    positive = np.round(RNG.random(700), 3)
    labels = (RNG.random(700) < positive**1.5).astype(int)
    return np.stack([1 - positive, positive], axis=1), labels


def test_figures_are_scikit_learns(spark: SparkSession, binary: tuple[np.ndarray, np.ndarray]) -> None:
    scores, labels = binary
    found = _measured(spark, scores, labels)
    decided = scores.argmax(axis=1)
    expected = {
        "accuracy": metrics.accuracy_score(labels, decided),
        "precision": metrics.precision_score(labels, decided),
        "recall": metrics.recall_score(labels, decided),
        "f1": metrics.f1_score(labels, decided),
        "auc": metrics.roc_auc_score(labels, scores[:, 1]),
        "pr_auc": metrics.average_precision_score(labels, scores[:, 1]),
        "log_loss": metrics.log_loss(labels, scores.clip(1e-15, 1)),
        "brier": 2 * metrics.brier_score_loss(labels, scores[:, 1]),
    }
    for name, value in expected.items():
        figure = found.figure(name)
        assert figure is not None
        assert figure.value == pytest.approx(value, abs=1e-9), name
        if name != "f1":
            assert figure.low is not None
            assert figure.high is not None
            assert figure.low < value < figure.high, name
    assert [list(row) for row in found.confusion] == metrics.confusion_matrix(labels, decided).tolist()
    assert sum(one.rows for one in found.reliability) == 700
    assert found.best_f1 is not None
    at_best = metrics.f1_score(labels, scores[:, 1] >= found.best_f1)
    assert at_best == pytest.approx(max(metrics.f1_score(labels, scores[:, 1] >= t) for t in np.unique(scores[:, 1])))


def test_the_interval_of_auc_is_delongs_by_hand(spark: SparkSession) -> None:
    # Scores of hits .9, .4, of others .5, .1: AUC 3/4; placements of hits 1, .5; of others .5, 1: variance .125/2 + .125/2.
    scores = np.array([[0.1, 0.9], [0.6, 0.4], [0.5, 0.5], [0.9, 0.1]])
    found = _measured(spark, scores, np.array([1, 1, 0, 0])).figure("auc")
    assert found is not None
    assert found.value == 0.75
    assert found.low == pytest.approx(0.75 - 1.959964 * np.sqrt(0.125))
    assert found.high == 1.0


def test_more_classes_have_means_over_one_against_the_rest(spark: SparkSession) -> None:
    scores = np.round(RNG.dirichlet([1, 1, 1], 400), 6)
    labels = np.array([RNG.choice(3, p=row / row.sum()) for row in scores])
    found = _measured(spark, scores, labels)
    auc = np.mean([metrics.roc_auc_score(labels == one, scores[:, one]) for one in range(3)])
    assert found.figure("auc").value == pytest.approx(auc)  # type: ignore[union-attr]
    assert found.figure("precision") is None
    assert found.reliability == ()


def test_margins_have_no_figures_of_probabilities(spark: SparkSession) -> None:
    scores = np.array([[-2.0, 2.0], [1.0, -1.0], [3.0, -3.0]])
    found = _measured(spark, scores, np.array([1, 0, 1]), probabilities=False)
    assert found.figure("log_loss") is None
    assert found.figure("auc").value == 0.5  # type: ignore[union-attr]

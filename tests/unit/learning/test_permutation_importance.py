"""What shuffling a column costs a model."""

import json

import numpy as np
import pytest
from pyspark.sql import SparkSession
from sklearn.metrics import roc_auc_score

from repertoire.learning.classifier import Classifier
from repertoire.learning.encoder import Encoder, Form, NumberCode
from repertoire.learning.permutation_importance import mean_auc, permutation_importance

RNG = np.random.default_rng(4)


def _plain(name: str) -> NumberCode:
    return NumberCode(name, 0.0, -9.0, 9.0, 0.0, 1.0, False, ())


def test_the_area_under_the_curve_is_scikit_learns() -> None:
    scores = np.round(RNG.random((300, 3)), 2)
    labels = RNG.integers(0, 3, 300)
    assert mean_auc(scores[:, :2], labels % 2) == pytest.approx(roc_auc_score(labels % 2, scores[:, 1]))
    each = [roc_auc_score(labels == one, scores[:, one]) for one in range(3)]
    assert mean_auc(scores, labels) == pytest.approx(np.mean(each))


def test_a_column_that_decides_costs_what_it_earned_and_one_that_does_not_costs_nothing(spark: SparkSession) -> None:
    coefficients = {"coefficients": [[4.0, 0.0]], "intercepts": [0.0]}
    model = Classifier(
        "logistic",
        Encoder(Form.ONE_HOT, (_plain("decides"), _plain("idle"))),
        ("no", "yes"),
        {"coefficients.json": json.dumps(coefficients).encode()},
    )
    values = RNG.normal(size=(800, 2))
    rows = spark.createDataFrame(
        [(float(a), float(b), int(a > 0)) for a, b in values], "decides double, idle double, __label int"
    )
    first, second = permutation_importance(rows, model, repeats=5, most_rows=500, seed=1)
    assert (first.column, second.column) == ("decides", "idle")
    assert first.drop == pytest.approx(0.5, abs=0.05)  # from 1 to chance
    assert first.low < first.drop < first.high
    assert (second.drop, second.low, second.high) == (0.0, 0.0, 0.0)
    again = permutation_importance(rows.repartition(3), model, repeats=5, most_rows=500, seed=1)
    assert again == [first, second]

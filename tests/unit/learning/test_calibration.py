"""Scores become probabilities."""

import numpy as np
import pytest
from scipy.special import expit
from sklearn.isotonic import IsotonicRegression

from repertoire.learning.calibration import NO_CALIBRATION, Calibration, fit_calibration

RNG = np.random.default_rng(1)
MARGINS = RNG.normal(size=4000) * 3
TRUE = expit(0.5 * MARGINS - 1)
LABELS = (RNG.random(4000) < TRUE).astype(np.int64)
SCORES = np.stack([-MARGINS, MARGINS], axis=1)
ONES = np.ones(4000)


def test_platt_finds_the_sigmoid_that_the_labels_were_drawn_from() -> None:
    (curve,) = fit_calibration("platt", SCORES, LABELS, ONES).curves
    assert curve.slope == pytest.approx(0.5, abs=0.05)
    assert curve.offset == pytest.approx(-1, abs=0.1)


@pytest.mark.parametrize("kind", ["platt", "isotonic"])
def test_calibrated_scores_are_probabilities_that_come_true(kind: str) -> None:
    found = fit_calibration(kind, SCORES, LABELS, ONES)(SCORES)
    assert np.allclose(found.sum(axis=1), 1)
    assert np.abs(found[:, 1] - TRUE).mean() < 0.03
    order = np.argsort(MARGINS)
    assert (np.diff(found[order, 1]) >= 0).all()


def test_isotonic_is_scikit_learns_but_for_steps_of_0_and_1() -> None:
    (curve,) = fit_calibration("isotonic", SCORES, LABELS, ONES).curves
    own = IsotonicRegression(out_of_bounds="clip").fit(MARGINS, LABELS).predict(MARGINS)
    assert np.allclose(np.clip(own, curve.values[0], curve.values[-1]), curve(MARGINS), atol=1e-9)
    assert 0 < curve.values[0] < curve.values[-1] < 1


def test_a_weight_of_two_is_a_row_twice() -> None:
    twice = np.repeat(np.arange(100), 2)
    by_weight = fit_calibration("platt", SCORES[:100], LABELS[:100], np.full(100, 2.0)).curves[0]
    by_rows = fit_calibration("platt", SCORES[twice], LABELS[twice], np.ones(200)).curves[0]
    assert by_weight.slope == pytest.approx(by_rows.slope, rel=1e-4)


def test_of_three_classes_each_has_a_curve_and_all_add_up_to_1() -> None:
    scores = RNG.random((300, 3))
    labels = RNG.integers(0, 3, 300)
    found = fit_calibration("isotonic", scores, labels, np.ones(300))
    assert len(found.curves) == 3
    assert np.allclose(found(scores).sum(axis=1), 1)


def test_a_calibration_comes_back_from_json() -> None:
    for kind in ("platt", "isotonic"):
        found = fit_calibration(kind, SCORES, LABELS, ONES)
        assert Calibration.from_json(found.as_json()) == found
    assert fit_calibration("none", SCORES, LABELS, ONES) == NO_CALIBRATION
    assert NO_CALIBRATION(SCORES) is SCORES

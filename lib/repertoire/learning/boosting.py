"""Boosted trees of xgboost, trained by a worker in each of some Spark tasks."""

import logging
from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pyspark.sql import functions as F

from repertoire.learning.algorithm import Algorithm, Fitted, Scores, TrainingRows, feature_vector
from repertoire.learning.encoder import Encoded, Form
from repertoire.learning.row_columns import HELD, LABEL, WEIGHT
from repertoire.settings import LearningSettings

BOOSTER = "xgboost.json"
_ROWS_PER_WORKER = 50_000  # fewer are trained sooner by one worker than handed around


def _fit(rows: TrainingRows, settings: LearningSettings) -> Fitted:
    """Trains until held-back rows gain no more, or as many rounds as an earlier fit found best."""
    from xgboost.spark import SparkXGBClassifier

    quiet()
    own = settings.xgboost
    frame = rows.frame.select(feature_vector(), LABEL, WEIGHT, HELD)
    stops: dict[str, Any] = {}
    if rows.rounds is None:
        stops = {"validation_indicator_col": HELD, "early_stopping_rounds": own.patience}
    else:
        frame = frame.where(~F.col(HELD))
    estimator = SparkXGBClassifier(
        features_col="features",
        label_col=LABEL,
        weight_col=WEIGHT,
        num_workers=own.workers or workers_for(rows),
        n_estimators=rows.rounds or own.rounds,
        learning_rate=own.learning_rate,
        max_depth=own.max_depth,
        min_child_weight=own.min_child_weight,
        subsample=own.row_share,
        colsample_bytree=own.feature_share,
        reg_lambda=own.l2,
        max_bin=own.bins,
        tree_method="hist",
        eval_metric="mlogloss" if rows.classes > 2 else "logloss",
        random_state=rows.seed,
        verbosity=0,
        verbose=False,
        **stops,
    )
    booster = estimator.fit(frame).get_booster()
    best = rows.rounds or int(booster.best_iteration) + 1
    return Fitted({BOOSTER: bytes(booster[:best].save_raw("json"))}, {"rounds": best}, rounds=best)


def workers_for(rows: TrainingRows) -> int:
    """A worker for each slot, but none for a few rows only."""
    slots = rows.frame.sparkSession.sparkContext.defaultParallelism
    return max(1, min(slots, rows.frame.count() // _ROWS_PER_WORKER))


def booster_of(files: Mapping[str, bytes]) -> Any:
    """The trees of a model; a Spark task is one thread."""
    import xgboost

    booster = xgboost.Booster(model_file=bytearray(files[BOOSTER]))
    booster.set_param({"nthread": 1})
    return booster


def quiet() -> None:
    """What xgboost's workers say of their start and end is for nobody."""
    logging.getLogger("XGBoost-PySpark").setLevel(logging.WARNING)


def _scorer(files: Mapping[str, bytes], facts: Mapping[str, Any]) -> Scores:
    booster = booster_of(files)

    def scores(encoded: Encoded) -> NDArray[np.float64]:
        found = np.asarray(booster.inplace_predict(encoded.numbers), np.float64)
        return found if found.ndim > 1 else np.stack([1 - found, found], axis=1)

    return scores


XGBOOST = Algorithm("xgboost", lambda settings: Form.ORDERED, _fit, _scorer, stops_early=True)

"""Boosted trees that put the rows of a group in order: LambdaMART (Burges 2010), as xgboost has it."""

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pyspark.sql import Window
from pyspark.sql import functions as F

from repertoire.learning.algorithm import Algorithm, Fitted, Scores, TrainingRows, feature_vector
from repertoire.learning.boosting import BOOSTER, booster_of, quiet, workers_for
from repertoire.learning.encoder import Encoded, Form
from repertoire.learning.row_columns import GROUP, LABEL, WEIGHT
from repertoire.settings import LearningSettings, RankerSettings

_GAIN = "gain"
_NUMBER = "number"
"""Of a group, from 1: xgboost takes them as floats of 32 bits, of which two large numbers that differ may be one."""


def _fit(rows: TrainingRows, settings: LearningSettings) -> Fitted:
    """Trees whose order of each group's rows has the best nDCG: places of the head are compared with all below them.

    rows: besides, `__group`; `__label` × `__weight` is the gain. All rows train: the number of trees is a setting.
    """
    from xgboost.spark import SparkXGBRanker

    assert isinstance(settings, RankerSettings)
    quiet()
    own = settings.rank_ndcg
    groups = rows.frame.select(GROUP).distinct()
    numbered = groups.select(GROUP, F.row_number().over(Window.orderBy(GROUP)).alias(_NUMBER))
    gain = (F.col(LABEL) * F.col(WEIGHT)).alias(_GAIN)
    frame = rows.frame.join(numbered, GROUP).select(feature_vector(), gain, _NUMBER)
    estimator = SparkXGBRanker(
        features_col="features",
        label_col=_GAIN,
        qid_col=_NUMBER,
        num_workers=own.workers or workers_for(rows),
        objective="rank:ndcg",
        lambdarank_pair_method="topk",
        lambdarank_num_pair_per_sample=own.pairs,
        ndcg_exp_gain=False,
        n_estimators=own.rounds,
        learning_rate=own.learning_rate,
        max_depth=own.max_depth,
        min_child_weight=own.min_child_weight,
        subsample=own.row_share,
        colsample_bytree=own.feature_share,
        reg_lambda=own.l2,
        max_bin=own.bins,
        tree_method="hist",
        random_state=rows.seed,
        verbosity=0,
        force_repartition=True,  # by group: partitions as they are read may part one
    )
    booster = estimator.fit(frame).get_booster()
    return Fitted({BOOSTER: bytes(booster.save_raw("json"))}, {"rounds": own.rounds})


def _scorer(files: Mapping[str, bytes], facts: Mapping[str, Any]) -> Scores:
    booster = booster_of(files)

    def scores(encoded: Encoded) -> NDArray[np.float64]:
        margins = np.asarray(booster.inplace_predict(encoded.numbers, predict_type="margin"), np.float64)
        return np.stack([-margins, margins], axis=1)

    return scores


RANK_NDCG = Algorithm(
    "rank_ndcg", lambda settings: Form.ORDERED, _fit, _scorer, two_classes=True, margins=True, orders=True
)

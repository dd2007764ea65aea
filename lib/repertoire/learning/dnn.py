"""The feed-forward network of TensorFlow, as an algorithm like the others."""

from collections.abc import Mapping
from typing import Any

from pyspark.sql import functions as F

from repertoire.learning.algorithm import Algorithm, Fitted, Scores, TrainingRows
from repertoire.learning.encoder import Form
from repertoire.learning.network import fit_network, network_scores
from repertoire.learning.row_columns import CODES, HELD, LABEL, NUMBERS, WEIGHT
from repertoire.settings import LearningSettings

_FILE = "network.keras"


def _fit(rows: TrainingRows, settings: LearningSettings) -> Fitted:
    """Trains until held-back rows gain no more, or as many epochs as an earlier fit found best."""
    own = settings.dnn
    if rows.rounds is not None:
        own = own.model_copy(update={"epochs": rows.rounds, "patience": None})
    frame = rows.frame.select(
        NUMBERS,
        CODES,
        F.col(LABEL).alias("label"),
        F.col(WEIGHT).alias("weight"),
        F.col(HELD).alias("held"),
    )
    trained = fit_network(
        frame,
        levels=rows.levels,
        classes=rows.classes,
        settings=own,
        seed=rows.seed,
        scratch=rows.scratch,
        say=rows.say,
    )
    layers = "-".join(map(str, [*own.hidden, 1 if rows.classes == 2 else rows.classes]))
    facts = {"layers": layers, "epochs": trained.best_epoch, "workers": trained.workers}
    return Fitted({_FILE: trained.keras}, facts, rounds=trained.best_epoch)


def _scorer(files: Mapping[str, bytes], facts: Mapping[str, Any]) -> Scores:
    scores = network_scores(files[_FILE])
    return lambda encoded: scores(encoded.numbers, encoded.codes)


DNN = Algorithm("dnn", lambda settings: Form.CODED, _fit, _scorer, stops_early=True)

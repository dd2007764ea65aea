"""What every algorithm is: something that is fitted on encoded rows and gives scores for encoded rows.

A new algorithm is one file beside `linear.py`, one settings class, and one line in `algorithms.py`.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pyspark.ml.functions import array_to_vector
from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

from repertoire.learning.encoder import Encoded, Form
from repertoire.learning.row_columns import HELD, LABEL, NUMBERS, WEIGHT
from repertoire.settings import LearningSettings

Scores = Callable[[Encoded], NDArray[np.float64]]
"""From encoded rows to (rows, classes): probabilities, or where the algorithm has none, margins."""


def feature_vector() -> Column:
    """`numbers` as the column `features` of MLlib's vectors, which xgboost takes, too."""
    return array_to_vector(F.col(NUMBERS).cast("array<double>")).alias("features")


@dataclass(frozen=True)
class TrainingRows:
    """What is fitted on.

    frame: numbers array<float>, codes array<int>, __label int, __weight double, __held boolean, materialised. width: of numbers;
    levels: of each coded column. classes: how many. rounds: trees or epochs that an earlier fit found best; None: find out.
    scratch: a folder for what is written on the way; say: tells the user one line.
    """

    frame: DataFrame
    width: int
    levels: tuple[int, ...]
    classes: int
    seed: int
    scratch: str
    say: Callable[[str], None] = lambda text: None
    rounds: int | None = None

    @property
    def vectors(self) -> DataFrame:
        """The rows to train on, in the columns that MLlib takes: features vector, label double, weight double."""
        return self.frame.where(~F.col(HELD)).select(
            feature_vector(),
            F.col(LABEL).cast("double").alias("label"),
            F.col(WEIGHT).alias("weight"),
        )


@dataclass(frozen=True)
class Fitted:
    """A fitted model's files, name → bytes, and facts that are kept as JSON. rounds: trees or epochs, where they were found."""

    files: Mapping[str, bytes]
    facts: Mapping[str, Any] = field(default_factory=dict)
    rounds: int | None = None


@dataclass(frozen=True)
class Algorithm:
    """An algorithm's two functions.

    form: how it takes columns. fit raises SettingsError or InputError for what it cannot do. scorer: from the files and facts of
    `Fitted` to a function from encoded rows to scores. two_classes: it cannot tell more apart. margins: its scores are no
    probabilities. stops_early: held-back rows say when training ends. orders: it learns the order of the rows of a `__group`, and
    its scores say nothing but that.
    """

    name: str
    form: Callable[[LearningSettings], Form]
    fit: Callable[[TrainingRows, LearningSettings], Fitted]
    scorer: Callable[[Mapping[str, bytes], Mapping[str, Any]], Scores]
    two_classes: bool = False
    margins: bool = False
    stops_early: bool = False
    orders: bool = False

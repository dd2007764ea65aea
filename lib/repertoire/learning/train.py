"""Encodes rows and trains an algorithm on them."""

from collections.abc import Callable, Sequence

from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from repertoire.frames.materialise import materialise
from repertoire.learning.algorithm import Algorithm, TrainingRows
from repertoire.learning.classifier import Classifier
from repertoire.learning.encode_rows import encode_rows
from repertoire.learning.feature_column import FeatureColumn
from repertoire.learning.fit_encoder import fit_encoder
from repertoire.learning.row_columns import HELD
from repertoire.settings import LearningSettings


def train(
    rows: DataFrame,
    columns: Sequence[FeatureColumn],
    chosen: Algorithm,
    settings: LearningSettings,
    *,
    classes: tuple[str, ...],
    seed: int,
    scratch: str,
    say: Callable[[str], None],
    rounds: int | None = None,
) -> tuple[Classifier, int | None]:
    """The model, and the rounds after which it stopped, where the algorithm has any.

    rows: the columns, double and string, `__label` int (a class number), `__weight` double, `__held` boolean, perhaps `__group`;
    materialised. What is needed to encode them is learnt on rows that are not held back. rounds: of an earlier fit, to be
    trained again.
    """
    encoder = fit_encoder(
        rows.where(~F.col(HELD)),
        columns,
        form=chosen.form(settings),
        settings=settings.encoding,
        positive=len(classes) - 1,
        bins=settings.naive_bayes.bins,
    )
    training = TrainingRows(
        frame=materialise(encode_rows(rows, encoder), f"{scratch}/encoded"),
        width=len(encoder.slots),
        levels=tuple(encoder.levels),
        classes=len(classes),
        seed=seed,
        scratch=f"{scratch}/training",
        say=say,
        rounds=rounds,
    )
    fitted = chosen.fit(training, settings)
    return Classifier(chosen.name, encoder, classes, fitted.files, fitted.facts), fitted.rounds

"""Puts every user's candidates in the order of a ranker's scores."""

from pyspark.sql import DataFrame, Window
from pyspark.sql import functions as F

from repertoire.learning.classifier import Classifier
from repertoire.learning.score_rows import SCORES, score_rows
from repertoire.vocabulary import ITEM_ID, RANK, REASON, SCORE, SOURCE, USER_ID


def order_candidates(rows: DataFrame, ranker: Classifier) -> DataFrame:
    """user_id, item_id, source, score (6 digits), rank (1 is best, ties by item_id), reason.

    rows: a row a candidate, with user_id, item_id, source, reason and the ranker's features.
    """
    scored = score_rows(rows, ranker, [USER_ID, ITEM_ID, SOURCE, REASON])
    score = F.round(F.element_at(SCORES, len(ranker.classes)), 6)
    best = Window.partitionBy(USER_ID).orderBy(F.col(SCORE).desc(), ITEM_ID)
    return scored.select(USER_ID, ITEM_ID, SOURCE, score.alias(SCORE), REASON).withColumn(
        RANK, F.row_number().over(best)
    )

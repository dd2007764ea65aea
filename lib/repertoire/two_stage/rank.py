"""Puts today's candidates in the ranker's order."""

from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from repertoire.candidates.recommender import FittedModel
from repertoire.ranking.order_candidates import order_candidates
from repertoire.two_stage.describe import describe
from repertoire.two_stage.known import Known
from repertoire.two_stage.learn import ranker_of
from repertoire.vocabulary import SOURCE


def rank(model: FittedModel, proposals: DataFrame, known: Known) -> DataFrame:
    """user_id, item_id, source, score, rank, reason: the sources' candidates in one order for each user.

    proposals: user_id, item_id, source, score, rank, reason, of other sources, too; known: as of the moment they were made.
    """
    ranker, sources = ranker_of(model)
    candidates = proposals.where(F.col(SOURCE).isin(*sources))
    return order_candidates(describe(candidates, known, sources), ranker)

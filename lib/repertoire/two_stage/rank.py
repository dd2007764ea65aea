"""Puts today's candidates in the ranker's order."""

from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from repertoire.candidates.recommender import FittedModel
from repertoire.ranking.order_candidates import order_candidates
from repertoire.two_stage.describe import describe
from repertoire.two_stage.learn import ranker_of
from repertoire.two_stage.world import World
from repertoire.vocabulary import SOURCE


def rank(world: World, model: FittedModel, proposals: DataFrame, interactions: DataFrame) -> DataFrame:
    """user_id, item_id, source, score, rank, reason: the sources' candidates in one order for each user.

    proposals: user_id, item_id, source, score, rank, reason, of other sources, too; interactions: the table, of the world's
    cutoff. Events at or after the cutoff are the caller's to leave out.
    """
    ranker, sources = ranker_of(model)
    candidates = proposals.where(F.col(SOURCE).isin(*sources))
    return order_candidates(describe(world, candidates, interactions, sources), ranker)

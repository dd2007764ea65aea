"""Fills every user's list from one source after the other."""

from collections.abc import Mapping

from pyspark.sql import Column, DataFrame, Window
from pyspark.sql import functions as F

from repertoire.vocabulary import FALLBACK_TIER, ITEM_ID, RANK, REASON, SCORE, SOURCE, USER_ID

_RANKED, _SHOWN = "ranked", "_shown"


def fill_up(ranked: DataFrame, candidates: DataFrame, tiers: Mapping[str, int], top_k: int) -> DataFrame:
    """Lists of ranked candidates, filled up from sources: what `blend_by_tier` gives.

    ranked: user_id, item_id, source, score, rank, reason: a user's candidates in one order, whoever proposed them; they are of
    tier 0. candidates, tiers: as of `blend_by_tier`; only those above tier 0 fill up.
    """
    fillers = {source: tier for source, tier in tiers.items() if tier > 0}
    own = ranked.withColumn(_SHOWN, F.col(SOURCE)).withColumn(SOURCE, F.lit(_RANKED))
    rest = candidates.where(F.col(SOURCE).isin(*fillers)).withColumn(_SHOWN, F.col(SOURCE))
    return blend_by_tier(own.unionByName(rest.select(own.columns)), {_RANKED: 0, **fillers}, top_k, shown=_SHOWN)


def blend_by_tier(candidates: DataFrame, tiers: Mapping[str, int], top_k: int, *, shown: str = SOURCE) -> DataFrame:
    """The first top_k different items of each user, source by source.

    candidates: user_id, item_id, source, score, rank, reason; tiers: source → tier, in the order in which the sources
    fill a list. An item that several sources propose counts for the first. shown: the column that the lists' source is
    taken from.
    Gives user_id, rank (1, 2, 3, …), item_id, score, reason, source, fallback_tier. Candidates of one source are its list
    already: no item twice, ranks from 1 without a gap.

    Scores of two sources cannot be compared, but a list's score must not rise with the rank. Within a source the
    distances between scores are kept; where the next source starts higher than the last one ended, it is shifted down
    to there: score(r) = raw(1) + Σ min(0, raw(j) − raw(j−1)) over j = 2 … r.
    """
    tier = _lookup(dict(tiers))
    if len(tiers) == 1:
        alone = candidates.where(F.col(SOURCE).isin(*tiers) & (F.col(RANK) <= top_k))
        return _lists(alone, F.col(RANK), F.col(SCORE), tier, shown)
    order = _lookup({source: position for position, source in enumerate(tiers)})
    ordered = candidates.withColumn("_source_order", order).where(F.col("_source_order").isNotNull())
    by_user = Window.partitionBy(USER_ID)
    in_order = by_user.orderBy("_source_order", RANK, ITEM_ID)
    # The first source to propose an item owns it. One shuffle by user serves all the windows below.
    first = F.first("_source_order").over(
        Window.partitionBy(USER_ID, ITEM_ID)
        .orderBy("_source_order")
        .rowsBetween(Window.unboundedPreceding, Window.unboundedFollowing)
    )
    owned = ordered.repartition(USER_ID).withColumn("_owner", first).where(F.col("_owner") == F.col("_source_order"))
    ranked = owned.withColumn("_rank", F.row_number().over(in_order)).where(F.col("_rank") <= top_k)
    drop = F.least(F.lit(0.0), F.col(SCORE) - F.lag(SCORE).over(in_order))
    cumulative = in_order.rowsBetween(Window.unboundedPreceding, Window.currentRow)
    score = F.first(SCORE).over(cumulative) + F.coalesce(F.sum("_drop").over(cumulative), F.lit(0.0))
    return _lists(ranked.withColumn("_drop", drop), F.col("_rank"), score, tier, shown)


def _lists(ranked: DataFrame, rank: Column, score: Column, tier: Column, shown: str) -> DataFrame:
    return ranked.withColumn("_score", F.round(score, 6)).select(
        USER_ID,
        rank.cast("int").alias(RANK),
        ITEM_ID,
        F.col("_score").alias(SCORE),
        REASON,
        F.col(shown).alias(SOURCE),
        tier.cast("int").alias(FALLBACK_TIER),
    )


def _lookup(values: Mapping[str, int]) -> Column:
    """The value that belongs to a row's source; null for a source that is not among them."""
    pairs = [F.lit(part) for pair in values.items() for part in pair]
    return F.element_at(F.create_map(*pairs), F.col(SOURCE)) if pairs else F.lit(None).cast("int")

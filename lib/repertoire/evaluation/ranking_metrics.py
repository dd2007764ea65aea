"""How good the head of each user's list is, against what the user turned to afterwards."""

from collections.abc import Iterable, Mapping

from pyspark.sql import Column, DataFrame, Window
from pyspark.sql import functions as F

from repertoire.evaluation.background import NOTHING_KNOWN, Background
from repertoire.evaluation.measurement import MODEL, K
from repertoire.evaluation.model_lists import heads_of_lists
from repertoire.vocabulary import ITEM_ID, RANK, USER_ID

GAIN = "gain"

METRICS = ("recall", "precision", "ndcg", "hit_rate", "map", "mrr")
GRADED_METRICS = ("graded_ndcg",)  # where the truth has gains
AUC = ("auc",)  # where the size of the catalogue is known
SERENDIPITY = ("serendipity",)  # where there is a history

_NTH, _IDEAL_RANK, _EXPECTED_AT = "nth", "ideal_rank", "expected_at"


def user_metrics(
    lists: Mapping[str, DataFrame], truth: DataFrame, k: Iterable[int], background: Background = NOTHING_KNOWN
) -> DataFrame:
    """One row for each model, user of the truth and k: model, user_id, k int, and a double for each metric.

    lists: a model's name → user_id, item_id, rank (from 1; no item and no rank twice for a user). truth: user_id,
    item_id and perhaps gain (no pair twice; a pair with a gain of 0 or less is not relevant). A user of the truth
    without a list counts with 0; a list whose user is not in the truth is not judged.

    With h hits among the first k, n relevant items and m = min(n, k):

    - recall      h / n
    - precision   h / k, also where the list is shorter than k
    - hit_rate    1 if h > 0
    - mrr         1 / rank of the first hit, 0 without one
    - map         sum over the hits of (hits down to it / its rank), over m: average precision at k
    - ndcg        sum over the hits of 1 / log2(rank + 1), over the same sum for ranks 1 to m (Järvelin and Kekäläinen
                  2002, with relevance 0 or 1)
    - graded_ndcg as ndcg, every term times the item's gain, the ideal list having the highest gains first; only where
                  the truth has the column gain
    - auc         how often a relevant item stands above one that is not, over all pairs of them in the catalogue; below
                  the first k, which the lists do not tell, hits and misses count as evenly mixed (Schröder, Thiele and
                  Lehner 2011, "Setting goals and choosing metrics for recommender system evaluations"); an empty place
                  counts as a miss. Only where background.catalogue_size is known
    - serendipity hits that are not among the k items that most users of the history had, over k (Ge, Delgado-Battenfeld
                  and Jannach 2010, "Beyond accuracy": what a primitive model recommends is no surprise). Only where
                  there is a background.history

    Cost: the first max(k) places of the lists, and the truth once a model, are shuffled for one join; what comes out
    has as many rows as the truth has a model, and is shuffled once by user. Raises ValueError if k is empty or holds
    anything below 1.
    """
    lengths = sorted(set(k))
    if not lengths or lengths[0] < 1:
        raise ValueError(f"k must be one or more positive integers, received {lengths}")
    gain = [GAIN] if GAIN in truth.columns else []
    relevant = truth.select(USER_ID, ITEM_ID, *gain, F.explode(F.array(*map(F.lit, lists))).alias(MODEL))
    if gain:
        relevant = relevant.where(F.col(GAIN) > 0)
    found = relevant.join(heads_of_lists(lists, lengths[-1]), [MODEL, USER_ID, ITEM_ID], "left")
    if background.history is not None:
        found = found.join(F.broadcast(_expected(background.history, lengths[-1])), ITEM_ID, "left")

    # A user's hits come first, so that the n-th row is the n-th hit; and over all rows it counts 1, 2, …, n, which are
    # the ranks of an ideal list. All that follows is by user, and asks for no further shuffle.
    list_of_user = Window.partitionBy(USER_ID, MODEL)
    places = {_NTH: F.row_number().over(list_of_user.orderBy(F.col(RANK).asc_nulls_last()))}
    if gain:
        places[_IDEAL_RANK] = F.row_number().over(list_of_user.orderBy(F.col(GAIN).desc()))
    found = found.repartition(USER_ID).withColumns(places)
    at_each_k = found.withColumn(K, F.explode(F.array(*map(F.lit, lengths))))
    return at_each_k.groupBy(MODEL, USER_ID, K).agg(*_aggregates(background, graded=bool(gain)))


def _expected(history: DataFrame, most: int) -> DataFrame:
    """item_id, expected_at (from 1): the items that most users had; ties by item_id."""
    by_users = history.groupBy(ITEM_ID).agg(F.count(F.lit(1)).alias("users"))
    first = by_users.orderBy(F.desc("users"), ITEM_ID).limit(most)
    place = F.row_number().over(Window.orderBy(F.desc("users"), ITEM_ID))  # of so few that one task is right
    return first.select(ITEM_ID, place.alias(_EXPECTED_AT))


def _aggregates(background: Background, *, graded: bool) -> list[Column]:
    """The metrics at column k, as aggregates over a user's relevant items."""
    k, rank, nth, ideal_rank, gain = map(F.col, (K, RANK, _NTH, _IDEAL_RANK, GAIN))
    hit, ideal = rank <= k, nth <= k
    hits, relevant = F.count_if(hit), F.count(F.lit(1))
    metrics = {
        "recall": hits / relevant,
        "precision": hits / k,
        "ndcg": _sum_where(hit, _discount(rank)) / _sum_where(ideal, _discount(nth)),
        "hit_rate": (hits > 0).cast("double"),
        "map": _sum_where(hit, nth / rank) / F.count_if(ideal),
        "mrr": F.coalesce(1 / F.min(F.when(hit, rank)), F.lit(0.0)),
    }
    if graded:
        metrics["graded_ndcg"] = _sum_where(hit, gain * _discount(rank)) / _sum_where(
            ideal_rank <= k, gain * _discount(ideal_rank)
        )
    if background.history is not None:
        surprise = hit & (F.col(_EXPECTED_AT).isNull() | (F.col(_EXPECTED_AT) > k))
        metrics["serendipity"] = F.count_if(surprise) / k
    if background.catalogue_size is not None:
        metrics["auc"] = _auc(hits, F.sum(F.when(hit, rank).otherwise(0)), relevant, k, background.catalogue_size)
    return [metric.alias(name) for name, metric in metrics.items()]


def _auc(hits: Column, ranks: Column, relevant: Column, k: Column, catalogue_size: int) -> Column:
    """ranks: the sum of the hits' ranks. Null where everything is relevant."""
    others = F.greatest(F.lit(catalogue_size) - relevant, F.lit(0))
    misses = F.least(k - hits, others)
    # A hit at rank r, the n-th, has r - n misses above it.
    below_hits = hits * misses - (ranks - hits * (hits + 1) / 2)
    evenly = (hits + relevant) / 2 * (others - misses)
    return (below_hits + evenly) / F.nullif(relevant * others, F.lit(0))


def _discount(rank: Column) -> Column:
    return 1 / F.log2(rank + 1)


def _sum_where(condition: Column, value: Column) -> Column:
    return F.sum(F.when(condition, value).otherwise(0.0))

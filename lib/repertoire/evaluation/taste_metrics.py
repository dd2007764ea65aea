"""How varied a list is, and whether it has the user's tastes in their proportions, by the items' tags."""

from collections.abc import Mapping, Sequence

from pyspark.sql import Column, DataFrame, Window
from pyspark.sql import functions as F

from repertoire.evaluation.list_metrics import at_each_k
from repertoire.evaluation.measurement import MODEL
from repertoire.evaluation.model_lists import heads_of_lists
from repertoire.vocabulary import ITEM_ID, RANK, USER_ID

DIVERSITY = ("diversity",)
CALIBRATION = ("miscalibration",)  # where there is a history

_MIXED_IN = 0.01  # Steck's alpha: so much of the user's own tastes is mixed into the list's, so that no share is 0

_TAG, _PART = "tag", "part"


def taste_metrics(
    lists: Mapping[str, DataFrame], lengths: Sequence[int], tags: DataFrame, history: DataFrame | None = None
) -> DataFrame:
    """One row for each model, user with a tagged item in the list and k: model, user_id, k int, and a double for each of

    - diversity       mean over all pairs of tagged items in the list of 1 less the cosine of their sets of tags (intra-
                      list diversity: Ziegler et al. 2005, "Improving recommendation lists through topic
                      diversification"); null for fewer than two
    - miscalibration  with a history: Kullback-Leibler divergence, in nats, of the list's shares of tags from those of
                      the user's history, an item with n tags counting 1/n for each, 1 % of the history mixed into the list
                      (Steck 2018, "Calibrated recommendations"); 0 is a list in the user's proportions; null without
                      a tagged item in the history or among the first k

    lists: a model's name → user_id, item_id, rank. tags: item_id, tags array<string>, no item twice; items without tags
    are passed over. history: user_id, item_id, no pair twice.

    Pairs are never formed: with each item's tags as a vector of length 1, the cosines of all pairs follow from the
    length of the sum of the vectors. Cost: the tags of the items in the lists, a row each.
    """
    tagged = tags.where(F.size("tags") > 0).select(ITEM_ID, F.array_distinct("tags").alias("tags"))
    tagged = tagged.select(ITEM_ID, F.explode("tags").alias(_TAG), (1.0 / F.size("tags")).alias(_PART))
    # A tagged item counts once in `items`, however many tags it has: its parts add up to 1.
    places = heads_of_lists(lists, max(lengths)).join(tagged, ITEM_ID)
    of_list = places.groupBy(MODEL, USER_ID, _TAG).agg(*_sums_of_list(lengths))
    if history is not None:
        models = F.explode(F.array(*map(F.lit, lists))).alias(MODEL)
        listed = places.select(USER_ID).distinct()
        of_history = (
            history.join(listed, USER_ID, "left_semi")
            .join(tagged, ITEM_ID)
            .groupBy(USER_ID, _TAG)
            .agg(F.sum(_PART).alias("own"))
        )
        nothing = [F.lit(0.0).alias(name) for name in _names_of_sums(lengths)]
        both = of_list.withColumn("own", F.lit(0.0)).unionByName(of_history.select(models, "*", *nothing))
        sums = [F.sum(name).alias(name) for name in (*_names_of_sums(lengths), "own")]
        of_list = both.groupBy(MODEL, USER_ID, _TAG).agg(*sums)
        user = Window.partitionBy(MODEL, USER_ID)
        totals = {f"all_{name}": F.sum(name).over(user) for name in ("own", *(f"parts_{k}" for k in lengths))}
        of_list = of_list.withColumns(totals)
    divergences = [] if history is None else [F.sum(_divergence(k)).alias(f"divergence_{k}") for k in lengths]
    found = [F.sum(f"parts_{k}").alias(f"items_{k}") for k in lengths]
    squares = [F.sum(F.col(f"vectors_{k}") ** 2).alias(f"square_{k}") for k in lengths]
    own = [] if history is None else [F.sum("own").alias("own")]
    users = of_list.groupBy(MODEL, USER_ID).agg(*found, *squares, *divergences, *own)
    users = users.where(F.col(f"items_{max(lengths)}") > 0)

    def metrics(k: int) -> dict[str, Column]:
        items = F.round(f"items_{k}")
        others = F.nullif(items * (items - 1), F.lit(0.0))
        made = {"diversity": 1 - (F.col(f"square_{k}") - items) / others}
        if history is not None:
            both_known = (F.col("own") > 0) & (items > 0)
            made["miscalibration"] = F.when(both_known, F.col(f"divergence_{k}"))
        return made

    return users.select(MODEL, USER_ID, at_each_k(lengths, metrics))


def _names_of_sums(lengths: Sequence[int]) -> list[str]:
    return [f"{what}_{k}" for k in lengths for what in ("vectors", "parts")]


def _sums_of_list(lengths: Sequence[int]) -> list[Column]:
    """Of a user's tag, at each k: the component of the sum of the unit vectors, and the items by their parts."""
    sums = []
    for k in lengths:
        part = F.when(F.col(RANK) <= k, F.col(_PART)).otherwise(0.0)
        sums += [F.sum(F.sqrt(part)).alias(f"vectors_{k}"), F.sum(part).alias(f"parts_{k}")]
    return sums


def _divergence(k: int) -> Column:
    """A tag's term of the divergence; none where the history does not have it."""
    own = F.col("own") / F.col("all_own")
    mixed = (1 - _MIXED_IN) * F.col(f"parts_{k}") / F.nullif(F.col(f"all_parts_{k}"), F.lit(0.0)) + _MIXED_IN * own
    return F.when(F.col("own") > 0, own * F.ln(own / mixed)).otherwise(0.0)

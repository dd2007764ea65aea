"""What can be said of each user's list without knowing what the user turned to afterwards."""

from collections.abc import Callable, Mapping, Sequence

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

from repertoire.evaluation.measurement import MODEL, K
from repertoire.evaluation.model_lists import heads_of_lists
from repertoire.vocabulary import ITEM_ID, RANK, USER_ID

LIST_METRICS = ("sufficient",)
POPULARITY_METRICS = ("novelty", "popularity", "popularity_lift")  # where there is a history

_HAD, _EVERYBODY, _OWN = "had", "everybody", "own"


def list_metrics(lists: Mapping[str, DataFrame], lengths: Sequence[int], history: DataFrame | None = None) -> DataFrame:
    """One row for each model, user with a list and k: model, user_id, k int, and a double for each metric.

    - sufficient       1 if all of the first k places are filled

    and with a history, over the filled places, null where there are none:

    - novelty          mean of -log2 of the share of users who had the item (Zhou et al. 2010, "Solving the apparent
                       diversity-accuracy dilemma of recommender systems"); what nobody had counts as had by one
    - popularity       mean share of users who had the item, 0 to 1 (average recommendation popularity: Yin et al. 2012,
                       "Challenging the long tail recommendation")
    - popularity_lift  that over the same of the user's own history, less 1: above 0 the list is more popular than the
                       user's taste (Abdollahpouri et al. 2019, "The unfairness of popularity bias in recommendation");
                       null for a user without a history

    lists: a model's name → user_id, item_id, rank. history: user_id, item_id, no pair twice. Places are added up where
    they lie, so that one row a model and user is shuffled.
    """
    heads = heads_of_lists(lists, max(lengths))
    filled = {f"filled_{k}": F.count_if(F.col(RANK) <= k) for k in lengths}
    if history is None:
        users = heads.groupBy(MODEL, USER_ID).agg(*_named(filled))
        return users.select(MODEL, USER_ID, at_each_k(lengths, _sufficient))
    of_item = history.groupBy(ITEM_ID).agg(F.count(F.lit(1)).alias(_HAD))
    everybody = F.broadcast(history.agg(F.count_distinct(USER_ID).alias(_EVERYBODY)))
    own = history.join(of_item, ITEM_ID).groupBy(USER_ID).agg(F.avg(_HAD).alias(_OWN))
    sums = {}
    for k in lengths:
        here = F.col(RANK) <= k
        sums[f"log_{k}"] = F.sum(F.when(here, F.log2(F.greatest(_HAD, F.lit(1)))))
        sums[f"had_{k}"] = F.sum(F.when(here, F.col(_HAD)))
    places = heads.join(of_item, ITEM_ID, "left").fillna(0, [_HAD])
    users = places.groupBy(MODEL, USER_ID).agg(*_named(filled | sums)).join(own, USER_ID, "left").crossJoin(everybody)

    def metrics(k: int) -> dict[str, Column]:
        places_filled = F.nullif(F.col(f"filled_{k}"), F.lit(0))
        had = F.col(f"had_{k}") / places_filled
        return _sufficient(k) | {
            "novelty": F.log2(_EVERYBODY) - F.col(f"log_{k}") / places_filled,
            "popularity": had / F.col(_EVERYBODY),
            "popularity_lift": had / F.col(_OWN) - 1,
        }

    return users.select(MODEL, USER_ID, at_each_k(lengths, metrics))


def at_each_k(lengths: Sequence[int], metrics: Callable[[int], Mapping[str, Column]]) -> Column:
    """Turns one row into one for each k: k int, and the columns of `metrics(k)`."""
    return F.inline(F.array(*[F.struct(F.lit(k).alias(K), *_named(metrics(k))) for k in lengths]))


def _sufficient(k: int) -> dict[str, Column]:
    return {"sufficient": (F.col(f"filled_{k}") >= k).cast("double")}


def _named(columns: Mapping[str, Column]) -> list[Column]:
    return [column.alias(name) for name, column in columns.items()]

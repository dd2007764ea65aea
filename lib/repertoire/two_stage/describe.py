"""A row for each candidate with all of its features: of the user, of the item, and of both."""

import datetime as dt
from collections.abc import Sequence
from dataclasses import replace

from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from repertoire.candidates.co_visits import co_visits
from repertoire.declared_features import OF_CONTEXT, OF_ITEMS, OF_USERS, Feature, of_candidates
from repertoire.features.item_arrays import item_arrays
from repertoire.features.pair_features import build_pair_features
from repertoire.two_stage.known import Known
from repertoire.vocabulary import ITEM_ID, USER_ID

_OF_USER, _OF_ITEM, _OF_CONTEXT = "user_", "item_", "context_"


def ranking_features(sources: Sequence[str]) -> list[Feature]:
    """The features of a candidate, in their order; those of users, items and context have a word before their names."""
    return [
        *of_candidates(sources),
        *(_named(_OF_ITEM, one) for one in OF_ITEMS),
        *(_named(_OF_USER, one) for one in OF_USERS),
        *(_named(_OF_CONTEXT, one) for one in OF_CONTEXT),
    ]


def describe(proposals: DataFrame, known: Known, sources: Sequence[str]) -> DataFrame:
    """user_id, item_id, source, reason and `ranking_features(sources)` of each candidate, as of the cutoff of what is known.

    proposals: user_id, item_id, source, score, rank, reason. The driver and each Python worker hold of the items what pairs need.
    """
    visits = co_visits(known.interactions)
    arrays = item_arrays(known.interactions, known.items, visits, most_mb=known.most_mb)
    pairs = build_pair_features(proposals, known.interactions, arrays, cutoff=known.cutoff, sources=sources)
    described = with_features(pairs, known.user_features, known.item_features)
    return described.withColumns({_OF_CONTEXT + name: F.lit(value) for name, value in _context(known.cutoff).items()})


def with_features(pairs: DataFrame, of_users: DataFrame, of_items: DataFrame) -> DataFrame:
    """Rows of candidates with what is known of their users and items; null where nothing is."""
    users = of_users.select(USER_ID, *(F.col(one.name).alias(_OF_USER + one.name) for one in OF_USERS))
    items = of_items.select(ITEM_ID, *(F.col(one.name).alias(_OF_ITEM + one.name) for one in OF_ITEMS))
    return pairs.join(items, ITEM_ID, "left").join(users, USER_ID, "left")


def _context(cutoff: dt.datetime) -> dict[str, str]:
    """OF_CONTEXT of the lists that are made at a cutoff, the midnight at which their day begins."""
    return {"weekday": str(cutoff.isoweekday()), "month": str(cutoff.month)}


def _named(word: str, feature: Feature) -> Feature:
    return replace(feature, name=word + feature.name)

"""A row for each candidate with all of its features: of the user, of the item, and of both."""

from collections.abc import Sequence

from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from repertoire.declared_features import OF_ITEMS, OF_USERS, Feature
from repertoire.features.item_arrays import item_arrays
from repertoire.features.item_features import build_item_features
from repertoire.features.pair_features import build_pair_features, pair_features
from repertoire.features.user_features import build_user_features
from repertoire.frames.materialise import materialise
from repertoire.two_stage.world import World
from repertoire.vocabulary import ITEM_ID, USER_ID

_OF_USER, _OF_ITEM = "user_", "item_"


def ranking_features(sources: Sequence[str]) -> list[Feature]:
    """The features of a candidate, in their order; those of users and of items have a word before their names."""
    return [
        *pair_features(sources),
        *(_named(_OF_ITEM, one) for one in OF_ITEMS),
        *(_named(_OF_USER, one) for one in OF_USERS),
    ]


def describe(world: World, proposals: DataFrame, interactions: DataFrame, sources: Sequence[str]) -> DataFrame:
    """user_id, item_id, source, reason and `ranking_features(sources)` of each candidate, as of the world's cutoff.

    proposals: user_id, item_id, source, score, rank, reason; interactions: the table, of that cutoff. Features of users and
    items are materialised; the driver and each Python worker hold those of items that pairs need.
    """
    arrays = item_arrays(interactions, world.items, most_mb=world.features.max_item_table_mb)
    pairs = build_pair_features(proposals, interactions, arrays, cutoff=world.cutoff, sources=sources)
    of_items = build_item_features(
        interactions, world.events, world.items, cutoff=world.cutoff, settings=world.features
    )
    of_users = build_user_features(
        interactions,
        world.events,
        world.users,
        world.items,
        cutoff=world.cutoff,
        zone=world.zone,
        settings=world.features,
    )
    return with_features(
        pairs,
        materialise(of_users, f"{world.scratch}/user_features"),
        materialise(of_items, f"{world.scratch}/item_features"),
    )


def with_features(pairs: DataFrame, of_users: DataFrame, of_items: DataFrame) -> DataFrame:
    """Rows of candidates with what is known of their users and items; null where nothing is."""
    users = of_users.select(USER_ID, *(F.col(one.name).alias(_OF_USER + one.name) for one in OF_USERS))
    items = of_items.select(ITEM_ID, *(F.col(one.name).alias(_OF_ITEM + one.name) for one in OF_ITEMS))
    return pairs.join(items, ITEM_ID, "left").join(users, USER_ID, "left")


def _named(word: str, feature: Feature) -> Feature:
    return Feature(word + feature.name, feature.of, feature.kind, feature.meaning, feature.window)

"""Makes the tables of features of a world's cutoff."""

from pyspark.sql import DataFrame

from repertoire.features.interactions import build_interactions
from repertoire.features.item_features import build_item_features
from repertoire.features.user_features import build_user_features
from repertoire.frames.materialise import materialise
from repertoire.two_stage.known import Known
from repertoire.two_stage.world import World


def interactions_at(world: World) -> DataFrame:
    """The table of the world's cutoff, materialised."""
    built = build_interactions(world.events, cutoff=world.cutoff, settings=world.features)
    return materialise(built.frame, f"{world.scratch}/interactions")


def known_at(world: World, interactions: DataFrame) -> Known:
    """interactions: `interactions_at` the same world. Nothing at or after its cutoff has a part in what is made."""
    of_users = build_user_features(
        interactions,
        world.events,
        world.users,
        world.items,
        cutoff=world.cutoff,
        zone=world.zone,
        settings=world.features,
    )
    of_items = build_item_features(
        interactions, world.events, world.items, cutoff=world.cutoff, settings=world.features
    )
    return Known(
        cutoff=world.cutoff,
        interactions=interactions,
        user_features=materialise(of_users, f"{world.scratch}/user_features"),
        item_features=materialise(of_items, f"{world.scratch}/item_features"),
        items=world.items,
        most_mb=world.features.max_item_table_mb,
    )

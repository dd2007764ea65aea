"""What was known when lists were made, from the tables, as the metrics want it."""

from pyspark.sql import DataFrame

from repertoire.evaluation.background import Background
from repertoire.evaluation.segments import user_segments
from repertoire.settings import EvaluationSettings
from repertoire.vocabulary import ITEM_ID


def background_of(
    interactions: DataFrame,
    history: DataFrame,
    evaluated: DataFrame,
    settings: EvaluationSettings,
    *,
    items: DataFrame | None,
    users: DataFrame | None,
) -> Background:
    """interactions: the table, as of then; its items, and those of `items`, are the catalogue. history: user_id, item_id of
    what was consumed. evaluated: user_id of those who are judged by. items, users: these tables as valid on the day, or
    None."""
    known = interactions.select(ITEM_ID)
    if items is not None:
        known = known.unionByName(items.select(ITEM_ID))  # some may have been proposed before anybody wanted them
    return Background(
        history=history,
        tags=None if items is None else items.select(ITEM_ID, "tags").where("tags IS NOT NULL"),
        catalogue_size=known.distinct().count(),
        segments=user_segments(evaluated, history, settings.cold_below, users, [] if users is None else settings.by),
    )

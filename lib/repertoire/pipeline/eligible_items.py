"""Which items may be shown on a day."""

import datetime as dt

from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from repertoire.pipeline.stage import Inputs
from repertoire.pipeline.valid_on import valid_on
from repertoire.tables import INTERACTIONS, ITEMS
from repertoire.vocabulary import ITEM_ID


def eligible_items(inputs: Inputs, day: dt.date) -> DataFrame | None:
    """One column item_id: items that are not unavailable and not to be released later.

    An item of which the catalogue says nothing may be shown; None where there is no catalogue, so that all may be.
    """
    if not inputs.has(ITEMS):
        return None
    catalogue = valid_on(inputs.frame(ITEMS), day)
    released = F.col("released").isNull() | (F.col("released") <= F.lit(day))
    barred = catalogue.where(~(F.coalesce("available", F.lit(True)) & released))
    known = inputs.frame(INTERACTIONS).select(ITEM_ID).unionByName(catalogue.select(ITEM_ID)).distinct()
    eligible = known.join(F.broadcast(barred.select(ITEM_ID)), ITEM_ID, "left_anti")
    # As large as the catalogue, and asked for by every model: computed once.
    return known.sparkSession.createDataFrame(eligible.toArrow())

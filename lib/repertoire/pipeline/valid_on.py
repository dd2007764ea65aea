"""What was known on a day, from tables that keep their history."""

import datetime as dt

from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from repertoire.pipeline.stage import Inputs
from repertoire.tables import Table


def valid_on(history: DataFrame, day: dt.date) -> DataFrame:
    """The rows of `items` or `users` that hold on a day: valid_from <= day < valid_to."""
    began = F.col("valid_from") <= F.lit(day)
    lasts = F.col("valid_to").isNull() | (F.col("valid_to") > F.lit(day))
    return history.where(began & lasts).drop("valid_from", "valid_to")


def known_on(inputs: Inputs, table: Table, day: dt.date) -> DataFrame | None:
    """What `items` or `users` say of a day; None where there is no such table."""
    return valid_on(inputs.frame(table), day) if inputs.has(table) else None

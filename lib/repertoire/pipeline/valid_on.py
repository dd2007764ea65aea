"""What was known on a day, from tables that keep their history."""

import datetime as dt

from pyspark.sql import DataFrame
from pyspark.sql import functions as F


def valid_on(history: DataFrame, day: dt.date) -> DataFrame:
    """The rows of `items` or `users` that hold on a day: valid_from <= day < valid_to."""
    began = F.col("valid_from") <= F.lit(day)
    lasts = F.col("valid_to").isNull() | (F.col("valid_to") > F.lit(day))
    return history.where(began & lasts).drop("valid_from", "valid_to")

"""Groups of users whose figures are given apart: newcomers, and those whom a column of the table `users` tells apart."""

from collections.abc import Sequence
from functools import reduce

from pyspark.sql import DataFrame, Window
from pyspark.sql import functions as F

from repertoire.evaluation.measurement import SEGMENT
from repertoire.vocabulary import USER_ID

COLD, WARM = "history=cold", "history=warm"
OTHERS = "other"
MOST_VALUES = 20


def user_segments(
    users: DataFrame, history: DataFrame | None, cold_below: int, attributes: DataFrame | None, columns: Sequence[str]
) -> DataFrame:
    """user_id, segment: for every user one row on the history, if there is one, and one for each of the columns.

    users: user_id, of those who are evaluated; no user twice. history: user_id, item_id of what was consumed; no pair
    twice. Users with fewer than `cold_below` items are `history=cold`, the others `history=warm`. attributes: user_id
    and the columns, no user twice. A column's segments are `column=value`; beyond the 20 values that most users have it
    is `column=other`, and without a value there is no segment.
    """
    found = []
    if history is not None:
        items = history.groupBy(USER_ID).agg(F.count(F.lit(1)).alias("items"))
        is_warm = F.coalesce(F.col("items"), F.lit(0)) >= cold_below
        segment = F.when(is_warm, WARM).otherwise(COLD).alias(SEGMENT)
        found.append(users.join(items, USER_ID, "left").select(USER_ID, segment))
    if attributes is not None:
        known = users.join(attributes.select(USER_ID, *columns), USER_ID)
        found += [_of_column(known, column) for column in columns]
    return reduce(DataFrame.unionByName, found)


def _of_column(known: DataFrame, column: str) -> DataFrame:
    filled = known.select(USER_ID, F.col(column).cast("string").alias("value")).where(F.col("value").isNotNull())
    counts = filled.groupBy("value").agg(F.count(F.lit(1)).alias("users"))
    place = F.row_number().over(Window.orderBy(F.desc("users"), "value"))
    largest = counts.select("value", (place <= MOST_VALUES).alias("named"))
    named = F.when(F.col("named"), F.col("value")).otherwise(OTHERS)
    segment = F.concat(F.lit(f"{column}="), named).alias(SEGMENT)
    return filled.join(F.broadcast(largest), "value").select(USER_ID, segment)

"""Lists from a file: who is shown what, at which rank."""

from collections.abc import Callable
from dataclasses import dataclass

from pyspark.sql import DataFrame, SparkSession, Window
from pyspark.sql import functions as F

from repertoire.errors import InputError
from repertoire.evaluation.checked_rows import GIVEN, check_rows, has_no_id
from repertoire.evaluation.table_files import read_table, readable
from repertoire.vocabulary import ITEM_ID, RANK, SCORE, USER_ID

_VALID, _SAME_ITEM, _SAME_RANK = "valid", "same_item", "same_rank"
_ROWS, _LAST, _RANKS, _FAULTS = "rows", "last", "ranks", "faults"

_LONGEST = 62  # ranks that have a bit of their own in a long
_ROWS_A_TASK = 500_000


@dataclass(frozen=True)
class Lists:
    """places: user_id, item_id, rank int; no item and no rank twice for a user. users: user_id, no user twice.
    empty_places: ranks that lists skip."""

    places: DataFrame
    users: DataFrame
    empty_places: int


def read_lists(spark: SparkSession, path: str, keep: Callable[[DataFrame], DataFrame]) -> Lists:
    """Reads user_id, item_id, and rank or score. Ranks are taken as they stand: positive integers, none twice for a user;
    only where there is no rank, the scores make it: highest first, ties by item_id.

    keep: caches a frame for as long as it is needed. Raises InputError where the file cannot be read, lacks a column,
    has a row without an id, a rank or score that is none, or an item or a rank twice in a list.
    """
    frame = read_table(spark, path, (USER_ID, ITEM_ID))
    rows = _ranked(frame, path)
    # Three columns of Parquet are read again in less time than a cache of them takes to fill.
    if RANK not in frame.columns or not all(file.endswith(".parquet") for file in frame.inputFiles()):
        rows = keep(rows)
    users = keep(_by_user(rows))
    with readable(path):
        (found,) = users.agg(
            F.sum(_ROWS).alias(_ROWS),
            F.sum(F.col(_LAST) - F.col(_ROWS)).alias("empty"),
            F.max(_LAST).alias(_LAST),
            F.bool_or((F.col(_FAULTS) > 0) | F.col(USER_ID).isNull()).alias(_FAULTS),
            F.bool_or(F.bit_count(_RANKS) != F.col(_ROWS)).alias(_SAME_RANK),
        ).collect()
    if not found[_ROWS]:
        raise InputError(f"{path}: there are no lists in it")
    suspect = found[_FAULTS] or found[_SAME_RANK] or found[_LAST] > _LONGEST
    if suspect or _has_equal_hashes(rows, found[_ROWS]):
        _check_each(rows, path)
    return Lists(rows.select(USER_ID, ITEM_ID, RANK), users.select(USER_ID), found["empty"])


def _ranked(frame: DataFrame, path: str) -> DataFrame:
    """user_id, item_id, given, rank int (null where it is not valid), valid."""
    order = next((name for name in (RANK, SCORE) if name in frame.columns), None)
    if order is None:
        raise InputError(
            f"{path}: neither a column rank nor a column score, so that the lists have no order. "
            f"Columns found: {', '.join(frame.columns)}."
        )
    given, number = F.col(order).cast("string").alias(GIVEN), F.col(order).try_cast("double").alias("number")
    rows = frame.select(F.col(USER_ID).cast("string"), F.col(ITEM_ID).cast("string"), given, number)
    if order == RANK:
        whole = (F.col("number") == F.floor("number")) & F.col("number").between(1, 2**31 - 1)
        rows = rows.withColumn(RANK, F.when(whole, F.col("number")).cast("int"))
        rows = rows.withColumn(_VALID, F.col(RANK).isNotNull())
    else:
        by_score = Window.partitionBy(USER_ID).orderBy(F.desc("number"), ITEM_ID)
        rows = rows.withColumn(_VALID, F.col("number").isNotNull() & ~F.isnan("number"))
        rows = rows.withColumn(RANK, F.row_number().over(by_score))
    return rows.drop("number")


def _by_user(rows: DataFrame) -> DataFrame:
    """What a glance at each list tells: a row a user moves, where lists lie together."""
    bit = F.when(F.col(RANK) <= _LONGEST, F.call_function("shiftleft", F.lit(1).cast("long"), F.col(RANK)))
    return rows.groupBy(USER_ID).agg(
        F.count(F.lit(1)).alias(_ROWS),
        F.coalesce(F.max(RANK), F.lit(0)).alias(_LAST),
        F.bit_or(bit).alias(_RANKS),
        F.count_if(~F.col(_VALID) | F.col(ITEM_ID).isNull()).alias(_FAULTS),
    )


def _has_equal_hashes(rows: DataFrame, count: int) -> bool:
    """Whether two rows may hold the same user and item. It is hardly ever said of lists in which that is not so, and 8
    bytes a row move, in tasks whose hash tables fit into the processor's cache."""
    hashes = rows.select(F.xxhash64(USER_ID, ITEM_ID).alias("hash"))
    twice = hashes.repartition(1 + count // _ROWS_A_TASK, "hash").groupBy("hash").count().where("count > 1")
    return not twice.isEmpty()


def _check_each(rows: DataFrame, path: str) -> None:
    """Raises InputError for the first fault there is, with an example."""
    above = F.lag(RANK).over(Window.partitionBy(USER_ID).orderBy(RANK))
    same_item = F.count(F.lit(1)).over(Window.partitionBy(USER_ID, ITEM_ID)) > 1
    looked_at = rows.withColumns({_SAME_RANK: F.coalesce(F.col(RANK) == above, F.lit(False)), _SAME_ITEM: same_item})
    faults = {
        "without a user_id or an item_id": has_no_id(),
        "whose rank is not 1, 2, 3, …, or whose score is no number": ~F.col(_VALID),
        "whose item is in the list more than once": F.col(_SAME_ITEM),
        "whose rank is in the list already": F.col(_SAME_RANK),
    }
    check_rows(looked_at, path, faults)

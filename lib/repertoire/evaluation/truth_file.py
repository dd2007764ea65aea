"""The truth from a file: what is relevant to whom, and how much."""

from collections.abc import Callable
from dataclasses import dataclass

from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F

from repertoire.errors import InputError
from repertoire.evaluation.checked_rows import GIVEN, check_rows, has_no_id
from repertoire.evaluation.ranking_metrics import GAIN
from repertoire.evaluation.table_files import read_table
from repertoire.vocabulary import ITEM_ID, USER_ID, VALUE

_VALID, _REPEATED = "valid", "repeated"


@dataclass(frozen=True)
class Truth:
    """relevant: user_id, item_id and, where gains differ, gain; no pair twice. users: user_id of those who have something
    relevant. repeated: rows beyond the first of a pair."""

    relevant: DataFrame
    users: DataFrame
    repeated: int


def read_truth(spark: SparkSession, path: str, keep: Callable[[DataFrame], DataFrame]) -> Truth:
    """Reads user_id, item_id and perhaps gain (or value in its stead), a number of 0 or more, where 0 is not relevant. Of
    a pair's gains the highest counts.

    keep: caches a frame for as long as it is needed. Raises InputError where the file cannot be read, lacks a column, has
    a row without an id or a gain that is none, or holds nothing relevant.
    """
    frame = read_table(spark, path, (USER_ID, ITEM_ID))
    source = next((name for name in (GAIN, VALUE) if name in frame.columns), None)
    given = F.lit("1") if source is None else F.col(source).cast("string")
    pairs = frame.select(F.col(USER_ID).cast("string"), F.col(ITEM_ID).cast("string"), given.alias(GIVEN))
    gain = F.col(GIVEN).try_cast("double")
    valid = F.coalesce((gain >= 0) & (gain < float("inf")), F.lit(False))
    by_pair = pairs.groupBy(USER_ID, ITEM_ID).agg(
        F.max(F.when(valid, gain)).alias(GAIN),
        F.every(valid).alias(_VALID),
        F.min(F.when(~valid, F.coalesce(GIVEN, F.lit("nothing")))).alias(GIVEN),
        (F.count(F.lit(1)) - 1).alias(_REPEATED),
    )
    kept = keep(by_pair)
    gains = F.when(F.col(GAIN) > 0, F.col(GAIN))
    found = check_rows(
        kept,
        path,
        {
            "without a user_id or an item_id": has_no_id(),
            "whose gain (or value) is no number of 0 or more": ~F.col(_VALID),
        },
        F.sum(_REPEATED).alias(_REPEATED),
        F.count(gains).alias("relevant"),
        (F.min(gains) < F.max(gains)).alias("graded"),
    )
    if not found["relevant"]:
        raise InputError(f"{path}: there are no relevant items in it")
    relevant = kept.where(F.col(GAIN) > 0).select(USER_ID, ITEM_ID, *([GAIN] if found["graded"] else []))
    return Truth(relevant, keep(relevant.select(USER_ID).distinct()), found[_REPEATED])

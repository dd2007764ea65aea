"""What `repertoire evaluate` may be told besides lists and truth: histories, catalogue and accounts, from files."""

from collections.abc import Callable, Sequence

from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F

from repertoire.errors import InputError, SettingsError
from repertoire.evaluation.background import Background
from repertoire.evaluation.segments import user_segments
from repertoire.evaluation.table_files import read_table, readable
from repertoire.vocabulary import ITEM_ID, USER_ID

Keep = Callable[[DataFrame], DataFrame]

_TAG_COLUMNS = ("tags", "genres", "category")


def read_background(
    spark: SparkSession,
    keep: Keep,
    everybody: DataFrame,
    *,
    history: str | None,
    items: str | None,
    users: str | None,
    by: Sequence[str],
    cold_below: int,
    catalogue_size: int | None,
) -> Background:
    """The background that the files give; see `evaluate_files` for their columns.

    keep: caches a frame for as long as it is needed. everybody: user_id of all who are evaluated; no user twice.
    Raises InputError where a file cannot be read, lacks a column, has a row without an id or an id twice, and
    SettingsError where `by` names columns and no file of users is given.
    """
    if by and users is None:
        raise SettingsError(f"--by {','.join(by)} takes columns of a file of users: name it with --users PATH")
    had = None if history is None else keep(_pairs(read_table(spark, history, (USER_ID, ITEM_ID)), history))
    tags = None if items is None else keep(_tags(read_table(spark, items, (ITEM_ID,)), items))
    accounts = None
    if users is not None and by:
        found = read_table(spark, users, (USER_ID, *by)).withColumn(USER_ID, F.col(USER_ID).cast("string"))
        accounts = keep(found.select(USER_ID, *by))
        _check_ids(accounts, users, USER_ID, once=True)
    segments = None
    if had is not None:
        segments = user_segments(everybody, had, cold_below, accounts, by)
    elif accounts is not None:
        segments = user_segments(everybody, None, cold_below, accounts, by)
    return Background(had, tags, catalogue_size, None if segments is None else keep(segments))


def _pairs(frame: DataFrame, path: str) -> DataFrame:
    pairs = frame.select(F.col(USER_ID).cast("string"), F.col(ITEM_ID).cast("string"))
    _check_ids(pairs, path, USER_ID, ITEM_ID)
    return pairs.distinct()


def _tags(frame: DataFrame, path: str) -> DataFrame:
    name = next((one for one in _TAG_COLUMNS if one in frame.columns), None)
    if name is None:
        raise InputError(
            f"{path}: no column with what a work is like. Allowed: {', '.join(_TAG_COLUMNS)}. "
            f"Columns found: {', '.join(frame.columns)}."
        )
    column = F.col(name)
    if not dict(frame.dtypes)[name].startswith("array"):
        column = F.split(column.cast("string"), "[|,]")
    trimmed = F.filter(F.transform(column, lambda tag: F.trim(tag.cast("string"))), lambda tag: tag != "")
    tagged = frame.select(F.col(ITEM_ID).cast("string"), trimmed.alias("tags"))
    _check_ids(tagged, path, ITEM_ID, once=True)
    return tagged.where(F.col("tags").isNotNull())


def _check_ids(frame: DataFrame, path: str, *names: str, once: bool = False) -> None:
    """Raises InputError for a row without an id, and with `once` for an id that has several rows."""
    nothing = F.lit(False)
    for name in names:
        nothing = nothing | F.col(name).isNull()
    with readable(path):
        by_id = frame.groupBy(*names).agg(F.count(F.lit(1)).alias("rows"), F.bool_or(nothing).alias("nothing"))
        (found,) = by_id.agg(
            F.sum(F.when(F.col("nothing"), F.col("rows"))).alias("without"),
            F.min(F.when((F.col("rows") > 1) & ~F.col("nothing"), F.col(names[0]))).alias("twice"),
        ).collect()
    if found["without"]:
        raise InputError(f"{path}: {found['without']:,} rows without {' or '.join(names)}")
    if once and found["twice"] is not None:
        raise InputError(f"{path}: {names[0]} {found['twice']!r} has more than one row; one is allowed")

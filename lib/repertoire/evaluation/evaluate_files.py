"""`repertoire evaluate RECOMMENDATIONS TRUTH`: anyone's lists against anyone's truth, from two files or folders."""

from collections.abc import Iterable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from functools import reduce

from pyspark.sql import Column, DataFrame, Row, SparkSession, Window
from pyspark.sql import functions as F

from repertoire.errors import InputError, SettingsError
from repertoire.evaluation.background_files import read_background
from repertoire.evaluation.coverage import COVERAGE
from repertoire.evaluation.measure import measure
from repertoire.evaluation.measurement import Measurement
from repertoire.evaluation.ranking_metrics import GAIN
from repertoire.evaluation.table_files import read_table, readable
from repertoire.vocabulary import ITEM_ID, RANK, SCORE, USER_ID, VALUE

AGAINST = "against"
"""The name of the lists that others are compared with."""


@dataclass(frozen=True)
class FileEvaluation:
    """The figures, and what a sceptic asks about the input.

    users: in both files; users_without_list: in the truth only, counted with 0; lists_without_truth: counted for the
    coverage only; empty_places: ranks that lists skip, counted as misses; repeated_truth_rows: rows of the truth beyond
    the first of a pair, of which the highest gain counts.
    """

    measurements: list[Measurement]
    users: int
    users_without_list: int
    lists_without_truth: int
    empty_places: int
    repeated_truth_rows: int


def evaluate_files(
    spark: SparkSession,
    recommendations: str,
    truth: str,
    k: Iterable[int] = (5, 10, 20),
    *,
    against: str | None = None,
    history: str | None = None,
    items: str | None = None,
    users: str | None = None,
    by: Sequence[str] = (),
    cold_below: int = 5,
    catalogue_size: int | None = None,
    model: str = "recommendations",
) -> FileEvaluation:
    """Every metric of the lists, with intervals; `user_metrics`, `list_metrics` and `taste_metrics` have the
    definitions, `read_table` the formats.

    recommendations: user_id, item_id, and rank or score. Ranks are taken as they stand: positive integers, none twice
    for a user. A list may skip ranks, as where something was filtered out afterwards: the user saw a hole, so it is a
    miss, and nothing moves up. Only where there is no rank, the scores make it: highest first, ties by item_id.

    truth: user_id, item_id, and perhaps gain (or value in its stead), a number of 0 or more, where 0 is not relevant. A
    pair that occurs more than once, as in a log, is one relevant item with the highest of its gains. Where gains
    differ, there is graded_ndcg as well.

    against: other lists, as recommendations are. Their figures follow under the name "against", and then the differences
    "MODEL - against", paired by user, whose intervals tell whether they may be chance. The counts are about
    recommendations.

    history: user_id, item_id of what users had consumed before; repeated pairs count once. It gives novelty,
    popularity, popularity_lift and serendipity, and the figures of cold users, with fewer than `cold_below` items, and
    warm ones apart. items: item_id and tags (or genres, or category), text such as a|b or a list: diversity, and with a
    history miscalibration. users: user_id and the columns `by`, whose values' figures are given apart.

    Ids are compared as text. catalogue_size: how many items could have been recommended; without it there is no
    coverage, gini and auc.

    Raises InputError where a file cannot be read, lacks a column, has a row without an id, a rank, score or gain that
    is none, an item or a rank twice in a list; where no user is in both files; where the lists hold more items than the
    catalogue. Raises SettingsError for a k or catalogue_size below 1.
    """
    lengths = sorted(set(k))
    if not lengths or lengths[0] < 1:
        raise SettingsError(f"k takes one or more positive integers such as 5,10,20; received {lengths}")
    if catalogue_size is not None and catalogue_size < 1:
        raise SettingsError(f"the size of the catalogue must be a positive integer, received {catalogue_size}")
    paths = {model: recommendations} | ({AGAINST: against} if against is not None else {})
    with ExitStack() as stack:
        lists = {
            name: _kept(_lists(read_table(spark, path, (USER_ID, ITEM_ID)), path), stack)
            for name, path in paths.items()
        }
        relevant = _kept(_relevant(read_table(spark, truth, (USER_ID, ITEM_ID))), stack)
        skipped = F.sum(_SKIPPED).alias(_SKIPPED)
        in_lists = {name: _checked(one, paths[name], _list_faults(), skipped) for name, one in lists.items()}
        gains = F.when(F.col(GAIN) > 0, F.col(GAIN))
        spread = (F.min(gains) < F.max(gains)).alias("graded")
        in_truth = _checked(relevant, truth, _truth_faults(), F.sum(_REPEATED).alias(_REPEATED), spread)
        counted = {name: _users(one, paths[name], relevant, truth) for name, one in lists.items()}[model]
        gain = [GAIN] if in_truth["graded"] else []
        liked = relevant.where(F.col(GAIN) > 0).select(USER_ID, ITEM_ID, *gain)
        baselines = [AGAINST] if against is not None else []
        everybody = reduce(DataFrame.union, [one.select(USER_ID) for one in (*lists.values(), relevant)]).distinct()
        background = read_background(
            spark,
            lambda frame: _kept(frame, stack),
            everybody,
            history=history,
            items=items,
            users=users,
            by=by,
            cold_below=cold_below,
            catalogue_size=catalogue_size,
        )
        measurements = measure(lists, liked, lengths, background, baselines=baselines)
    if any(one.metric == COVERAGE and one.value is not None and one.value > 1 for one in measurements):
        raise InputError(
            f"{' or '.join(paths.values())} holds more items than the catalogue ({catalogue_size:,}). "
            "The size of the catalogue is the number of items that could have been recommended."
        )
    return FileEvaluation(
        measurements,
        users=counted["both"],
        users_without_list=counted["truth"] - counted["both"],
        lists_without_truth=counted["lists"] - counted["both"],
        empty_places=in_lists[model][_SKIPPED],
        repeated_truth_rows=in_truth[_REPEATED],
    )


def read_truth(spark: SparkSession, path: str) -> DataFrame:
    """user_id, item_id, gain of what is relevant, as `evaluate_files` reads a truth. Raises InputError as it does."""
    relevant = _relevant(read_table(spark, path, (USER_ID, ITEM_ID)))
    _checked(relevant, path, _truth_faults())
    return relevant.where(F.col(GAIN) > 0).select(USER_ID, ITEM_ID, GAIN)


# Columns for the checks: what stood in the file; whether it is what it should be; how many ranks a list skips just
# above; how many rows of a list have the item, or the rank; rows of the truth beyond a pair's first.
_GIVEN, _VALID, _SKIPPED = "given", "valid", "skipped"
_SAME_ITEM, _SAME_RANK, _REPEATED = "same_item", "same_rank", "repeated"


def _kept(frame: DataFrame, stack: ExitStack) -> DataFrame:
    """The frame, cached until the stack is left."""
    stack.callback(frame.unpersist)
    return frame.persist()


def _lists(frame: DataFrame, path: str) -> DataFrame:
    """user_id, item_id, rank int (null where it is not valid), and columns for the checks."""
    order = next((name for name in (RANK, SCORE) if name in frame.columns), None)
    if order is None:
        raise InputError(
            f"{path}: neither a column rank nor a column score, so that the lists have no order. "
            f"Columns found: {', '.join(frame.columns)}."
        )
    user = Window.partitionBy(USER_ID)
    given, number = F.col(order).cast("string").alias(_GIVEN), F.col(order).try_cast("double").alias("number")
    rows = frame.select(F.col(USER_ID).cast("string"), F.col(ITEM_ID).cast("string"), given, number)
    if order == RANK:
        rank = F.when((F.col("number") == F.floor("number")) & F.col("number").between(1, 2**31 - 1), F.col("number"))
        rows = rows.withColumn(RANK, rank.cast("int")).withColumn(_VALID, F.col(RANK).isNotNull())
    else:
        rows = rows.withColumn(_VALID, F.col("number").isNotNull() & ~F.isnan("number"))
        rows = rows.withColumn(RANK, F.row_number().over(user.orderBy(F.desc("number"), ITEM_ID)))
    above = F.coalesce(F.lag(RANK).over(user.orderBy(RANK)), F.lit(0))
    checks = {
        _SKIPPED: F.greatest(F.col(RANK) - above - 1, F.lit(0)),
        _SAME_RANK: F.col(RANK) == above,
        _SAME_ITEM: F.count(F.lit(1)).over(Window.partitionBy(USER_ID, ITEM_ID)) > 1,
    }
    return rows.drop("number").withColumns(checks)


def _relevant(frame: DataFrame) -> DataFrame:
    """user_id, item_id, gain double (null where it is not valid), and columns for the checks; no pair twice."""
    source = next((name for name in (GAIN, VALUE) if name in frame.columns), None)
    given = F.lit("1") if source is None else F.col(source).cast("string")
    pairs = frame.select(F.col(USER_ID).cast("string"), F.col(ITEM_ID).cast("string"), given.alias(_GIVEN))
    gain = F.col(_GIVEN).try_cast("double")
    valid = F.coalesce((gain >= 0) & (gain < float("inf")), F.lit(False))
    return pairs.groupBy(USER_ID, ITEM_ID).agg(
        F.max(F.when(valid, gain)).alias(GAIN),
        F.every(valid).alias(_VALID),
        F.min(F.when(~valid, F.coalesce(_GIVEN, F.lit("nothing")))).alias(_GIVEN),
        (F.count(F.lit(1)) - 1).alias(_REPEATED),
    )


def _list_faults() -> dict[str, Column]:
    return {
        "without a user_id or an item_id": F.col(USER_ID).isNull() | F.col(ITEM_ID).isNull(),
        "whose rank is not 1, 2, 3, …, or whose score is no number": ~F.col(_VALID),
        "whose item is in the list more than once": F.col(_SAME_ITEM),
        "whose rank is in the list already": F.col(_SAME_RANK),
    }


def _truth_faults() -> dict[str, Column]:
    return {
        "without a user_id or an item_id": F.col(USER_ID).isNull() | F.col(ITEM_ID).isNull(),
        "whose gain (or value) is no number of 0 or more": ~F.col(_VALID),
    }


def _checked(frame: DataFrame, path: str, faults: Mapping[str, Column], *further: Column) -> Row:
    """Looks for the faults and computes `further` aggregates in one job, which also fills the frame's cache.

    Raises InputError for the first fault that occurs, with its count and an example.
    """
    example = F.struct(USER_ID, ITEM_ID, _GIVEN)
    counts = [F.count_if(fault).alias(f"count {what}") for what, fault in faults.items()]
    examples = [F.min(F.when(fault, example)).alias(f"example {what}") for what, fault in faults.items()]
    with readable(path):
        (found,) = frame.agg(*counts, *examples, *further).collect()
    for what in faults:
        if count := found[f"count {what}"]:
            user, item, given = found[f"example {what}"]
            raise InputError(f"{path}: rows {what}: {count:,}, such as user {user!r}, item {item!r}: {given!r}")
    return found


def _users(lists: DataFrame, recommendations: str, relevant: DataFrame, truth: str) -> Row:
    """How many users are in both, in the lists, and in the truth with something relevant."""
    sides = lists.select(USER_ID, F.lit(True).alias("listed"), F.lit(False).alias("true"))
    sides = sides.unionByName(
        relevant.where(F.col(GAIN) > 0).select(USER_ID, F.lit(False).alias("listed"), F.lit(True).alias("true"))
    )
    of_user = sides.groupBy(USER_ID).agg(F.bool_or("listed").alias("listed"), F.bool_or("true").alias("true"))
    (found,) = of_user.agg(
        F.count_if(F.col("listed") & F.col("true")).alias("both"),
        F.count_if("listed").alias("lists"),
        F.count_if("true").alias("truth"),
        F.min(F.when(F.col("listed"), F.col(USER_ID))).alias("a_listed"),
        F.min(F.when(F.col("true"), F.col(USER_ID))).alias("a_true"),
    ).collect()
    for path, count, what in ((recommendations, found["lists"], "lists"), (truth, found["truth"], "relevant items")):
        if count == 0:
            raise InputError(f"{path}: there are no {what} in it")
    if found["both"] == 0:
        raise InputError(
            f"{recommendations} and {truth} have no user in common. Users are {found['a_listed']!r} and so on in the "
            f"one, {found['a_true']!r} and so on in the other: is it the same column of ids?"
        )
    return found

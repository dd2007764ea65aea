"""`repertoire evaluate RECOMMENDATIONS TRUTH`: anyone's lists against anyone's truth, from two files or folders."""

from collections.abc import Iterable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from functools import reduce

from pyspark.sql import DataFrame, Row, SparkSession
from pyspark.sql import functions as F

from repertoire.errors import InputError, SettingsError
from repertoire.evaluation.background_files import read_background
from repertoire.evaluation.coverage import COVERAGE
from repertoire.evaluation.list_file import Lists, read_lists
from repertoire.evaluation.measure import measure
from repertoire.evaluation.measurement import Measurement
from repertoire.evaluation.truth_file import Truth, read_truth
from repertoire.vocabulary import USER_ID

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

        def keep(frame: DataFrame) -> DataFrame:
            stack.callback(frame.unpersist)
            return frame.persist()

        files = {name: read_lists(spark, path, keep) for name, path in paths.items()}
        judged = read_truth(spark, truth, keep)
        counted, *_ = [_users(files[name], paths[name], judged, truth) for name in files]
        listed = [one.users for one in files.values()]
        background = read_background(
            spark,
            keep,
            reduce(DataFrame.union, [*listed, judged.users]).distinct(),
            history=history,
            items=items,
            users=users,
            by=by,
            cold_below=cold_below,
            catalogue_size=catalogue_size,
        )
        lists = {name: one.places for name, one in files.items()}
        baselines = [AGAINST] if against is not None else []
        measurements = measure(lists, judged.relevant, lengths, background, baselines=baselines)
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
        empty_places=files[model].empty_places,
        repeated_truth_rows=judged.repeated,
    )


def _users(lists: Lists, recommendations: str, judged: Truth, truth: str) -> Row:
    """How many users are in both, in the lists, and in the truth with something relevant."""
    sides = lists.users.withColumn("listed", F.lit(True)).join(
        judged.users.withColumn("true", F.lit(True)), USER_ID, "full"
    )
    (found,) = sides.agg(
        F.count_if(F.col("listed") & F.col("true")).alias("both"),
        F.count("listed").alias("lists"),
        F.count("true").alias("truth"),
        F.min(F.when(F.col("listed"), F.col(USER_ID))).alias("a_listed"),
        F.min(F.when(F.col("true"), F.col(USER_ID))).alias("a_true"),
    ).collect()
    if found["both"] == 0:
        raise InputError(
            f"{recommendations} and {truth} have no user in common. Users are {found['a_listed']!r} and so on in the "
            f"one, {found['a_true']!r} and so on in the other: is it the same column of ids?"
        )
    return found

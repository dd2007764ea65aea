"""What many users of the same segment like, as factors: one a segment, of which a user has one."""

from typing import Any

from pyspark.sql import Column, DataFrame, Window
from pyspark.sql import functions as F

from repertoire import vocabulary as v
from repertoire.candidates.item_factors import FACTORS, ITEM_FACTORS
from repertoire.candidates.masked_top_k import PROPOSALS
from repertoire.candidates.propose_by_factors import top_k_for
from repertoire.candidates.recommender import FittedModel, Fitting, Recommender, Request
from repertoire.candidates.votes import vote
from repertoire.errors import SettingsError, unknown_name

USER_SEGMENTS = "user_segments"
SEGMENT = "segment"
_USER_SEGMENTS = f"{v.USER_ID} string, {SEGMENT} string"
_NUMBER, _VOTES, _SHARE = "number", "votes", "share"


def fit(fitting: Fitting) -> FittedModel:
    """Factor s of an item: the decayed number of users of segment s with strength above 0, over the segment's highest.

    A segment is a combination of the columns in candidates.popular.segment_by, such as DE/25-34. Users who lack one of
    them have none, nor do those of a segment in which fewer than min_segment_users wanted anything. Raises
    SettingsError if the table `users` has no such column.
    """
    settings = fitting.settings.popular
    segmented = _segmented(fitting)
    if segmented.isEmpty():
        return _of_nobody(fitting)
    wanted = fitting.interactions.where(F.col(v.STRENGTH) > 0).join(segmented, v.USER_ID)
    segments, items = _large_segments(wanted, settings.min_segment_users)
    numbered = F.broadcast(fitting.spark.createDataFrame(list(enumerate(segments)), f"{_NUMBER} int, {SEGMENT} string"))
    votes = (
        wanted.join(numbered, SEGMENT)
        .groupBy(v.ITEM_ID, _NUMBER)
        .agg(F.sum(vote(fitting.as_of, settings)).alias(_VOTES))
    )
    most = F.greatest(F.max(_VOTES).over(Window.partitionBy(_NUMBER)), F.lit(1))
    share = (F.col(_VOTES) / most).cast("float")
    by_number = F.map_from_entries(F.collect_list(F.struct(_NUMBER, _SHARE)))
    none = F.lit(0.0).cast("float")
    factors = F.transform(_numbers(len(segments)), lambda number: F.coalesce(by_number[number], none))
    return FittedModel(
        name=v.POPULAR_IN_SEGMENT,
        tables={
            ITEM_FACTORS: votes.withColumn(_SHARE, share).groupBy(v.ITEM_ID).agg(factors.alias(FACTORS)),
            USER_SEGMENTS: segmented.join(numbered, SEGMENT).select(v.USER_ID, SEGMENT),
        },
        metadata=_metadata(fitting, segments, items),
    )


def _of_nobody(fitting: Fitting) -> FittedModel:
    """The model where no user has a segment."""
    none = fitting.spark.createDataFrame
    return FittedModel(
        name=v.POPULAR_IN_SEGMENT,
        tables={
            ITEM_FACTORS: none([], f"{v.ITEM_ID} string, {FACTORS} array<float>"),
            USER_SEGMENTS: none([], _USER_SEGMENTS),
        },
        metadata=_metadata(fitting, [], 0),
    )


def _metadata(fitting: Fitting, segments: list[str], items: int) -> dict[str, Any]:
    return {
        "parameters": fitting.settings.popular.model_dump(),
        "as_of": fitting.as_of.isoformat(),
        "segments": segments,
        "items": items,
        "factors": len(segments),
    }


def propose(model: FittedModel, request: Request) -> DataFrame:
    """Proposals (see `Recommender`) for the users who have a segment; no item that nobody of the segment wanted."""
    segments = model.metadata["segments"]
    if not segments:
        return request.spark.createDataFrame([], PROPOSALS)
    number = F.array_position(F.lit(segments), F.col(SEGMENT)) - 1
    one_hot = F.transform(_numbers(len(segments)), lambda each: (each == number).cast("float"))
    users = (
        model.tables[USER_SEGMENTS]
        .join(request.users, v.USER_ID, "left_semi")
        .select(v.USER_ID, one_hot.alias(FACTORS), F.concat(F.lit("popular_in:"), SEGMENT).alias(v.REASON))
    )
    proposals = top_k_for(users, model, request, explain=False, alike=v.REASON)
    return proposals.where(F.col(v.SCORE) > 0)


def _segmented(fitting: Fitting) -> DataFrame:
    """user_id, segment: of all users who have every column that makes one."""
    columns = fitting.settings.popular.segment_by
    users = fitting.users
    if users is None or not columns:
        return fitting.spark.createDataFrame([], _USER_SEGMENTS)
    for column in columns:
        if column not in users.columns:
            raise SettingsError(
                f"candidates.popular.segment_by: {unknown_name('column of users', column, users.columns)}"
            )
    return users.dropna(subset=columns).select(v.USER_ID, F.concat_ws("/", *columns).alias(SEGMENT))


def _large_segments(wanted: DataFrame, least_users: int) -> tuple[list[str], int]:
    """The segments with enough users, sorted, and the number of items that anybody in a segment wanted."""
    # One query for both: the row that rollup adds is over all segments.
    counted = wanted.rollup(SEGMENT).agg(
        F.grouping(SEGMENT).alias("all"),
        F.count_distinct(v.USER_ID).alias("users"),
        F.count_distinct(v.ITEM_ID).alias("items"),
    )
    rows = counted.where((F.col("all") == 1) | (F.col("users") >= least_users)).collect()
    segments = sorted(row[SEGMENT] for row in rows if not row["all"])
    return segments, sum(row["items"] for row in rows if row["all"])


def _numbers(segments: int) -> Column:
    return F.sequence(F.lit(0), F.lit(max(segments, 1) - 1))


POPULAR_IN_SEGMENT = Recommender(name=v.POPULAR_IN_SEGMENT, fit=fit, propose=propose)

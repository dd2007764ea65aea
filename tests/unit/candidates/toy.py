"""Small interactions, fittings and requests for tests of candidate models."""

import datetime as dt
from pathlib import Path

from pyspark.sql import DataFrame, SparkSession

from repertoire.candidates.recommender import Fitting, Request
from repertoire.settings import CandidateSettings

DAY = dt.date(2026, 3, 31)
COLUMNS = (
    "user_id string, item_id string, strength double, negative double, events bigint, seen boolean, "
    "first_ts timestamp, last_ts timestamp, event_types array<string>"
)
Pair = tuple  # user_id, item_id[, strength[, negative[, seen[, last_ts[, event_types]]]]]


def interactions(spark: SparkSession, pairs: list[Pair]) -> DataFrame:
    """Rows of the table: by default of strength 1, not refused, seen, untimed, of a log with one type of events."""
    rows = []
    defaults = (None, None, 1.0, 0.0, True, None, None)
    for pair in pairs:
        user, item, strength, negative, seen, last, types = pair + defaults[len(pair) :]
        rows.append((user, item, float(strength), float(negative), 1, seen, last, last, types))
    return spark.createDataFrame(rows, COLUMNS)


def at(days: float) -> dt.datetime:
    """The moment so many days before the end of DAY."""
    return dt.datetime(2026, 4, 1, tzinfo=dt.UTC) - dt.timedelta(days=days)


def fitting(
    frame: DataFrame,
    scratch: Path,
    settings: CandidateSettings,
    users: DataFrame | None = None,
    items: DataFrame | None = None,
    seed: int = 1,
) -> Fitting:
    return Fitting(
        spark=frame.sparkSession,
        interactions=frame,
        users=users,
        items=items,
        as_of=DAY,
        seed=seed,
        scratch=str(scratch),
        settings=settings,
    )


def request(
    frame: DataFrame,
    settings: CandidateSettings,
    users: list[str],
    k: int,
    eligible: list[str] | None = None,
) -> Request:
    spark = frame.sparkSession
    return Request(
        spark=spark,
        users=spark.createDataFrame([(user,) for user in users], "user_id string"),
        interactions=frame,
        eligible=None if eligible is None else spark.createDataFrame([(item,) for item in eligible], "item_id string"),
        k=k,
        settings=settings,
    )


def proposals(frame: DataFrame) -> list[tuple]:
    """user_id, item_id, score, rank, reason, in the order of user and rank."""
    return sorted((tuple(row) for row in frame.collect()), key=lambda row: (row[0], row[3]))


def factors(frame: DataFrame) -> dict[str, list[float]]:
    """id → factors."""
    return {row[0]: row[1] for row in frame.collect()}

"""What a ranker may know of users and works: the tables of features as of one cutoff, and what a run of that day left."""

import datetime as dt
from dataclasses import dataclass

from pyspark.sql import DataFrame


@dataclass(frozen=True)
class Known:
    """cutoff: the moment. interactions, user_features, item_features: the tables, of events before it; all are read more than
    once. items: the catalogue, or None. most_mb: what a Python worker may hold of it, features.max_item_table_mb."""

    cutoff: dt.datetime
    interactions: DataFrame
    user_features: DataFrame
    item_features: DataFrame
    items: DataFrame | None
    most_mb: int


@dataclass(frozen=True)
class Night:
    """What a run of an earlier day left: proposals, the table `candidates`; known: as of that day's end."""

    proposals: DataFrame
    known: Known

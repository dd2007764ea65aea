"""What every candidate model is: something that is fitted on interactions and proposes items for users.

A new model is one file beside `als.py`, one settings class, and one line in `registry.py`.
"""

import datetime as dt
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import PurePosixPath
from typing import Any

from pyspark.sql import DataFrame, SparkSession

from repertoire.settings import CandidateSettings


@dataclass(frozen=True)
class FittedModel:
    """A fitted model: an immutable value that is saved as Parquet tables with metadata beside them.

    tables: name → frame; every frame names its users and items by their own ids, so that a model can be rebuilt and
    people can be erased from it. metadata: JSON values (parameters, sizes, seconds).
    """

    name: str
    tables: Mapping[str, DataFrame]
    metadata: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Fitting:
    """What a model is fitted on.

    interactions: columns of the table `interactions` (user_id, item_id, strength, negative, seen, last_ts, …), one row
    a pair; users, items: these tables as valid on the day, or None; as_of: the run's date, whose end is the cutoff;
    scratch: a folder for checkpoints and materialised input; previous: gives the newest model of that name that an earlier
    date's run has fitted, or None; say: tells the user one line.
    """

    spark: SparkSession
    interactions: DataFrame
    users: DataFrame | None
    items: DataFrame | None
    as_of: dt.date
    seed: int
    scratch: PurePosixPath | str
    settings: CandidateSettings
    previous: Callable[[str], FittedModel | None] = lambda name: None
    say: Callable[[str], None] = lambda text: None


@dataclass(frozen=True)
class Request:
    """Whom a model should propose what.

    users: one column user_id, no user twice; interactions: as in Fitting (gives seen items and history);
    eligible: one column item_id, the only items that may be proposed, or None for all that the model knows;
    k: items per user at most.
    """

    spark: SparkSession
    users: DataFrame
    interactions: DataFrame
    eligible: DataFrame | None
    k: int
    settings: CandidateSettings


@dataclass(frozen=True)
class Recommender:
    """A candidate model's two functions.

    fit gives a FittedModel. propose gives user_id string, item_id string, score double (6 digits), rank int (1 is
    best), reason string: for every user of the request that the model knows, at most k items, best first, ties by
    item_id, none that the user has seen (unless settings.include_seen), none that is not eligible, none twice.
    A user whom the model does not know has no rows. reads_items: whether, with those settings, it learns from the catalogue.
    """

    name: str
    fit: Callable[[Fitting], FittedModel]
    propose: Callable[[FittedModel, Request], DataFrame]
    reads_items: Callable[[CandidateSettings], bool] = lambda settings: False

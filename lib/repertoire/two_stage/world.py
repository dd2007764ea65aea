"""What a second stage works on: the log up to a moment, what is known of people and works, and the settings."""

import datetime as dt
from collections.abc import Callable
from dataclasses import dataclass, replace
from zoneinfo import ZoneInfo

from pyspark.sql import DataFrame, SparkSession

from repertoire.settings import CandidateSettings, FeatureSettings, RankerSettings
from repertoire.two_stage.known import Night


@dataclass(frozen=True)
class World:
    """events: the table; users, items: these tables as valid on the day, or None. as_of: the day; cutoff: the moment that ends
    it, in `zone`. candidates.models are the sources. scratch: a folder; say: tells the user one line. impressions: the table,
    or None where nothing was logged of what was shown. night: what a run of a day left, or None."""

    spark: SparkSession
    events: DataFrame
    users: DataFrame | None
    items: DataFrame | None
    as_of: dt.date
    cutoff: dt.datetime
    zone: ZoneInfo
    seed: int
    scratch: str
    features: FeatureSettings
    candidates: CandidateSettings
    ranker: RankerSettings
    say: Callable[[str], None] = lambda text: None
    impressions: DataFrame | None = None
    night: Callable[[dt.date], Night | None] = lambda day: None

    def before(self, days: int, folder: str) -> "World":
        """The same world so many days earlier; what happened since is still among its events, and is for the caller to leave
        out."""
        back = dt.timedelta(days=days)
        return replace(self, as_of=self.as_of - back, cutoff=self.cutoff - back, scratch=f"{self.scratch}/{folder}")

"""Which events a backtest learns from and which it judges by, as settings say."""

import datetime as dt
from dataclasses import dataclass

from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from repertoire.evaluation.leave_last_split import leave_last
from repertoire.evaluation.split import Split
from repertoire.evaluation.temporal_split import split_at
from repertoire.evaluation.user_hash_split import hold_back
from repertoire.settings import EvaluationSettings
from repertoire.vocabulary import EVENT_DATE, EVENT_TS


@dataclass(frozen=True)
class ChosenSplit:
    """words: the split for a person. cutoff, day: the moment and the run_date as of which is learnt."""

    words: str
    split: Split
    cutoff: dt.datetime
    day: dt.date


def known_before(events: DataFrame, cutoff: dt.datetime, as_of: dt.date) -> DataFrame:
    """The events that a run of the day `as_of`, which ends at the cutoff, may see."""
    untimed = F.col(EVENT_TS).isNull() & (F.col(EVENT_DATE) <= F.lit(as_of))
    return events.where((F.col(EVENT_TS) < F.lit(cutoff)) | untimed)


def choose_split(
    known: DataFrame, settings: EvaluationSettings, *, cutoff: dt.datetime, as_of: dt.date, seed: int
) -> ChosenSplit:
    """known: the events to split, as `known_before` gives them. One query where settings.split is auto."""
    split = settings.split
    if split == "auto":
        split = "global_time" if _mostly_timed(known) else "user_hash"
    if split == "global_time":
        days = dt.timedelta(days=settings.holdout_days)
        words = f"the last {settings.holdout_days} days, from {cutoff - days:%Y-%m-%d} on, held back"
        return ChosenSplit(words, split_at(known, cutoff - days, keep_untimed=True), cutoff - days, as_of - days)
    if split == "leave_last":
        n = settings.leave_last
        return ChosenSplit(f"each user's last {n} works held back", leave_last(known, n), cutoff, as_of)
    words = f"{settings.holdout_share:.0%} of each user's works held back by hash"
    return ChosenSplit(words, hold_back(known, share=settings.holdout_share, seed=seed), cutoff, as_of)


def _mostly_timed(events: DataFrame) -> bool:
    timed = events.agg(F.avg(F.col(EVENT_TS).isNotNull().cast("double"))).first()
    return bool(timed and timed[0] is not None and timed[0] >= 0.5)

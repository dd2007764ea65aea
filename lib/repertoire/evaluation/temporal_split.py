"""The split that resembles the nightly job: learn from what was before a moment, judge by what came after.

One cutoff for all users: a cutoff of each user's own lets a model learn from others' futures (Ji, Sun, Zhang and Li
2023, "A Critical Study on Data Leakage in Recommender System Offline Evaluation").
"""

import datetime as dt

from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from repertoire.evaluation.split import Split
from repertoire.vocabulary import EVENT_DATE, EVENT_TS


def split_at(events: DataFrame, cutoff: dt.datetime, *, keep_untimed: bool = False) -> Split:
    """Events with event_ts before `cutoff` to learn from; those at or after it to judge by.

    events: event_ts timestamp (may be null), event_date date. cutoff: with its time zone, that in which event_date is
    counted.

    An event without a time cannot be placed, so it is on neither side. With `keep_untimed` it counts as of its
    event_date, the day of its ingestion: those of days before the cutoff's day are learnt from; the others are left
    out, because nothing says that they happened after the cutoff rather than before.

    Raises ValueError for a cutoff without a time zone.
    """
    if cutoff.tzinfo is None:
        raise ValueError(f"the cutoff {cutoff} has no time zone")
    train = F.col(EVENT_TS) < F.lit(cutoff)
    if keep_untimed:
        train = train | (F.col(EVENT_TS).isNull() & (F.col(EVENT_DATE) < F.lit(cutoff.date())))
    return Split(train=events.where(train), holdout=events.where(F.col(EVENT_TS) >= F.lit(cutoff)))

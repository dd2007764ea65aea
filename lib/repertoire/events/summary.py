"""What the driver must know of a batch of typed rows before anything is written: counts, days, values."""

import datetime as dt
from collections import Counter
from dataclasses import dataclass

from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from repertoire.events.read_rows import FILE
from repertoire.events.validate import RULE
from repertoire.vocabulary import EVENT_DATE, EVENT_TS, EVENT_TYPE, VALUE


@dataclass(frozen=True)
class Summary:
    """read: rows by file. rejected: rows by (file, rule). The rest is about the rows that broke no rule.

    pieces: in how many pieces the days lie: one for each task and day of which that task has rows. tasks: how many read.
    """

    read: Counter[str]
    rejected: Counter[tuple[str, str]]
    rows_by_day: Counter[dt.date]
    pieces: int
    tasks: int
    untimed: int
    untyped: int
    greatest_untyped: float | None
    untyped_on_scale: bool

    @property
    def sound(self) -> int:
        """Rows that broke no rule."""
        return self.read.total() - self.rejected.total()


def summarise(typed: DataFrame) -> Summary:
    """Runs one aggregation over the rows; what reaches the driver grows with files, rules and days only."""
    good = F.col(RULE).isNull()
    value = F.when(F.col(EVENT_TYPE).isNull(), F.col(VALUE))
    day = F.when(good, F.col(EVENT_DATE)).alias(EVENT_DATE)
    groups = (
        typed.withColumn("task", F.spark_partition_id())
        .groupBy(FILE, RULE, day)
        .agg(
            F.count("*").alias("rows"),
            F.size(F.collect_set("task")).alias("pieces"),
            F.max("task").alias("last_task"),
            F.count_if(F.col(EVENT_TS).isNull()).alias("untimed"),
            F.count_if(F.col(EVENT_TYPE).isNull()).alias("untyped"),
            F.max(value).alias("greatest"),
            F.count_if((value > 10) | (value * 2 != F.floor(value * 2))).alias("off_scale"),
        )
        .collect()
    )
    sound = [group for group in groups if group[RULE] is None]
    read: Counter[str] = Counter()
    rejected: Counter[tuple[str, str]] = Counter()
    rows_by_day: Counter[dt.date] = Counter()
    for group in groups:
        read[group[FILE]] += group["rows"]
        if group[RULE] is not None:
            rejected[group[FILE], group[RULE]] += group["rows"]
        else:
            rows_by_day[group[EVENT_DATE]] += group["rows"]
    return Summary(
        read=read,
        rejected=rejected,
        rows_by_day=rows_by_day,
        pieces=sum(group["pieces"] for group in sound),
        tasks=1 + max((group["last_task"] for group in groups), default=0),
        untimed=sum(group["untimed"] for group in sound),
        untyped=sum(group["untyped"] for group in sound),
        greatest_untyped=max((group["greatest"] for group in sound if group["greatest"] is not None), default=None),
        untyped_on_scale=not any(group["off_scale"] for group in sound),
    )

"""What the driver must know of a batch of typed rows of a log before anything is written: counts, days, values."""

import datetime as dt
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from pyspark.sql import Column, DataFrame, Row
from pyspark.sql import functions as F

from repertoire.events.counts import RowCounts, count_rows
from repertoire.events.read_rows import FILE
from repertoire.events.rules import RULE
from repertoire.vocabulary import EVENT_DATE, EVENT_TS


@dataclass(frozen=True)
class Summary:
    """counts: of all rows. The rest is about the rows that broke no rule.

    pieces: in how many pieces the days lie: one for each task and day of which that task has rows. tasks: how many read.
    totals: a row for each file and day, with what was asked for.
    """

    counts: RowCounts
    rows_by_day: Counter[dt.date]
    pieces: int
    tasks: int
    untimed: int
    totals: tuple[Row, ...]


def summarise(typed: DataFrame, asked: Sequence[Column] = ()) -> Summary:
    """Runs one aggregation over the rows; what reaches the driver grows with files, rules and days only.

    asked: further aggregates to find in `totals`.
    """
    day = F.when(F.col(RULE).isNull(), F.col(EVENT_DATE)).alias(EVENT_DATE)
    groups = (
        typed.withColumn("task", F.spark_partition_id())
        .groupBy(FILE, RULE, day)
        .agg(
            F.count("*").alias("rows"),
            F.size(F.collect_set("task")).alias("pieces"),
            F.max("task").alias("last_task"),
            F.count_if(F.col(EVENT_TS).isNull()).alias("untimed"),
            *asked,
        )
        .collect()
    )
    sound = [group for group in groups if group[RULE] is None]
    rows_by_day: Counter[dt.date] = Counter()
    for group in sound:
        rows_by_day[group[EVENT_DATE]] += group["rows"]
    return Summary(
        counts=count_rows(groups, FILE, RULE),
        rows_by_day=rows_by_day,
        pieces=sum(group["pieces"] for group in sound),
        tasks=1 + max((group["last_task"] for group in groups), default=0),
        untimed=sum(group["untimed"] for group in sound),
        totals=tuple(sound),
    )

"""Numbers the rows, and sends each to the worker that trains on it, without passing the driver."""

from dataclasses import dataclass

import numpy as np
from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

from repertoire.learning.network.streams import Streams

INDEX, NUMBERS, CODES, LABEL, WEIGHT, HELD = "index", "numbers", "codes", "label", "weight", "held"
_IN_PARTITION = (1 << 33) - 1  # the bits of monotonically_increasing_id that count within a partition


@dataclass(frozen=True)
class RowCounts:
    """Rows to learn from and held-out rows, in each partition."""

    learnt: list[int]
    held: list[int]

    @property
    def rows(self) -> int:
        return sum(self.learnt)

    @property
    def held_rows(self) -> int:
        return sum(self.held)


def count_rows(frame: DataFrame) -> RowCounts:
    """Runs one job, which reads the column `held` alone."""
    partition = F.spark_partition_id().alias("partition")
    found = frame.groupBy(partition, _held().alias(HELD)).count().collect()
    partitions = 1 + max((row["partition"] for row in found), default=-1)
    learnt, held = [0] * partitions, [0] * partitions
    for row in found:
        (held if row[HELD] else learnt)[row["partition"]] = row["count"]
    return RowCounts(learnt, held)


def placed_rows(frame: DataFrame, counts: RowCounts, streams: Streams) -> DataFrame:
    """index, numbers, codes, label, weight, held; partition w holds the rows of worker w, in no order.

    index: among the rows to learn from, or among those held out, in the order of the frame.
    """
    learnt = _numbered(frame.where(~_held()), counts.learnt)
    worker = F.floor(F.col(INDEX) % streams.batch_size / streams.share)
    placed = learnt.withColumn("worker", worker.cast("int"))
    if counts.held_rows:
        held = _numbered(frame.where(_held()), counts.held)
        placed = placed.union(held.withColumn("worker", (F.col(INDEX) % streams.workers).cast("int")))
    return placed.repartitionById(streams.workers, "worker").drop("worker")


def _held() -> Column:
    return F.coalesce(HELD, F.lit(False))


def _numbered(frame: DataFrame, counts: list[int]) -> DataFrame:
    # An id that is not deterministic keeps filters, and so the rows that it counts, where they are.
    before = F.lit(np.cumsum([0, *counts[:-1]]).astype(np.int64))
    index = F.get(before, F.spark_partition_id()) + F.monotonically_increasing_id().bitwiseAND(F.lit(_IN_PARTITION))
    return frame.select(
        index.alias(INDEX),
        F.col(NUMBERS).cast("array<float>").alias(NUMBERS),
        F.col(CODES).cast("array<int>").alias(CODES),
        F.col(LABEL).cast("int").alias(LABEL),
        F.col(WEIGHT).cast("float").alias(WEIGHT),
        _held().alias(HELD),
    )

"""What MLlib's ALS needs in memory, and what Spark has: told before it starts rather than by a dead executor."""

import re
from dataclasses import dataclass

from pyspark.sql import SparkSession

from repertoire.errors import RepertoireError

_INT, _FLOAT, _DOUBLE = 4, 4, 8
_RESERVED = 300 * 2**20  # what Spark itself lives on


@dataclass(frozen=True)
class AlsSize:
    """What the estimate follows from. tasks: how many run at once in all."""

    pairs: int
    users: int
    items: int
    rank: int
    user_blocks: int
    item_blocks: int
    tasks: int


@dataclass(frozen=True)
class AlsMemory:
    """Estimated bytes, over all executors: an order of magnitude, meant to refuse the hopeless."""

    blocks: int
    factors: int
    messages: int
    equations: int

    @property
    def total(self) -> int:
        return _RESERVED + self.blocks + self.factors + self.messages + self.equations

    @classmethod
    def of(cls, size: AlsSize) -> "AlsMemory":
        """blocks: the ratings (two ids and a value), both sides' in-blocks (an encoded id and a value) and out-blocks
        (an id for every block that a factor is sent to); factors: both sides, the last and the next;
        messages: each running task holds the other side's factors, received and decoded; equations: an upper triangle
        and a right side in doubles, one that is built and one that is solved, a task.
        """
        vectors = size.users + size.items
        triangle = size.rank * (size.rank + 1) // 2 + size.rank
        sent = min(size.pairs, size.users * size.item_blocks) + min(size.pairs, size.items * size.user_blocks)
        return cls(
            blocks=size.pairs * (2 * _INT + _FLOAT) + 2 * size.pairs * (_INT + _FLOAT) + sent * _INT,
            factors=2 * vectors * size.rank * _FLOAT,
            messages=2 * size.tasks * max(size.users, size.items) * size.rank * _FLOAT,
            equations=2 * size.tasks * triangle * _DOUBLE,
        )


def memory_of(spark: SparkSession) -> int:
    """Bytes of heap that Spark's tasks have: the driver's in local mode, else the executors' together."""
    if _is_local(spark):
        return bytes_of(_conf(spark, "spark.driver.memory", "1g"))
    return bytes_of(_conf(spark, "spark.executor.memory", "1g")) * _executors(spark)


def refuse_if_too_large(spark: SparkSession, size: AlsSize, share: float) -> AlsMemory:
    """The estimate. Raises RepertoireError where it exceeds `share` of what Spark has."""
    needed, has = AlsMemory.of(size), memory_of(spark)
    if needed.total > share * has:
        more = "spark.driver_memory" if _is_local(spark) else "spark.executor.memory or the number of executors"
        raise RepertoireError(
            f"ALS needs about {_mb(needed.total)} MB: {_mb(needed.blocks)} for {size.pairs:,} pairs in blocks, "
            f"{_mb(needed.factors)} for the factors of {size.users:,} users and {size.items:,} items at rank "
            f"{size.rank}, {_mb(needed.messages)} for the factors that {size.tasks} tasks receive, "
            f"{_mb(needed.equations)} for their equations. Spark has {_mb(has)} MB, of which "
            f"candidates.als.refuse_memory_share allows {share:g}. "
            f"Raise {more}, or lower candidates.als.rank."
        )
    return needed


def _is_local(spark: SparkSession) -> bool:
    return _conf(spark, "spark.master", "").startswith("local")


def _executors(spark: SparkSession) -> int:
    dynamic = _conf(spark, "spark.dynamicAllocation.enabled", "false") == "true"
    asked = _conf(spark, "spark.dynamicAllocation.maxExecutors" if dynamic else "spark.executor.instances", "")
    if asked and int(asked) < 2**31 - 1:
        return int(asked)
    # A standalone master hands out cores: then the default parallelism is all that there are.
    return max(1, spark.sparkContext.defaultParallelism // int(_conf(spark, "spark.executor.cores", "1")))


def _conf(spark: SparkSession, key: str, otherwise: str) -> str:
    return spark.conf.get(key, otherwise) or otherwise


def bytes_of(size: str) -> int:
    """Bytes of a Java memory size such as 4g or 512m; a bare number counts MiB, as Spark has it."""
    match = re.fullmatch(r"(\d+)([kmgt]?)b?", size.strip().lower())
    if match is None:
        raise RepertoireError(f'"{size}" is not a memory size such as 4g or 512m')
    number, unit = match.groups()
    return int(number) * 1024 ** " kmgt".index(unit or "m")


def _mb(count: int) -> str:
    return f"{count / 2**20:,.0f}"

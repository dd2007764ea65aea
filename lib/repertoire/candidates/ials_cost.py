"""What a fit of implicit ALS takes, before it is begun; how the coefficients were measured is in docs/scaling.md."""

import math
from dataclasses import dataclass
from pathlib import Path

from pyspark.sql import SparkSession

_CORE_SECONDS = 4e-10  # for a pair, a factor and a pass over the pairs
_PREPARATION = 8e-7  # core seconds for a pair

_BASE = 2**30  # Java and Python with nothing to do
_IN_ONE_TASK = 58  # bytes a pair: read, coded, sorted by user
_SPREAD = 44  # bytes a pair: in the shuffle, in blocks that are cached twice, in the workers
_PART = 4_000_000 * _IN_ONE_TASK  # what a worker reads at once

_PAIRS_OF_A_TASK = 5_000_000  # 300 MB: within the memory that executors leave to Python by default
_SHARE = 0.5  # of the memory that is free on this machine


@dataclass(frozen=True)
class IalsSize:
    """tasks: 1, or so many at once, spread. cores: of all tasks together."""

    pairs: int
    items: int
    rank: int
    blocks: int
    tasks: int
    cores: int

    @property
    def bytes(self) -> int:
        """About the most that all processes together hold, Java and Python."""
        matrices = self.items * self.rank * 4 * (round(math.log2(self.blocks)) + 8)
        if self.tasks == 1:
            return _BASE + _IN_ONE_TASK * self.pairs + matrices
        return _BASE + _SPREAD * self.pairs + self.tasks * (matrices + _PART)

    def seconds(self, iterations: int, steps: int) -> float:
        """About how long: each half of an iteration passes over the pairs once, and once more for each step."""
        passes = 2 * (1 + steps) * iterations + 1 + steps
        return self.pairs * (_PREPARATION + _CORE_SECONDS * self.rank * passes) / max(1, self.cores)


def pairs_of_one_task(spark: SparkSession) -> int:
    """How many pairs one task has memory for: a share of what is free in local mode, few where it is an executor's."""
    meminfo = Path("/proc/meminfo")
    if not (spark.sparkContext.master or "").startswith("local") or not meminfo.exists():
        return _PAIRS_OF_A_TASK
    (free,) = (line.split()[1] for line in meminfo.read_text().splitlines() if line.startswith("MemAvailable"))
    return max(_PAIRS_OF_A_TASK, int(_SHARE * int(free) * 1024 / _IN_ONE_TASK))

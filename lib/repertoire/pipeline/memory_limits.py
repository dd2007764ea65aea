"""How much memory a session's driver and executors may take."""

from dataclasses import dataclass
from typing import Any

from pyspark.sql import SparkSession

_LEAST_OVERHEAD = "384m"
_OVERHEAD_SHARE, _OVERHEAD_SHARE_KUBERNETES = "0.1", "0.4"  # the latter is that of programs in Python


@dataclass(frozen=True)
class MemoryLimits:
    """Bytes. driver_heap, executor_heap: of the JVMs. executor: of all processes of one executor together, above which
    YARN or Kubernetes kills it; None where nobody does."""

    driver_heap: int
    executor_heap: int
    executor: int | None


def memory_limits(spark: SparkSession) -> MemoryLimits:
    """The limits of a running session, by its configuration and Spark's defaults."""
    jvm: Any = spark._jvm
    conf, master = spark.sparkContext.getConf(), str(spark.sparkContext.master)

    def size(name: str, default: str) -> int:
        """In mebibytes, as Spark reads a number without a unit."""
        return int(jvm.org.apache.spark.network.util.JavaUtils.byteStringAsMb(conf.get(name, default)))

    driver = int(jvm.java.lang.Runtime.getRuntime().maxMemory())
    if master.startswith("local"):
        return MemoryLimits(driver, driver, None)
    heap = size("spark.executor.memory", "1g")
    if not master.startswith(("yarn", "k8s")):
        return MemoryLimits(driver, heap * 2**20, None)
    share = _OVERHEAD_SHARE_KUBERNETES if master.startswith("k8s") else _OVERHEAD_SHARE
    factor = float(conf.get("spark.executor.memoryOverheadFactor", share) or share)
    least = size("spark.executor.minMemoryOverhead", _LEAST_OVERHEAD)
    overhead = size("spark.executor.memoryOverhead", f"{max(int(heap * factor), least)}m")
    off_heap = 0
    if conf.get("spark.memory.offHeap.enabled", "false") == "true":
        off_heap = int(jvm.org.apache.spark.network.util.JavaUtils.byteStringAsBytes(
            conf.get("spark.memory.offHeap.size", "0")
        )) // 2**20  # fmt: skip
    python = size("spark.executor.pyspark.memory", "0")
    return MemoryLimits(driver, heap * 2**20, (heap + overhead + off_heap + python) * 2**20)

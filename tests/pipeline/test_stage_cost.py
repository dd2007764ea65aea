"""What a stage cost: Spark's accounts of its own jobs and of no others."""

from collections.abc import Callable, Iterator
from types import SimpleNamespace
from typing import Any

import pytest
from pyspark.sql import SparkSession
from pyspark.sql import functions as F

from repertoire.pipeline.memory_limits import memory_limits
from repertoire.pipeline.stage_cost import CostMeter

MIB = 2**20


@pytest.fixture
def in_group(spark: SparkSession) -> Iterator[Callable[[str], None]]:
    yield lambda group: spark.sparkContext.setJobGroup(group, "measured")
    spark.sparkContext.setLocalProperty("spark.jobGroup.id", None)


def shuffle(spark: SparkSession, rows: int) -> None:
    spark.range(0, rows, 1, 2).groupBy((F.col("id") % 10).alias("k")).count().collect()


def test_a_stage_is_charged_with_its_own_jobs(spark: SparkSession, in_group: Callable[[str], None]) -> None:
    meter = CostMeter(spark)
    in_group("first")
    shuffle(spark, 1000)
    in_group("second")
    meter.start("second")
    shuffle(spark, 1000)
    in_group("other")
    shuffle(spark, 1000)
    cost = meter.read()
    # Adaptive execution makes the shuffle a job of its own; what it wrote stands there for the second job.
    assert (cost.spark_jobs, cost.spark_stages, cost.tasks, cost.failed_tasks) == (2, 2, 3, 0)
    assert cost.shuffle_written_bytes == cost.shuffle_read_bytes > 0
    assert (cost.input_bytes, cost.output_bytes, cost.spilled_bytes) == (0, 0, 0)
    # Spark counts a task's run time in whole milliseconds, rounded down, and its CPU time in nanoseconds.
    assert cost.executor_seconds + 0.001 * cost.tasks >= cost.cpu_seconds > 0
    assert cost.application_id == spark.sparkContext.applicationId
    assert 0 < cost.driver_heap_bytes <= cost.driver_heap_limit_bytes
    assert (cost.driver_python_bytes or 0) > 10 * MIB
    assert cost.complete
    meter.start("third")
    idle = meter.read()
    assert (idle.spark_jobs, idle.tasks, idle.executor_heap_bytes, idle.complete) == (0, 0, None, True)


def test_failed_attempts_and_spark_s_forgetting_are_told(spark: SparkSession, in_group: Callable[[str], None]) -> None:
    meter = CostMeter(spark)
    in_group("failing")
    meter.start("failing")
    with pytest.raises(Exception, match="no such luck"):
        spark.range(1).select(F.raise_error(F.lit("no such luck"))).collect()
    cost = meter.read()
    assert (cost.failed_tasks, cost.complete) == (1, True)
    meter._jobs_before -= 100_000  # as if so many jobs had run since: Spark keeps the newest 1,000
    assert not meter.read().complete


def test_reading_a_cost_starts_no_spark_job(spark: SparkSession, jobs_of: Callable[[Callable[[], Any]], int]) -> None:
    meter = CostMeter(spark)
    meter.start("group")
    assert jobs_of(meter.read) == 0


@pytest.mark.parametrize(
    ("master", "conf", "executor"),
    [
        ("yarn", {"spark.executor.memory": "4g"}, 4096 + 409),
        ("yarn", {}, 1024 + 384),
        ("yarn", {"spark.executor.memory": "4g", "spark.executor.memoryOverhead": "2g"}, 6144),
        ("yarn", {"spark.executor.pyspark.memory": "512m", "spark.executor.memoryOverheadFactor": "0.5"}, 2048),
        (
            "yarn",
            {"spark.memory.offHeap.enabled": "true", "spark.memory.offHeap.size": "1g", "spark.executor.memory": "1g"},
            1024 + 384 + 1024,
        ),
        ("k8s://https://host", {"spark.executor.memory": "4g"}, 4096 + 1638),
        ("spark://host:7077", {"spark.executor.memory": "4g"}, None),
    ],
)
def test_how_much_an_executor_may_take(
    spark: SparkSession, master: str, conf: dict[str, str], executor: int | None
) -> None:
    asked = SimpleNamespace(_jvm=spark._jvm, sparkContext=SimpleNamespace(master=master, getConf=lambda: conf))
    limits = memory_limits(asked)  # type: ignore[arg-type]
    assert limits.executor == (None if executor is None else executor * MIB)
    heap = 4096 if conf.get("spark.executor.memory") == "4g" else 1024
    assert limits.executor_heap == heap * MIB
    assert memory_limits(spark).executor is None

"""Marks the lines of Spark's own log with the run and the stage, on the driver and on executors."""

from typing import Any

from pyspark.sql import SparkSession


def mark_logs(spark: SparkSession, run_id: str, stage: str) -> None:
    """From here on tasks log with run_id and stage in their context (MDC), and so does what the driver does in the
    calling thread; conf/spark/log4j2-cluster.properties shows them."""
    jvm: Any = spark._jvm
    for name, value in (("run_id", run_id), ("stage", stage)):
        spark.sparkContext.setLocalProperty(f"mdc.{name}", value)
        jvm.org.slf4j.MDC.put(f"mdc.{name}", value)

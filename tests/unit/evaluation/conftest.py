"""What the tests of the evaluation share."""

import uuid
from collections.abc import Callable
from typing import Any

import pytest
from pyspark.sql import SparkSession


@pytest.fixture
def jobs_of(spark: SparkSession) -> Callable[[Callable[[], Any]], int]:
    """How many Spark jobs a piece of work starts."""

    def count(work: Callable[[], Any]) -> int:
        context, group = spark.sparkContext, str(uuid.uuid4())
        context.setJobGroup(group, "counted")
        try:
            work()
        finally:
            context.setLocalProperty("spark.jobGroup.id", None)
        context._jsc.sc().listenerBus().waitUntilEmpty()
        return len(context.statusTracker().getJobIdsForGroup(group))

    return count

"""One small Spark session for all tests, the count of its jobs, and which tests --quick runs."""

import os
import sys
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from pyspark.sql import SparkSession

from repertoire.session import start_session
from repertoire.settings import SparkSettings

_CLUSTER = Path(__file__).with_name("cluster")
# Their tests start processes.
_WITH_RUNS = tuple(Path(__file__).with_name(name) for name in ("airflow", "cluster", "pipeline"))


@pytest.fixture(scope="session")
def spark() -> Iterator[SparkSession]:
    os.environ["PYSPARK_PYTHON"] = sys.executable
    session = start_session(
        SparkSettings(
            master="local[2]",
            driver_memory="2g",
            shuffle_partitions=2,
            # What is small is over before the JVM's second compiler has made it fast. The first one alone has room for little.
            java_options="-XX:TieredStopAtLevel=1 -XX:ReservedCodeCacheSize=240m",
            conf={"spark.sql.codegen.cache.maxEntries": "5000"},
        ),
        app="repertoire-tests",
    )
    yield session
    session.stop()


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


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--quick", action="store_true", help="leave out what needs Spark, but for the tests marked quick")
    parser.addoption("--cluster", action="store_true", help="also the tests on a real cluster, half an hour of them")


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    quick, cluster = config.getoption("--quick"), config.getoption("--cluster")
    left_out = [item for item in items if (quick and _is_slow(item)) or (not cluster and item.path.parent == _CLUSTER)]
    config.hook.pytest_deselected(items=left_out)
    items[:] = [item for item in items if item not in left_out]


def _is_slow(item: pytest.Item) -> bool:
    """Whether a test needs Spark and is not marked quick."""
    needs_spark = "spark" in getattr(item, "fixturenames", ()) or item.path.parent in _WITH_RUNS
    return needs_spark and item.get_closest_marker("quick") is None

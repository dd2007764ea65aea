"""One small Spark session for all tests, and which of them --quick runs."""

import os
import sys
from collections.abc import Iterator

import pytest
from pyspark.sql import SparkSession

from repertoire.session import start_session
from repertoire.settings import SparkSettings


@pytest.fixture(scope="session")
def spark() -> Iterator[SparkSession]:
    os.environ["PYSPARK_PYTHON"] = sys.executable
    session = start_session(
        SparkSettings(master="local[2]", driver_memory="2g", shuffle_partitions=2), app="repertoire-tests"
    )
    yield session
    session.stop()


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--quick", action="store_true", help="leave out what needs Spark, but for the tests marked quick")


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    if not config.getoption("--quick"):
        return
    left_out = [item for item in items if _needs_spark(item) and item.get_closest_marker("quick") is None]
    config.hook.pytest_deselected(items=left_out)
    items[:] = [item for item in items if item not in left_out]


def _needs_spark(item: pytest.Item) -> bool:
    return "spark" in getattr(item, "fixturenames", ()) or "pipeline" in item.path.parent.parts

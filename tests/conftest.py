"""One small Spark session for all tests."""

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

"""A small shop's logs, and a warehouse in which the job has run once."""

import datetime as dt

import pytest
from pyspark.sql import SparkSession

from repertoire.demo import generate
from repertoire.store import Warehouse
from tests.pipeline.nightly import Logs, run_here, settings_for

LAST_DAY = dt.date(2026, 3, 1)


@pytest.fixture(scope="session")
def logs(tmp_path_factory: pytest.TempPathFactory) -> Logs:
    made = generate(tmp_path_factory.mktemp("shop"), seed=3, users=120, items=60, days=14, last_day=LAST_DAY)
    return Logs(made.events, made.items, made.users)


@pytest.fixture(scope="session")
def finished(logs: Logs, spark: SparkSession, tmp_path_factory: pytest.TempPathFactory) -> Warehouse:
    """To be read only."""
    folder = tmp_path_factory.mktemp("finished") / "warehouse"
    return run_here(spark, settings_for(logs, folder), LAST_DAY)

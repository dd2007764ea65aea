"""A small shop's logs, a warehouse in which the job has run once, and the command as a person types it."""

import datetime as dt
from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import Result
from pyspark.sql import SparkSession
from typer.testing import CliRunner

from repertoire.cli.main import app
from repertoire.demo import generate
from repertoire.store import Warehouse
from tests.pipeline.nightly import Logs, run_here, settings_for

LAST_DAY = dt.date(2026, 3, 1)

Command = Callable[..., Result]


@pytest.fixture(scope="session")
def logs(tmp_path_factory: pytest.TempPathFactory) -> Logs:
    made = generate(tmp_path_factory.mktemp("shop"), seed=3, users=120, items=60, days=14, last_day=LAST_DAY)
    return Logs(made.events, made.items, made.users)


@pytest.fixture(scope="session")
def finished(logs: Logs, spark: SparkSession, tmp_path_factory: pytest.TempPathFactory) -> Warehouse:
    """To be read only."""
    folder = tmp_path_factory.mktemp("finished") / "warehouse"
    return run_here(spark, settings_for(logs, folder), LAST_DAY)


@pytest.fixture
def repertoire(spark: SparkSession, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Command:
    """Runs the command in this process, on the tests' session."""
    monkeypatch.setattr("repertoire.cli.sessions.start_session", lambda *args, **options: spark)
    monkeypatch.setattr(spark, "stop", lambda: None)
    monkeypatch.chdir(tmp_path)

    def run(*arguments: object) -> Result:
        return CliRunner().invoke(app, [str(argument) for argument in arguments])

    return run

"""A small shop's logs, a warehouse in which the job has run once, and the command as a person types it."""

import contextlib
import datetime as dt
import gzip
import io
import re
from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import Result
from pyspark.sql import SparkSession
from typer.testing import CliRunner

from repertoire.cli.main import app
from repertoire.demo import generate
from repertoire.pipeline.json_progress import JsonProgress
from repertoire.store import Warehouse
from tests.pipeline.nightly import Logs, run_here, settings_for

LAST_DAY = dt.date(2026, 3, 1)
PEOPLE = "@people.example"

Command = Callable[..., Result]


@pytest.fixture(scope="session")
def logs(tmp_path_factory: pytest.TempPathFactory) -> Logs:
    """Every user is known by an address at PEOPLE, so that a test can see whether something names one."""
    made = generate(tmp_path_factory.mktemp("shop"), seed=3, users=120, items=60, days=14, last_day=LAST_DAY)
    for path in (*made.events.iterdir(), made.users):
        pack, unpack = (gzip.compress, gzip.decompress) if path.suffix == ".gz" else (bytes, bytes)
        path.write_bytes(pack(re.sub(rb"\bu\d{5}\b", rb"\g<0>" + PEOPLE.encode(), unpack(path.read_bytes()))))
    return Logs(made.events, made.items, made.users)


@pytest.fixture(scope="session")
def finished_run(logs: Logs, spark: SparkSession, tmp_path_factory: pytest.TempPathFactory) -> tuple[Warehouse, str]:
    folder = tmp_path_factory.mktemp("finished") / "warehouse"
    with contextlib.redirect_stderr(io.StringIO()) as told:
        warehouse = run_here(spark, settings_for(logs, folder), LAST_DAY, JsonProgress())
    return warehouse, told.getvalue()


@pytest.fixture(scope="session")
def finished(finished_run: tuple[Warehouse, str]) -> Warehouse:
    """To be read only."""
    return finished_run[0]


@pytest.fixture(scope="session")
def finished_log(finished_run: tuple[Warehouse, str]) -> str:
    """What that run said under run.log=json."""
    return finished_run[1]


@pytest.fixture
def repertoire(spark: SparkSession, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Command:
    """Runs the command in this process, on the tests' session."""
    monkeypatch.setattr("repertoire.cli.sessions.start_session", lambda *args, **options: spark)
    monkeypatch.setattr(spark, "stop", lambda: None)
    monkeypatch.chdir(tmp_path)

    def run(*arguments: object) -> Result:
        return CliRunner().invoke(app, [str(argument) for argument in arguments])

    return run

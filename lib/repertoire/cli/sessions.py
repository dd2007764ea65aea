"""Starts Spark when a command first needs it, and stops it when the command ends."""

import contextlib
import os
from collections.abc import Callable, Iterator

from pyspark.sql import SparkSession

from repertoire.session import start_session
from repertoire.settings import Settings
from repertoire.store.files import is_local


@contextlib.contextmanager
def lazy_session(settings: Settings, *, app: str, debug: bool = False) -> Iterator[Callable[[], SparkSession]]:
    """A function that gives the session, starting it at the first call."""
    started: list[SparkSession] = []
    if debug:
        os.environ["REPERTOIRE_LOG"] = "warn"

    def session() -> SparkSession:
        if not started:
            started.append(start_session(settings.spark, app=app, files_here=is_local(settings.run.warehouse)))
        return started[0]

    try:
        yield session
    finally:
        for spark in started:
            spark.stop()

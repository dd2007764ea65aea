"""The stage gives three tables; a log that is read once gets the features when a step asks for them, and not before."""

import datetime as dt
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace

import pyarrow as pa
from pyspark.sql import SparkSession
from tests.unit.features.feature_log import event, log

from repertoire.pipeline import build_features
from repertoire.pipeline.cutoff import cutoff_of
from repertoire.pipeline.one_shot import _OneShot
from repertoire.pipeline.progress import PlainProgress
from repertoire.pipeline.stage import Inputs, Outputs, RunContext, Stage
from repertoire.settings import Settings
from repertoire.store.frames import conform, empty_frame
from repertoire.tables import EVENTS, INTERACTIONS, ITEM_FEATURES, ITEMS, USER_FEATURES, USERS

DAY = dt.date(2024, 3, 9)
LOG = (event("u", "a", "view", 1), event("u", "b", "purchase", 2, 3.0), event("v", "a", "rating", 9, 4.0))


def inputs(spark: SparkSession) -> Inputs:
    """Events, a catalogue that held until yesterday and holds from today on, and no users."""
    items = spark.createDataFrame(
        [("a", "old", dt.date(2020, 1, 1), DAY), ("a", "new", DAY, None), ("c", "new", DAY, None)],
        "item_id string, category string, valid_from date, valid_to date",
    )
    frames = {
        "events": log(spark, *LOG),
        "items": empty_frame(spark, ITEMS).unionByName(items, allowMissingColumns=True),
        "users": empty_frame(spark, USERS),
    }
    nothing: dict[str, pa.Table] = {}
    versions = {"events": 1, "items": 1, "users": None}
    return Inputs(frames, nothing, nothing, lambda name: None, versions, lambda *_: None, lambda *_: None)  # type: ignore[arg-type, return-value]


def context(spark: SparkSession, scratch: Path, told: list[str]) -> RunContext:
    settings = Settings()
    cutoff = cutoff_of(DAY, settings.run.zone)
    now = dt.datetime(2024, 3, 10, 3, tzinfo=dt.UTC)
    return RunContext(spark, "run", DAY, cutoff, settings.run.zone, now, 42, str(scratch), told.append)


def test_the_stage_gives_its_three_tables(spark: SparkSession, tmp_path: Path) -> None:
    told: list[str] = []
    outputs = build_features.run(
        inputs(spark), SimpleNamespace(features=Settings().features), context(spark, tmp_path, told)
    )
    assert set(outputs.frames) == set(build_features.STAGE.writes) == {INTERACTIONS, USER_FEATURES, ITEM_FEATURES}
    rows = {table.name: conform(frame, table).collect() for table, frame in outputs.frames.items()}  # type: ignore[arg-type]
    assert {row["run_date"] for of_table in rows.values() for row in of_table} == {DAY}
    assert sorted(row["user_id"] for row in rows["user_features"]) == ["u", "v"]
    categories = {row["item_id"]: row["category"] for row in rows["item_features"]}
    assert categories == {"a": "new", "b": None, "c": "new"}
    assert told[-1] == "25 features of each user, 26 of each item"


def test_a_log_that_is_read_once_gets_features_on_demand(
    spark: SparkSession, tmp_path: Path, jobs_of: Callable[..., int]
) -> None:
    run = _OneShot(Settings(), lambda: spark, str(tmp_path), PlainProgress())
    events = log(spark, *LOG)
    run.frames["events"], run.last_day = events, DAY
    run.build_features()
    assert [path.name for path in Path(tmp_path, "made").iterdir()] == ["interactions"]
    reader = Stage("reader", "reads the features of items", lambda *_: Outputs(), reads=(ITEM_FEATURES, EVENTS))
    given, _ = run.given(reader)
    assert {row["item_id"] for row in given.frame(ITEM_FEATURES).collect()} == {"a", "b"}
    assert given.has(ITEM_FEATURES)
    assert jobs_of(lambda: run.given(reader)) == 0, "what was made is there"

"""Reviews and click logs without any events: taken in once, kept as tables, told apart from those that are there."""

import datetime as dt
from pathlib import Path
from typing import Any

import pytest
from pyspark.sql import SparkSession

from repertoire.errors import InputError, SettingsError
from repertoire.pipeline.ingest_events import check
from repertoire.settings import Settings, load_settings
from repertoire.store import Warehouse
from repertoire.tables import EVENTS, IMPRESSIONS, INGESTED_FILES, REJECTED_EVENTS, REVIEWS, Table
from tests.pipeline.nightly import SMALL, run_here

FRIDAY = dt.date(2024, 5, 31)
FINE = "i1,2024-05-31,5,fine\n"
REVIEW = "item_id,date,rating,text\n" + FINE
SLATE = "item_id,ts,position,click,age\ni1,2024-05-31T10:00:00Z,1,0,young\n"


def settings_for(folder: Path, *more: str) -> Settings:
    given = {"run.warehouse": "warehouse", "ingest.reviews": "reviews", "ingest.impressions": "slates"}
    places = [f"{name}={folder / place}" for name, place in given.items()]
    return load_settings(overrides=[*SMALL, *places, "ingest.context_columns=[age]", *more])


def rows(warehouse: Warehouse, table: Table, *columns: str) -> list[tuple[Any, ...]]:
    found = warehouse.tables.rows(table).to_pylist()
    return sorted((tuple(row[name] for name in columns) for row in found), key=str)


def test_reviews_and_impressions_need_no_events(spark: SparkSession, tmp_path: Path) -> None:
    for name, text in (("reviews", REVIEW), ("slates", SLATE)):
        (tmp_path / name).mkdir()
        (tmp_path / name / "friday.csv").write_text(text)
    settings = settings_for(tmp_path)
    warehouse = run_here(spark, settings, FRIDAY, last="ingest_events")
    assert rows(warehouse, REVIEWS, "item_id", "value", "text") == [("i1", 5.0, "fine")]
    assert rows(warehouse, IMPRESSIONS, "item_id", "position", "reward") == [("i1", 1, 0.0)]
    assert rows(warehouse, EVENTS, "item_id") == []

    (tmp_path / "reviews" / "saturday.csv").write_text(REVIEW + "i2,2024-06-01,1,bad\ni2,2024-06-01,1,\n" + FINE)
    (tmp_path / "slates" / "saturday.csv").write_text(SLATE + "i1,2024-05-31T10:00:00Z,1,0,old\ni1,,1,,old\n")
    saturday = FRIDAY + dt.timedelta(days=1)
    warehouse = run_here(spark, settings_for(tmp_path, "ingest.max_rejected_share=0.4"), saturday, last="ingest_events")
    assert rows(warehouse, REVIEWS, "item_id", "text") == [("i1", "fine"), ("i2", "bad")]
    assert [context for (context,) in rows(warehouse, IMPRESSIONS, "context")] == [[("age", "old")], [("age", "young")]]
    assert rows(warehouse, REJECTED_EVENTS, "rule", "raw") == [
        ("missing_reward", "i1,,1,,old"),
        ("missing_text", "i2,2024-06-01,1,"),
    ]
    counts = ("kind", "run_date", "rows_read", "rows_accepted", "rows_rejected", "rows_duplicate")
    assert rows(warehouse, INGESTED_FILES, *counts) == [
        ("impressions", FRIDAY, 1, 1, 0, 0),
        ("impressions", saturday, 3, 1, 1, 1),
        ("reviews", FRIDAY, 1, 1, 0, 0),
        ("reviews", saturday, 4, 1, 1, 2),
    ]


@pytest.mark.parametrize("kind", ["events", "reviews", "impressions"])
def test_one_log_of_any_kind_is_enough(tmp_path: Path, kind: str) -> None:
    (tmp_path / "log.csv").write_text("x\n")
    check(Settings.model_validate({"ingest": {kind: str(tmp_path / "log.csv")}}))  # type: ignore[arg-type]
    with pytest.raises(InputError, match=f'ingest.{kind}: there is no "/nowhere"'):
        check(Settings.model_validate({"ingest": {kind: "/nowhere"}}))  # type: ignore[arg-type]


def test_without_any_log_nothing_starts() -> None:
    with pytest.raises(SettingsError, match=r"ingest.events, ingest.reviews and ingest.impressions name no log"):
        check(Settings.model_validate({"ingest": {"items": "/nowhere"}}))  # type: ignore[arg-type]

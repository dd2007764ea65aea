"""Upkeep beside the nightly runs: what the ledger says, runs done again, rollbacks, and the names in the catalogue."""

import datetime as dt
import os
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from pyspark.sql import SparkSession

from repertoire.errors import SettingsError, TableError
from repertoire.pipeline import maintain_tables
from repertoire.pipeline.lease import utc_now
from repertoire.pipeline.ledger import Entry, Ledger
from repertoire.pipeline.rollback import roll_back
from repertoire.settings import MaintenanceSettings, PublicationSettings
from repertoire.store.catalog import register
from repertoire.tables import EVENTS, INTERACTIONS, RECOMMENDATIONS
from tests.grow_old import grow_old
from tests.ledger_rows import MadeUp
from tests.pipeline.conftest import Command
from tests.pipeline.toy import DAY, Recorder, Shop

LATER = DAY + dt.timedelta(days=1)


@pytest.fixture
def shop(tmp_path: Path, spark: SparkSession) -> Shop:
    shop = Shop(tmp_path, spark)
    shop.receives("film", "song")
    return shop


def maintain(shop: Shop, day: dt.date = DAY, **settings: Any) -> Recorder:
    """Upkeep by the runner, as `jobs/maintain_tables.py` has it."""
    nightly = shop.stages
    shop.settings = shop.settings.model_copy(update={"maintenance": MaintenanceSettings(**settings)})
    shop.stages = (*nightly, maintain_tables.STAGE)
    try:
        return shop.run(day, first="maintain_tables", last="maintain_tables")
    finally:
        shop.stages = nightly


def test_upkeep_is_in_the_ledger_and_leaves_the_nightly_run_as_it_was(shop: Shop) -> None:
    shop.run()
    ledger = Ledger(shop.warehouse, DAY)
    tonight = replace(ledger.entries()[-1], run_id="tonight", status="running", started_at=utc_now())
    ledger.write(tonight)  # a run of the same date is alive: its lease is another one
    assert maintain(shop).ran == maintain(shop).ran == ["maintain_tables"], "whenever it is asked for"
    found: dict[str, list[Entry]] = {}
    for entry in ledger.entries():
        found.setdefault(entry.stage, []).append(entry)
    assert [(one.status, one.exit_code) for one in found["maintain_tables"]] == [("done", 0)] * 2
    assert "interactions: 1 files" in (found["maintain_tables"][0].message or "")
    assert tonight in ledger.entries()


def test_a_run_done_again_reads_what_it_read_and_rows_that_went_are_made_again(shop: Shop) -> None:
    shop.run()
    shop.run(LATER)
    wanted = shop.candidates()
    grow_old(shop.warehouse, 8)
    maintain(shop, LATER + dt.timedelta(days=1))
    assert shop.run(first="build", force=True).ran == ["build", "propose"]
    assert shop.candidates() == wanted, "small files were put together, and the date still reads its own versions"

    maintain(shop, LATER + dt.timedelta(days=9), keep_run_dates=8)
    assert shop.candidates() == []
    assert shop.candidates(LATER) != []
    recorder = shop.run()
    assert recorder.left == ["ingest"]
    assert shop.candidates() == wanted


def test_versions_that_are_kept_no_longer_are_refused_with_what_to_do(shop: Shop) -> None:
    shop.run()
    shop.run(first="build", force=True)
    grow_old(shop.warehouse, 8)
    maintain(shop, keep_reruns=0)
    versions = range(1, shop.warehouse.tables.version(INTERACTIONS) or 0)
    with pytest.raises(TableError, match=r"version 1 of table interactions is kept no longer.*--inputs latest"):
        shop.warehouse.tables.read(shop.spark, INTERACTIONS, versions[0], DAY)
    assert shop.run(first="propose", force=True).ran == ["propose"]


def test_a_rollback_finds_the_lists_as_they_were_published(tmp_path: Path, spark: SparkSession) -> None:
    made = MadeUp(tmp_path / "warehouse")
    for back in (9, 8, 7):
        day = DAY - dt.timedelta(days=back)
        version = made.lists(day, {"ann": [(f"of-{back}", "popular", 2)]})
        made.published(day, version, export=f"e{back}")
        made.run(day, "rank_recommendations")
        made.lists(day, {"ann": [("never published", "popular", 2)]})
    grow_old(made.warehouse, 8)
    shop = Shop(tmp_path, spark)
    maintain(shop, keep_run_dates=1, keep_publications=2)
    assert made.warehouse.tables.run_dates(RECOMMENDATIONS) == {DAY - dt.timedelta(days=back) for back in (8, 7)}

    def back_to(day: dt.date | None) -> list[str]:
        given = {"to": day, "now": utc_now(), "run_id": "r", "session": lambda: spark}
        roll_back(made.warehouse, PublicationSettings(), **given)  # type: ignore[arg-type]
        live = spark.read.parquet(os.path.realpath(made.warehouse.folder("live", "recommendations")))
        return [row.item_id for row in live.collect()]

    assert back_to(None) == ["of-8"]
    with pytest.raises(TableError, match="of table recommendations is kept no longer"):
        back_to(DAY - dt.timedelta(days=9))


def test_tables_get_names_that_stand_for_what_is_there(
    shop: Shop, repertoire: Command, spark: SparkSession, tmp_path: Path
) -> None:
    shop.run()
    made = MadeUp(tmp_path / "warehouse")
    version = made.lists(DAY, {"ann": [("film", "popular", 2)]})
    made.published(DAY, version)
    roll_back_to = {"to": DAY, "now": utc_now(), "run_id": "r", "session": lambda: spark}
    roll_back(made.warehouse, PublicationSettings(), **roll_back_to)  # type: ignore[arg-type]
    made.lists(DAY, {"ann": [("not published", "popular", 2)]})

    root, named = shop.warehouse.root, ("--set", "maintenance.catalog_database=tests_of_names")
    told = repertoire("maintain", "--warehouse", root, *named, "--dry-run")
    assert (told.exit_code, "events: 2 files" in told.stdout) == (0, True), told.output
    done = repertoire("maintain", "--warehouse", root, *named)
    assert done.exit_code == 0, done.output
    assert "catalogue tests_of_names: named events, interactions, candidates, recommendations" in done.output
    try:
        spark.sql("USE tests_of_names")
        assert [row.item_id for row in spark.sql("SELECT item_id FROM events ORDER BY 1").collect()] == ["film", "song"]
        assert [row.item_id for row in spark.sql("SELECT item_id FROM live_recommendations").collect()] == ["film"]
        about = spark.sql("DESCRIBE EXTENDED events").collect()
        assert ("Comment", EVENTS.row) in [(row.col_name, row.data_type) for row in about]
        assert list(register(spark, shop.warehouse, "tests_of_names")) == [], "all of them are there"

        spark.sql("DROP TABLE events")
        assert next(register(spark, shop.warehouse, "tests_of_names")) == "catalogue tests_of_names: named events"
        assert len(shop.warehouse.tables.rows(EVENTS)) == 2, "the name goes, the table stays"
        spark.sql("DROP TABLE events")
        spark.sql(f"CREATE TABLE events (n INT) USING PARQUET LOCATION '{tmp_path}/theirs'")
        with pytest.raises(SettingsError, match=r"tests_of_names.events is there already and stands for .*theirs"):
            list(register(spark, shop.warehouse, "tests_of_names"))
        refused = repertoire("maintain", "--warehouse", root, *named)
        assert refused.exit_code == 2, refused.output
    finally:
        spark.sql("USE default")
        spark.sql("DROP DATABASE tests_of_names CASCADE")


def test_migrate_says_what_is_behind_and_takes_it_further(repertoire: Command, tmp_path: Path) -> None:
    from tests.unit.store.test_migrations import METRICS_1

    made = MadeUp(tmp_path / "warehouse")
    made.run(DAY, "evaluate_offline")
    made.warehouse.tables.create(METRICS_1)
    told = repertoire("migrate", "--warehouse", made.warehouse.root, "--dry-run")
    assert told.exit_code == 0, told.output
    assert told.stdout.startswith("metrics: version 1 to 2")
    assert repertoire("migrate", "--warehouse", made.warehouse.root).exit_code == 0
    told = repertoire("migrate", "--warehouse", made.warehouse.root, "--dry-run")
    assert (told.exit_code, told.stdout) == (0, "")
    (entry,) = [one for one in Ledger(made.warehouse, DAY).entries() if one.stage == "migrate_tables"]
    assert (entry.status, entry.message) == (
        "done",
        "metrics: version 1 to 2 (figures may be about a group of users (segment) and carry a p-value): columns are "
        "added, no row is rewritten; 0 rows",
    )
    made.run(DAY, "rank_recommendations")
    runs = repertoire("runs", "--warehouse", made.warehouse.root, "--json")
    assert (runs.exit_code, "migrate_tables" in runs.stdout) == (0, True)

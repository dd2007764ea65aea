"""run.single_writer: one run at a time in a warehouse, whatever their dates."""

import datetime as dt
import json
from pathlib import Path
from types import SimpleNamespace

import pytest
from pyspark.sql import SparkSession
from tests.pipeline.toy import DAY, STAGES, Recorder, Shop, ingest

from repertoire.errors import LeaseHeldError, LeaseLostError
from repertoire.pipeline.lease import Lease
from repertoire.pipeline.runner import Runner, RunOptions
from repertoire.pipeline.single_writer import WHOLE, sole_writer
from repertoire.pipeline.stage import Inputs, Outputs, RunContext
from repertoire.settings import Settings
from repertoire.settings.tree import RunSettings
from repertoire.store import open_warehouse

ALONE = RunSettings(single_writer=True, lease_seconds=3600)


def test_a_second_run_is_refused_even_of_another_date(tmp_path: Path) -> None:
    warehouse = open_warehouse(str(tmp_path / "warehouse"))
    settings = Settings(run=ALONE)
    with sole_writer(warehouse, ALONE, "run 2026-02-28-first"):
        recorder = Recorder()
        other = Runner(warehouse, settings, STAGES, recorder, lambda: pytest.fail("Spark was started"))
        with pytest.raises(LeaseHeldError, match="the whole warehouse is being worked on by run 2026-02-28-first"):
            other.run(RunOptions(dt.date(2026, 3, 1)))
        assert recorder.ran == []
    assert not (tmp_path / "warehouse" / "tables").exists()
    with sole_writer(warehouse, ALONE, "the next") as check:
        check()


def test_without_the_setting_nothing_is_held(tmp_path: Path) -> None:
    warehouse = open_warehouse(str(tmp_path / "warehouse"))
    with sole_writer(warehouse, RunSettings(), "one") as first, sole_writer(warehouse, RunSettings(), "two") as second:
        first()
        second()
    assert not (tmp_path / "warehouse").exists()


def test_a_run_that_lost_the_warehouse_commits_nothing(spark: SparkSession, tmp_path: Path) -> None:
    shop = Shop(tmp_path, spark)
    shop.settings = shop.settings.model_copy(update={"run": ALONE})
    shop.receives("a")

    def overtaken(inputs: Inputs, settings: SimpleNamespace, context: RunContext) -> Outputs:
        leases = tmp_path / "warehouse" / "leases"
        mine = max((leases / WHOLE).glob("*.json"))
        mine.write_text(json.dumps(json.loads(mine.read_text()) | {"expires_at": "2026-01-01T00:00:00+00:00"}))
        Lease(shop.warehouse.files, str(leases), WHOLE, "another", seconds=3600).__enter__()
        return ingest(inputs, settings, context)

    shop.replace_stage("ingest", overtaken)
    with pytest.raises(LeaseLostError, match="the whole warehouse was lost"):
        shop.run(DAY)
    assert not (tmp_path / "warehouse" / "tables" / "events").exists()

"""The runner: versions, reruns, resumption, refusals."""

import datetime as dt
import json
from pathlib import Path
from types import SimpleNamespace

import pytest
from pyspark.sql import SparkSession
from pyspark.sql import functions as F

from repertoire.errors import (
    GateRefusedError,
    InputError,
    LeaseHeldError,
    LeaseLostError,
    RefusedError,
    SettingsError,
    TableError,
)
from repertoire.pipeline.lease import Lease
from repertoire.pipeline.ledger import Ledger
from repertoire.pipeline.runner import Runner, RunOptions
from repertoire.pipeline.stage import Inputs, Outputs, RunContext
from repertoire.tables import CANDIDATES, EVENTS, INTERACTIONS, RUNS, STAGE_COSTS
from tests.pipeline import toy
from tests.pipeline.toy import DAY, Shop

ALL = ["ingest", "build", "propose"]


@pytest.fixture
def shop(tmp_path: Path, spark: SparkSession) -> Shop:
    shop = Shop(tmp_path, spark)
    shop.receives("film", "song")
    return shop


def entries(shop: Shop, day: dt.date = DAY) -> list[tuple[str, str, int | None]]:
    return [(entry.stage, entry.status, entry.exit_code) for entry in Ledger(shop.warehouse, day).entries()]


@pytest.mark.quick
def test_a_run_writes_the_tables_and_the_ledger(shop: Shop) -> None:
    assert shop.run().ran == ALL
    assert shop.candidates() == [("film", 50.0), ("song", 50.0)]
    assert entries(shop) == [("ingest", "done", 0), ("build", "done", 0), ("propose", "done", 0)]
    rows = {row["stage"]: row for row in shop.warehouse.tables.rows(RUNS).to_pylist()}
    assert json.loads(rows["ingest"]["rows_written"]) == {"events": 2}
    assert json.loads(rows["build"]["input_versions"]) == json.loads(rows["ingest"]["output_versions"])
    assert rows["ingest"]["message"] == "2 files"
    assert rows["build"]["spark_jobs"] > 0
    costs = {row["stage"]: row for row in shop.warehouse.tables.rows(STAGE_COSTS).to_pylist()}
    assert set(costs) == set(ALL)
    for name in ("run_id", "run_date", "seconds", "spark_jobs"):
        assert costs["build"][name] == rows["build"][name]
    assert costs["build"]["input_bytes"] > 0
    assert not list(Path(shop.warehouse.root, "scratch").glob("*"))


def test_a_run_goes_on_where_its_cost_cannot_be_read(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    def no_accounts(self: object) -> None:
        raise ConnectionError("the JVM is gone")

    monkeypatch.setattr("repertoire.pipeline.stage_cost.CostMeter.read", no_accounts)
    assert "what the stage cost could not be read: ConnectionError" in shop.run(last="ingest").words
    (row,) = shop.warehouse.tables.rows(RUNS).to_pylist()
    assert (row["status"], row["spark_jobs"]) == ("done", None)
    assert not shop.warehouse.tables.rows(STAGE_COSTS).num_rows


@pytest.mark.quick
def test_a_second_run_of_a_date_has_nothing_to_do_and_starts_no_spark(shop: Shop) -> None:
    shop.run()
    recorder = toy.Recorder()

    def no_spark() -> SparkSession:
        raise AssertionError("Spark was started")

    Runner(shop.warehouse, shop.settings, shop.stages, recorder, no_spark).run(RunOptions(DAY))
    assert (recorder.ran, recorder.left) == ([], ALL)


def test_a_changed_setting_is_done_anew_from_its_stage_on(shop: Shop) -> None:
    shop.run()
    shop.settings = shop.settings.model_copy(
        update={"features": shop.settings.features.model_copy(update={"max_strength": 3.0})}
    )
    recorder = shop.run()
    assert (recorder.ran, recorder.left) == (["build", "propose"], ["ingest"])
    assert shop.candidates() == [("film", 3.0), ("song", 3.0)]


def test_force_reads_the_same_versions_and_gives_the_same_tables(shop: Shop) -> None:
    shop.run()
    shop.run(DAY + dt.timedelta(days=1))  # events has grown meanwhile
    shop.run(first="build", force=True)
    assert shop.candidates() == [("film", 50.0), ("song", 50.0)]


def test_late_data_waits_until_the_latest_inputs_are_asked_for(shop: Shop) -> None:
    shop.run()
    shop.receives("book")
    assert shop.run().ran == []
    assert shop.run(latest=True).ran == ALL
    assert [item for item, _ in shop.candidates()] == ["book", "film", "song"]


def test_latest_without_news_runs_the_stage_that_takes_files_only(shop: Shop) -> None:
    shop.run()
    recorder = shop.run(latest=True)
    assert recorder.ran == ["ingest"]


def test_a_backfill_leaves_the_other_dates_alone(shop: Shop) -> None:
    shop.run()
    later, earlier = shop.candidates(), DAY - dt.timedelta(days=3)
    shop.run(earlier)
    assert shop.candidates() == later
    assert shop.candidates(earlier) == [("film", 50.0), ("song", 50.0)]


def test_a_failed_stage_is_in_the_ledger_and_the_next_run_goes_on_from_there(shop: Shop) -> None:
    def broken(inputs: Inputs, settings: SimpleNamespace, context: RunContext) -> Outputs:
        context.say("so far so good")
        raise InputError("row 3 is no row")

    shop.replace_stage("build", broken)
    with pytest.raises(InputError):
        shop.run()
    assert entries(shop) == [("ingest", "done", 0), ("build", "failed", 2)]
    first = Ledger(shop.warehouse, DAY).entries()[-1]
    assert first.message == "so far so good\nrow 3 is no row"

    shop.stages = toy.STAGES
    recorder = shop.run()
    assert (recorder.ran, recorder.left) == (["build", "propose"], ["ingest"])
    assert {entry.run_id for entry in Ledger(shop.warehouse, DAY).entries()} == {first.run_id}


@pytest.mark.parametrize("error, status", [(GateRefusedError, "refused"), (LeaseLostError, "failed")])
def test_a_refusal_by_the_gate_is_told_apart_from_what_may_be_tried_again(
    shop: Shop, error: type[RefusedError], status: str
) -> None:
    def refuse(inputs: Inputs, settings: SimpleNamespace, context: RunContext) -> Outputs:
        raise error("not now")

    shop.replace_stage("propose", refuse)
    with pytest.raises(error):
        shop.run()
    assert entries(shop)[-1] == ("propose", status, 3)


def test_a_run_of_a_date_that_another_run_holds_is_refused(shop: Shop) -> None:
    folder = shop.warehouse.folder("leases")
    name = f"run_date {DAY}"
    with (
        Lease(shop.warehouse.files, folder, name, "run other", seconds=60),
        pytest.raises(LeaseHeldError, match="run other"),
    ):
        shop.run()
    assert entries(shop) == []
    shop.run(DAY + dt.timedelta(days=1))  # another date was free all the time


def test_one_stage_alone_needs_what_it_reads(shop: Shop) -> None:
    with pytest.raises(TableError, match="build reads table events, which .* lacks. Run ingest first"):
        shop.run(first="build", last="build")
    shop.run(last="build")
    with pytest.raises(TableError, match=r"propose reads table interactions, which holds no rows of 2026-03-02"):
        shop.run(DAY + dt.timedelta(days=1), first="propose")
    assert shop.run(first="propose").ran == ["propose"]


def test_a_stage_may_only_write_what_it_declares_in_the_declared_schema(shop: Shop) -> None:
    def stray(inputs: Inputs, settings: SimpleNamespace, context: RunContext) -> Outputs:
        return Outputs({CANDIDATES: shop.empty(CANDIDATES)})

    shop.replace_stage("build", stray)
    with pytest.raises(TableError, match="build wrote .'candidates'., which it does not declare"):
        shop.run()

    def wrong_type(inputs: Inputs, settings: SimpleNamespace, context: RunContext) -> Outputs:
        return Outputs({INTERACTIONS: shop.empty(INTERACTIONS).withColumn("strength", F.lit("strong"))})

    shop.replace_stage("build", wrong_type)
    with pytest.raises(TableError, match="column strength is string, declared double"):
        shop.run()


def test_a_stage_sees_only_the_settings_and_tables_that_it_declares(shop: Shop) -> None:
    def nosy(inputs: Inputs, settings: SimpleNamespace, context: RunContext) -> Outputs:
        assert not hasattr(settings, "ranking")
        inputs.frame(EVENTS)
        return Outputs()

    shop.replace_stage("propose", nosy)
    with pytest.raises(TableError, match="asked for table events, which it does not declare"):
        shop.run()


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"first": "biuld"}, 'unknown stage "biuld"; did you mean "build"?'),
        ({"first": "propose", "last": "build"}, "--from propose comes after --to build"),
    ],
)
def test_a_wrong_range_of_stages_is_refused(shop: Shop, options: dict[str, str], message: str) -> None:
    with pytest.raises(SettingsError, match=message.replace("?", r"\?")):
        shop.run(**options)


def test_null_where_the_contract_forbids_it_is_refused_and_the_old_rows_stay(shop: Shop) -> None:
    shop.run()

    def nulls(inputs: Inputs, settings: SimpleNamespace, context: RunContext) -> Outputs:
        rows = inputs.frame(INTERACTIONS)
        return Outputs(
            {
                CANDIDATES: rows.select(
                    "run_date",
                    F.lit(None).cast("string").alias("user_id"),
                    "item_id",
                    F.lit("toy").alias("source"),
                    F.lit(1.0).alias("score"),
                    F.lit(1).alias("rank"),
                    F.lit("toy").alias("reason"),
                )
            }
        )

    shop.replace_stage("propose", nulls)
    with pytest.raises(Exception, match="NOT NULL constraint violated for column: user_id"):
        shop.run(force=True, first="propose")
    assert [item for item, _ in shop.candidates()] == ["film", "song"]

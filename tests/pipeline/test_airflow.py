"""Airflow for real: the scheduler with two nights, a kill and a backfill. tests/cluster has the whole job by `dags test`."""

import datetime as dt
import hashlib
import json
import os
import shutil
import signal
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from pyspark.sql import SparkSession

from repertoire.pipeline.ledger import Ledger
from repertoire.store import Warehouse, open_warehouse
from repertoire.tables import EVENTS, INGESTED_FILES, REJECTED_EVENTS, Table
from tests.pipeline.airflow_home import AirflowHome, wait_for
from tests.pipeline.nightly import SMALL, Logs, contents, run_here, settings_for

NIGHTS = (dt.date(2026, 2, 27), dt.date(2026, 2, 28))
BACKFILLED = (dt.date(2026, 2, 24), dt.date(2026, 2, 25), dt.date(2026, 2, 26))
STAGE = "ingest_events"
INGESTED = (EVENTS, REJECTED_EVENTS, INGESTED_FILES)


class Nights:
    """A folder of logs for each day, a DAG that takes them in, and Airflow with its scheduler."""

    def __init__(self, folder: Path, logs: Logs) -> None:
        self.logs, self.folder = logs, folder
        self.after_two: dict[Table, list[tuple[Any, ...]]] = {}
        (folder / "inbox").mkdir()
        self.settings = [f"ingest.events={folder}/inbox/{{run_date}}", f"run.warehouse={folder}/warehouse", *SMALL]
        self.warehouse = open_warehouse(str(folder / "warehouse"))
        self.home = AirflowHome(
            folder / "airflow",
            start_date=NIGHTS[0],
            end_date=NIGHTS[-1],
            catchup=True,
            stages={"to": STAGE},
            set=[*self.settings, "ingest.max_rejected_share=0.9"],
            logs={"paths": [f"{folder}/inbox/{{run_date}}"], "complete": "manifest", "poke_seconds": 1},
            retries=2,
            retry_delay_seconds=1,
            deadline={"minutes": 0.01},
        )

    def deliver(self, day: dt.date, *, half: bool = False) -> None:
        """Puts a day's file and the manifest of it into its folder; half of the file, where it is still on its way."""
        source = self.logs.events / f"{day}.csv.gz"
        content = source.read_bytes()
        folder = self.folder / "inbox" / day.isoformat()
        folder.mkdir(exist_ok=True)
        listed = {"name": source.name, "bytes": len(content), "sha256": hashlib.sha256(content).hexdigest()}
        (folder / source.name).write_bytes(content[: len(content) // 2] if half else content)
        (folder / "_MANIFEST.json").write_text(json.dumps({"files": [listed]}))

    def kill_spark_submit(self, day: dt.date) -> None:
        """Waits until the stage is at work, and kills the process that Airflow started for it."""

        def at_work() -> bool:
            return any(entry.status == "running" for entry in Ledger(self.warehouse, day).entries())

        wait_for(f"{STAGE} of {day} to begin", at_work, self.home)
        os.kill(self.spark_submit(day), signal.SIGKILL)

    def spark_submit(self, day: dt.date) -> int:
        for process in Path("/proc").iterdir():
            try:
                words = (process / "cmdline").read_bytes().decode(errors="replace").split("\0")
            except OSError:
                continue
            ours = f"run.warehouse={self.folder}/warehouse" in words and day.isoformat() in words
            if ours and "org.apache.spark.deploy.SparkSubmit" in words:
                return int(process.name)
        raise AssertionError(f"no spark-submit of {day}")


def rows_of(warehouse: Warehouse, table: Table) -> list[dict[str, Any]]:
    return warehouse.tables.rows(table).to_pylist()


def run_of(day: dt.date, kind: str) -> str:
    return f"{kind}__{day + dt.timedelta(days=1)}T02:00:00+00:00"


@pytest.fixture(scope="module")
def nights(logs: Logs, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Nights]:
    """Two nights by the schedule, the first one's spark-submit killed and the second one's file late; then a backfill."""
    made = Nights(tmp_path_factory.mktemp("nights"), logs)
    first, second = NIGHTS
    home = made.home
    try:
        made.deliver(first)
        made.deliver(second, half=True)
        home.call("up")
        home.call("up")
        home.call("cli", "dags", "unpause", "nights")
        made.kill_spark_submit(first)
        waiting = ((run_of(second, "scheduled"), "logs_complete"), "up_for_reschedule")
        wait_for("the second night to wait", lambda: waiting in [(k, v[0]) for k, v in home.tasks().items()], home)
        made.deliver(second)
        wait_for("two nights", lambda: list(home.runs().values()) == ["success"] * 2, home)
        made.after_two = {table: contents(made.warehouse, table) for table in INGESTED}

        for day in BACKFILLED:
            made.deliver(day)
        home.configure(start_date=BACKFILLED[0], catchup=False)
        versions = home.versions()
        wait_for("the new start date", lambda: home.versions() > versions, home)
        home.call("backfill", BACKFILLED[0].isoformat(), BACKFILLED[-1].isoformat())
        wait_for("the backfill", lambda: list(home.runs().values()) == ["success"] * 5, home)
        yield made
    finally:
        home.call("down")
        shutil.rmtree(made.folder, ignore_errors=True)


def test_two_nights_and_a_backfill_of_three_run_by_the_scheduler(nights: Nights) -> None:
    expected = [run_of(day, "scheduled") for day in NIGHTS] + [run_of(day, "backfill") for day in BACKFILLED]
    assert nights.home.runs() == dict.fromkeys(expected, "success")
    tries = {run: number for (run, task), (_, number) in nights.home.tasks().items() if task == STAGE}
    assert tries == dict.fromkeys(expected, 1) | {run_of(NIGHTS[0], "scheduled"): 2}
    taken = {(row["run_date"], row["path"].rpartition("/")[2]) for row in rows_of(nights.warehouse, INGESTED_FILES)}
    assert taken == {(day, f"{day}.csv.gz") for day in (*NIGHTS, *BACKFILLED)}
    ids = [row["event_id"] for row in rows_of(nights.warehouse, EVENTS)]
    assert len(ids) == len(set(ids))


def test_a_killed_try_and_its_retry_leave_the_tables_of_an_undisturbed_run(
    nights: Nights, spark: SparkSession, logs: Logs, tmp_path: Path
) -> None:
    undisturbed = open_warehouse(str(tmp_path))
    for day in NIGHTS:
        log = nights.folder / "inbox" / day.isoformat()
        given = ("ingest.max_rejected_share=0.9", f"ingest.events={log}", "ingest.items=", "ingest.users=")
        run_here(spark, settings_for(logs, tmp_path, *given), day, last=STAGE)
    for table in INGESTED:
        assert nights.after_two[table] == contents(undisturbed, table), table.name
        assert nights.after_two[table], table.name
    killed = Ledger(nights.warehouse, NIGHTS[0]).entries()
    assert [(entry.stage, entry.status) for entry in killed] == [(STAGE, "done")]
    said = nights.home.log_of(run_of(NIGHTS[0], "scheduled"), STAGE, 1)
    assert "died without a word" in said


def test_the_scheduled_nights_are_told_to_be_late_and_the_backfill_is_not(nights: Nights) -> None:
    said = nights.home.callback_logs()
    assert all(run_of(day, "scheduled") in said for day in NIGHTS)
    assert said.count("LATE: nights has not ended") == len(NIGHTS)


def test_down_ends_every_process_that_up_started(nights: Nights) -> None:
    assert nights.home.call("status").count("process ") == 3
    started = [int(file.read_text().split()[0]) for file in (nights.home.folder / "run").iterdir()]
    nights.home.call("down")
    assert nights.home.call("status").count("not running") == 3
    assert [pid for pid in started if Path(f"/proc/{pid}").exists()] == []

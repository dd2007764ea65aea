"""The whole job for two dates on YARN and on Spark standalone: the tables of local mode. test_airflow has YARN's cluster mode."""

import json
import urllib.request
from pathlib import Path
from typing import Any

import pytest

from repertoire.pipeline.ledger import Ledger
from repertoire.pipeline.stages import STAGES
from repertoire.store import Warehouse, open_warehouse
from repertoire.tables import EVENTS, INGESTED_FILES
from tests.cluster.conftest import DAYS, YARN_CLUSTER, Cluster, as_local, job_of
from tests.pipeline.nightly import contents, live_lists

MODES = {
    "yarn client": ("--profile", "yarn"),
    "standalone": ("--profile", "standalone"),
}


@pytest.mark.parametrize("mode", MODES)
def test_two_dates_give_the_tables_of_local_mode(
    mode: str, cluster: Cluster, hdfs: str, shop: list[str], local: Warehouse, tmp_path: Path
) -> None:
    warehouse = f"{hdfs}/warehouse of {mode}".replace(" ", "-")
    for day in DAYS:
        done = cluster.submit("run_pipeline", *MODES[mode], *job_of(day, shop, warehouse))
        assert done.returncode == 0, done.stdout[-5000:]
    there = as_local(warehouse, local)
    for day in DAYS:
        entries = Ledger(there, day).entries()
        assert [(entry.stage, entry.status) for entry in entries] == [(stage.name, "done") for stage in STAGES]
    cluster.hadoop("-get", f"{warehouse}/live", str(tmp_path))
    assert live_lists(Warehouse(str(tmp_path), there.files, there.tables)) == live_lists(local)


def test_a_stage_by_plain_spark_submit_with_nothing_uploaded_before(
    cluster: Cluster, hdfs: str, shop: list[str], local: Warehouse
) -> None:
    warehouse = f"{hdfs}/warehouse-plain"
    done = cluster.spark_submit("conf/spark/yarn.conf", "jobs/ingest_events.py", *job_of(DAYS[0], shop, warehouse))
    assert done.returncode == 0, done.stdout[-5000:]
    there, day = open_warehouse(warehouse), DAYS[0]
    accepted = [row for row in contents(local, INGESTED_FILES, "path", "content_id") if row[1] == day]
    assert [row for row in contents(there, INGESTED_FILES, "path", "content_id") if row[1] == day] == accepted


@pytest.mark.parametrize("mode", [MODES["yarn client"], YARN_CLUSTER])
def test_wrong_input_is_exit_code_2_wherever_the_driver_runs(
    mode: tuple[str, ...], cluster: Cluster, hdfs: str, shop: list[str]
) -> None:
    wrong = [*shop, f"ingest.events={hdfs}/absent"]
    done = cluster.submit("ingest_events", *mode, *job_of(DAYS[0], wrong, f"{hdfs}/warehouse-none"))
    assert done.returncode == 2, done.stdout[-3000:]
    assert open_warehouse(f"{hdfs}/warehouse-none").tables.version(EVENTS) is None


def test_the_history_server_reads_what_the_runs_left(cluster: Cluster) -> None:
    """With the memory that executors and their Python workers took."""
    api = f"{cluster.environment['REPERTOIRE_HISTORY']}/api/v1/applications"

    def answer(path: str = "") -> Any:
        with urllib.request.urlopen(api + path) as reply:
            return json.load(reply)

    finished = [app for app in answer() if app["name"].startswith("repertoire run") and app["attempts"][0]["completed"]]
    assert finished
    attempt = finished[0]["attempts"][0].get("attemptId")
    executors = answer(f"/{finished[0]['id']}{f'/{attempt}' if attempt else ''}/allexecutors")
    peaks = [executor["peakMemoryMetrics"] for executor in executors if executor["id"] != "driver"]
    assert any(peak["ProcessTreePythonRSSMemory"] > 0 and peak["JVMHeapMemory"] > 0 for peak in peaks)

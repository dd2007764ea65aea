"""The DAG as Airflow reads it, and its tasks in Airflow's Python."""

import datetime as dt
import json
import socket
from pathlib import Path
from typing import Any

from tests.airflow.conftest import InAirflow

from repertoire.pipeline.ledger import Entry, Ledger
from repertoire.pipeline.stages import STAGES
from repertoire.store import open_warehouse

DAY = dt.date(2026, 3, 1)

_DESCRIBE = """
import sys
from repertoire_nightly import configuration, jobs
dag = jobs[0].dag
give({
    "heavy": sorted({name.split(".")[0] for name in sys.modules} & {"pyspark", "tensorflow", "pandas", "numpy"}),
    "dag": [dag.dag_id, str(dag.timetable.timezone), dag.catchup, dag.max_active_runs],
    "downstream": {task.task_id: sorted(task.downstream_task_ids) for task in dag.tasks},
    "pools": sorted({task.pool for task in jobs}),
    "retries": sorted({task.retries for task in dag.tasks}),
    "minutes": {task.task_id: task.execution_timeout.total_seconds() / 60 for task in jobs},
    "deadline": [str(alert.interval) for alert in dag.deadline or []],
})
"""


def test_every_stage_is_a_task_in_its_order_and_nothing_heavy_is_imported(in_airflow: InAirflow) -> None:
    names = [stage.name for stage in STAGES]
    found = in_airflow(
        _DESCRIBE,
        configuration="logs: {paths: [in/{run_date}]}\nset: [run.timezone=Europe/Berlin]\n"
        "retries: 2\ntimeout_minutes_of: {train_candidates: 7}\n".replace("[in/{run_date}]", '["in/{run_date}"]'),
    )
    assert found["heavy"] == []
    assert found["dag"] == ["repertoire_nightly", "Europe/Berlin", False, 1]
    order = ["logs_complete", "check", *names]
    assert found["downstream"] == {name: order[place + 1 : place + 2] for place, name in enumerate(order)}
    assert found["pools"] == ["repertoire_spark"]
    assert found["retries"] == [2]
    assert found["minutes"] == {name: 7 if name == "train_candidates" else 120 for name in names}
    assert found["deadline"] == ["4:00:00"]


_DAYS = """
import datetime as dt
from zoneinfo import ZoneInfo
from airflow.sdk.exceptions import AirflowFailException
from repertoire_dag.run_date import run_date_of, with_run_date
berlin, utc = ZoneInfo("Europe/Berlin"), dt.timezone.utc
def day(begins, run_date=None):
    context = {"params": {"run_date": run_date}}
    if begins: context["data_interval_start"] = begins
    try:
        return run_date_of(context, berlin).isoformat()
    except AirflowFailException as error:
        return str(error)
give([
    day(dt.datetime(2026, 3, 1, 1, tzinfo=utc)),
    day(dt.datetime(2026, 2, 28, 23, tzinfo=utc)),
    day(dt.datetime(2026, 3, 29, 1, tzinfo=utc)),
    day(None, "2026-01-05"), day(None), day(None, "yesterday"),
    with_run_date("columns={user_id: visitor, day: {run_date}}", dt.date(2026, 3, 1)),
])
"""


def test_the_day_is_the_one_in_which_the_interval_begins_or_the_one_that_is_named(in_airflow: InAirflow) -> None:
    nightly, at_midnight, summer_time, named, none, wrong, filled = in_airflow(_DAYS)
    assert (nightly, at_midnight, summer_time, named) == ("2026-03-01", "2026-03-01", "2026-03-29", "2026-01-05")
    assert "names no day" in none
    assert '"yesterday" is not a date' in wrong
    assert filled == "columns={user_id: visitor, day: 2026-03-01}"


_WAIT = """
import fsspec
from airflow.sdk.exceptions import AirflowFailException
from repertoire_dag.logs_complete import what_is_missing
import os
folder = os.environ["LOGS"]
there = [what_is_missing(f"{folder}/{name}", by_manifest=False) for name in ("done", "none")]
def by_manifest(path):
    try:
        return what_is_missing(path, by_manifest=True)
    except AirflowFailException as error:
        return str(error)
memory = fsspec.filesystem("memory")
memory.pipe("/day/a.csv", b"12345")
memory.pipe("/day/_MANIFEST.json", b'{"files": [{"name": "a.csv", "bytes": 5}]}')
give(there + [by_manifest(f"{folder}/{name}") for name in ("listed", "short", "empty", "broken", "none")]
     + [by_manifest("memory://day")])
"""


def test_a_day_is_complete_by_its_success_file_or_by_its_manifest(in_airflow: InAirflow, tmp_path: Path) -> None:
    def day(name: str, **texts: str) -> None:
        for file, text in texts.items():
            (tmp_path / name).mkdir(exist_ok=True)
            (tmp_path / name / {"manifest": "_MANIFEST.json", "success": "_SUCCESS"}.get(file, file)).write_text(text)

    listing = json.dumps({"files": [{"name": "a", "bytes": 3}]})
    day("done", success="")
    day("listed", manifest=listing, a="123")
    day("short", manifest=listing, a="12")
    day("empty", manifest="")
    day("broken", manifest="{}")
    success, nothing, listed, short, empty, broken, none, elsewhere = in_airflow(_WAIT, LOGS=str(tmp_path))
    assert success == listed == elsewhere == []
    assert nothing == [f"{tmp_path}/none/_SUCCESS is not there"]
    assert short == [f"{tmp_path}/short: a has 2 bytes of 3"]
    assert empty == [f"{tmp_path}/empty/_MANIFEST.json is not there"]
    assert none == [f"{tmp_path}/none/_MANIFEST.json is not there"]
    assert 'has no list "files"' in broken


_TRY = """
import datetime as dt, os
from airflow.sdk.exceptions import AirflowException, AirflowFailException
from repertoire_nightly import check, jobs
context = {"params": {"run_date": "2026-03-01", "set": [], "inputs": "pinned", "force": False}}
def outcome(task):
    try:
        task.execute(context)
    except AirflowFailException as error:
        return ["never again", str(error)]
    except AirflowException as error:
        return ["again", str(error)]
    return ["done", ""]
publish = jobs[-1]
os.environ["EXIT"] = "0"
found = [outcome(publish)]
for code in ("2", "3", "1"):
    os.environ["EXIT"] = code
    found.append(outcome(publish))
os.environ["REFUSE"] = "1"
found += [outcome(publish), outcome(check)]
give(found)
"""

_SUBMIT = """#!/bin/sh
echo "$PWD" "$HADOOP_CONF_DIR" "$@" >>{folder}/calls
if [ -n "$REFUSE" ]; then mv {folder}/refused {folder}/warehouse; fi
exit $EXIT
"""


def write_refusal(warehouse: Path) -> None:
    """A ledger in which the gate has refused, after any try that begins now."""
    later = dt.datetime.now(dt.UTC) + dt.timedelta(minutes=10)
    refused = Entry(
        "r", DAY, "publish_recommendations", "refused", later, "s", {}, exit_code=3, message="too few users"
    )
    Ledger(open_warehouse(str(warehouse)), DAY).write(refused)


def test_what_no_retry_can_mend_is_not_retried(in_airflow: InAirflow, tmp_path: Path) -> None:
    """spark-submit is a stand-in that ends with a given code; the ledger and the project's command are real ones."""
    ledger = Ledger(open_warehouse(str(tmp_path / "refused")), DAY)
    later = dt.datetime.now(dt.UTC) + dt.timedelta(minutes=10)
    refused = Entry(
        "r", DAY, "publish_recommendations", "refused", later, "s", {}, exit_code=3, message="too few users"
    )
    ledger.write(refused)
    submit = tmp_path / "submit"
    submit.write_text(_SUBMIT.format(folder=tmp_path))
    submit.chmod(0o755)
    configuration: dict[str, Any] = {
        "set": [f"run.warehouse={tmp_path}/warehouse", "ingest.events=/no/log/of/{run_date}"],
        "spark": {
            "binary": str(submit),
            "master": "yarn",
            "conf": {"spark.x": "1"},
            "environment": {"HADOOP_CONF_DIR": "/h"},
        },
    }
    done, wrong, leased, failed, gate, check = in_airflow(_TRY, configuration=json.dumps(configuration))
    assert done == ["done", ""]
    assert wrong[0] == "never again"
    assert leased[0] == "again"
    assert "another run works on this date" in leased[1]
    assert failed[0] == "again"
    assert gate[0] == "never again"
    assert "too few users" in gate[1]
    assert check[0] == "never again"
    assert "/no/log/of/2026-03-01" in check[1]
    folder, hadoop, *words = (tmp_path / "calls").read_text().splitlines()[0].split()
    assert (folder, hadoop) == (str(Path(__file__).resolve().parents[2]), "/h")
    assert words[:4] == ["--master", "yarn", "--conf", "spark.x=1"]
    after = words[words.index("jobs/publish_recommendations.py") + 1 :]
    assert after[:4] == ["--run-date", "2026-03-01", "--env", "local"]
    assert "ingest.events=/no/log/of/2026-03-01" in after


_CLUSTER = """
import http.server, json, os, threading
from airflow.sdk.exceptions import AirflowException, AirflowFailException
from repertoire_nightly import jobs
asked = []
class ResourceManager(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        asked.append(self.path)
        text = json.dumps({"app": {"id": "application_1_0001", "state": "FINISHED", "finalStatus": "FAILED", "diagnostics": ""}})
        self.send_response(200), self.end_headers(), self.wfile.write(text.encode())
    def log_message(self, *words): pass
server = http.server.HTTPServer(("127.0.0.1", int(os.environ["PORT"])), ResourceManager)
threading.Thread(target=server.serve_forever, daemon=True).start()
class Remembered(dict):
    def set(self, key, value): self[key] = value
kept = Remembered()
def outcome():
    context = {"params": {"run_date": "2026-03-01"}, "task_state_store": kept}
    try:
        jobs[-1].execute(context)
    except AirflowFailException as error:
        return ["never again", str(error)]
    except AirflowException as error:
        return ["again", str(error)]
found = [outcome()]
os.environ["REFUSE"] = "1"
give([*found, outcome(), kept, asked[0]])
"""


def test_in_cluster_mode_the_application_is_watched_and_the_ledger_says_why_it_failed(
    in_airflow: InAirflow, tmp_path: Path
) -> None:
    """A stand-in for YARN's resource manager that calls every application failed."""
    write_refusal(tmp_path / "refused")
    submit = tmp_path / "submit"
    submit.write_text(
        _SUBMIT.format(folder=tmp_path).replace("exit $EXIT", "echo Submitted application application_1_0001")
    )
    submit.chmod(0o755)
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    spark = {"binary": str(submit), "master": "yarn", "deploy_mode": "cluster"}
    configuration = {
        "set": [f"run.warehouse={tmp_path}/warehouse"],
        "spark": spark | {"yarn_resource_manager": f"http://127.0.0.1:{port}"},
    }
    failed, gate, remembered, asked = in_airflow(_CLUSTER, configuration=json.dumps(configuration), PORT=str(port))
    assert failed == ["again", "publish_recommendations ended before the ledger had an entry of it, see above"]
    assert gate[0] == "never again"
    assert "too few users" in gate[1]
    assert remembered == {"spark_job_id": "application_1_0001"}
    assert asked == "/ws/v1/cluster/apps/application_1_0001"
    assert "--deploy-mode cluster" in (tmp_path / "calls").read_text()


_LATE = """
import logging
from repertoire_dag.deadline import tell_it_is_late
lines = []
class Keep(logging.Handler):
    def emit(self, record): lines.append(record.getMessage())
logging.getLogger("repertoire_dag.deadline").addHandler(Keep())
told = []
import sys, types
sys.modules["pager"] = types.SimpleNamespace(Pager=lambda to: lambda context: told.append([to, context["dag_run"]["dag_id"]]))
for kind in ("scheduled", "backfill"):
    tell_it_is_late(minutes=240, notifier="pager.Pager", arguments={"to": "night shift"},
        context={"dag_run": {"dag_id": "nights", "run_type": kind, "dag_run_id": kind, "state": "running"}})
give([lines, told])
"""


def test_a_late_run_is_logged_and_the_notifier_called_but_not_for_a_backfill(in_airflow: InAirflow) -> None:
    lines, told = in_airflow(_LATE)
    assert [line[:62] for line in lines] == ["LATE: nights has not ended 240 minutes after it was queued (ru"]
    assert told == [["night shift", "nights"]]

"""The files in jobs/ by spark-submit, with the command of the README."""

import os
import subprocess
from pathlib import Path

import pytest

from repertoire.pipeline.ledger import Ledger
from repertoire.pipeline.stages import BESIDE, STAGES
from repertoire.store import Warehouse, open_warehouse
from repertoire.tables import EVENTS, INTERACTIONS
from tests.pipeline.conftest import LAST_DAY
from tests.pipeline.nightly import Logs, contents

ROOT = Path(__file__).resolve().parents[2]
SPARK_SUBMIT = ROOT / ".venv" / "bin" / "spark-submit"


def test_every_stage_has_a_job_file_and_every_job_file_a_stage() -> None:
    jobs = {path.stem: path.read_text(encoding="utf-8") for path in (ROOT / "jobs").glob("*.py")}
    assert "typer.run(run)" in jobs.pop("run_pipeline")
    assert set(jobs) == {stage.name for stage in (*STAGES, *BESIDE)}
    for name, text in jobs.items():
        assert f'run_job("{name}")' in text


def submit(stage: str, overrides: list[str], *more: str) -> "subprocess.CompletedProcess[str]":
    given = [word for text in overrides for word in ("--set", text)]
    job = [f"jobs/{stage}.py", "--run-date", LAST_DAY.isoformat(), "--env", "local", *given, *more]
    command = [str(SPARK_SUBMIT), "--properties-file", "conf/spark/local.conf", *job]
    active = os.environ | {"PATH": f"{SPARK_SUBMIT.parent}{os.pathsep}{os.environ['PATH']}"}  # as activate does it
    # spark-submit writes what a job says on stderr to its own stdout.
    return subprocess.run(
        command,
        cwd=ROOT,
        env=active,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=300,
        check=False,
    )


@pytest.mark.skipif(not SPARK_SUBMIT.exists(), reason="scripts/setup.sh has not made .venv in this checkout")
def test_stages_run_one_by_one_and_give_the_tables_of_a_whole_run(
    logs: Logs, finished: Warehouse, tmp_path: Path
) -> None:
    overrides = logs.overrides(tmp_path / "warehouse")
    early = submit("build_features", overrides)
    assert early.returncode == 1, early.stdout
    assert "build_features reads table events" in early.stdout
    for stage in ("ingest_events", "build_features"):
        done = submit(stage, overrides)
        assert done.returncode == 0, done.stdout
        assert f"{stage}: done" in done.stdout
    warehouse = open_warehouse(str(tmp_path / "warehouse"))
    for table in (EVENTS, INTERACTIONS):
        assert contents(warehouse, table) == contents(finished, table), table.name
    entries = Ledger(warehouse, LAST_DAY).entries()
    assert [(entry.stage, entry.status) for entry in entries] == [("ingest_events", "done"), ("build_features", "done")]
    wrong = submit("ingest_events", overrides, "--set", "ingest.events=/nowhere")
    assert wrong.returncode == 2
    assert "/nowhere" in wrong.stdout

"""Airflow on its own, in a folder: the commands of scripts/airflow.sh, and its database to look into."""

import contextlib
import os
import sqlite3
import subprocess
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import yaml

ROOT = Path(__file__).resolve().parents[2]
_SET_UP = ROOT / ".venv" / "share" / "repertoire"

States = dict[tuple[str, str], tuple[str, int]]


def fast_start() -> dict[str, str]:
    """Configuration of Spark under which a driver starts from the archived classes and compiles little."""
    options = [
        "-Dlog4j2.configurationFile=lib/repertoire/log4j2.properties",
        f"-XX:SharedArchiveFile={_SET_UP / 'classes.jsa'} -Xshare:auto -Xlog:cds=off -Xlog:cds+dynamic=off",
        "-XX:TieredStopAtLevel=1 -XX:ReservedCodeCacheSize=240m -XX:MetaspaceSize=512m",
    ]
    jars = os.pathsep.join(str(jar) for jar in sorted((_SET_UP / "jars").glob("*.jar")))
    return {
        "spark.jars": "",  # on the class path instead, as when the classes were archived
        "spark.driver.extraClassPath": jars,
        "spark.driver.extraJavaOptions": " ".join(options),
    }


class AirflowHome:
    """A configuration of the DAG, a database, and the processes of `scripts/airflow.sh up`."""

    def __init__(self, folder: Path, **configuration: Any) -> None:
        self.folder = folder
        self._configuration = {"dag_id": "nights", "spark": {"conf": fast_start()}}
        self.configure(**configuration)

    def configure(self, **keys: Any) -> None:
        self._configuration |= keys
        self.folder.mkdir(exist_ok=True)
        (self.folder / "nightly.yaml").write_text(yaml.safe_dump(self._configuration), encoding="utf-8")

    def call(self, *arguments: str, expect: int = 0) -> str:
        """Runs scripts/airflow.sh, and gives what it printed."""
        ran = subprocess.run(
            [str(ROOT / "scripts" / "airflow.sh"), *arguments],
            env=os.environ
            | {
                "REPERTOIRE_AIRFLOW": str(self.folder / "nightly.yaml"),
                "REPERTOIRE_AIRFLOW_HOME": str(self.folder),
                "AIRFLOW__DAG_PROCESSOR__MIN_FILE_PROCESS_INTERVAL": "2",
            },
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=1200,
            check=False,
        )
        assert ran.returncode == expect, ran.stdout[-6000:]
        return ran.stdout

    def runs(self) -> dict[str, str]:
        """Run → state."""
        return {str(run): str(state) for run, state in self._ask("select run_id, state from dag_run")}

    def tasks(self) -> States:
        """(run, task) → state, number of tries."""
        rows = self._ask("select run_id, task_id, state, try_number from task_instance")
        return {(run, task): (str(state), tries) for run, task, state, tries in rows}

    def versions(self) -> int:
        """How many versions of the DAG Airflow has read; one that has runs is followed by another when it changes."""
        return int(self._ask("select count(*) from serialized_dag")[0][0])

    def log_of(self, run: str, task: str, attempt: int) -> str:
        folder = self.folder / "logs" / "dag_id=nights" / f"run_id={run}" / f"task_id={task}"
        return (folder / f"attempt={attempt}.log").read_text(encoding="utf-8")

    def callback_logs(self) -> str:
        folder = self.folder / "logs" / "executor_callbacks"
        return "\n".join(file.read_text(encoding="utf-8") for file in folder.rglob("*") if file.is_file())

    def _ask(self, query: str) -> list[Any]:
        with contextlib.closing(sqlite3.connect(self.folder / "airflow.db", timeout=60)) as database:
            return database.execute(query).fetchall()


def wait_for(what: str, holds: Callable[[], bool], home: AirflowHome, seconds: float = 900) -> None:
    """Looks every half second. Raises AssertionError with all states if it does not come to hold."""
    until = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < until, f"waited {seconds:g} s for {what}: {home.runs()} {home.tasks()}"
        time.sleep(0.5)

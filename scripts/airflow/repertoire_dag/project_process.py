"""Processes of the project, from Airflow's process: its folder, its environment, its command."""

import contextlib
import datetime as dt
import json
import os
import subprocess
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from repertoire_dag.configuration import PROJECT, Configuration
from repertoire_dag.run_date import with_run_date

CONNECTION = "repertoire_spark"
"""The Airflow connection that stands for spark.master where the configuration names none."""


@contextlib.contextmanager
def project_environment(configuration: Configuration) -> Iterator[None]:
    """Inside, this process works in the project's folder with the environment that spark-submit is to have.

    A task has a process of its own, so nobody else sees it.
    """
    before = dict(os.environ)
    java = PROJECT / ".venv" / "share" / "repertoire" / "java_home"
    if java.is_file():
        os.environ.setdefault("JAVA_HOME", java.read_text(encoding="utf-8").strip())
    os.environ["PATH"] = f"{PROJECT / '.venv' / 'bin'}{os.pathsep}{os.environ.get('PATH', '')}"
    os.environ.update(configuration.spark.environment)
    os.environ[f"AIRFLOW_CONN_{CONNECTION.upper()}"] = json.dumps(_connection(configuration))
    try:
        with contextlib.chdir(PROJECT):
            yield
    finally:
        os.environ.clear()
        os.environ.update(before)


def _connection(configuration: Configuration) -> dict[str, Any]:
    spark = configuration.spark
    extra = {"deploy-mode": spark.deploy_mode or "client"}
    if spark.yarn_resource_manager:
        extra["yarn_resourcemanager_webapp_address"] = spark.yarn_resource_manager
    return {"conn_type": "spark", "host": spark.master, "extra": extra}


def job_arguments(configuration: Configuration, params: Mapping[str, Any], run_date: dt.date) -> list[str]:
    """What a stage's job file is called with. params: those of the DAG's run, whose settings come last."""
    arguments = ["--run-date", run_date.isoformat(), *settings_arguments(configuration, params, run_date)]
    if params.get("force"):
        arguments.append("--force")
    if params.get("inputs", "pinned") != "pinned":
        arguments += ["--inputs", params["inputs"]]
    return arguments


def settings_arguments(configuration: Configuration, params: Mapping[str, Any], run_date: dt.date) -> list[str]:
    """--env and --set of every command of a run."""
    arguments = ["--env", configuration.env] if configuration.env else []
    for text in (*configuration.set, *(params.get("set") or [])):
        arguments += ["--set", with_run_date(text, run_date)]
    return arguments


def repertoire(*arguments: str, timeout: float = 600) -> "subprocess.CompletedProcess[str]":
    """The command `repertoire` of the project, in `project_environment`. Gives its exit code and what it printed."""
    command = Path(PROJECT, ".venv", "bin", "repertoire")
    return subprocess.run([str(command), *arguments], capture_output=True, text=True, timeout=timeout, check=False)

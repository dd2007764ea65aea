"""A stage as a task: its job file by spark-submit, and the ledger's word on what became of it."""

import datetime as dt
import json
import subprocess
from collections.abc import Mapping
from typing import Any

from airflow.providers.apache.spark.operators.spark_submit import SparkSubmitOperator
from airflow.sdk.exceptions import AirflowException, AirflowFailException

from repertoire_dag.configuration import PROJECT, Configuration
from repertoire_dag.ledger import Row, Verdict, entries_of, verdict
from repertoire_dag.project_process import (
    CONNECTION,
    job_arguments,
    project_environment,
    repertoire,
    settings_arguments,
)
from repertoire_dag.run_date import run_date_of


class StageOperator(SparkSubmitOperator):
    """Runs one stage for the day of the DAG's run.

    A try that fails is followed by a look into the ledger: what no retry can mend (wrong input, wrong settings, a refusal
    of the gate) raises AirflowFailException, which Airflow does not retry; all else raises AirflowException, which it does.
    Retries are safe because the stages are: what is done is not done again, and a lease keeps a second run out.
    """

    def __init__(self, *, stage: str, configuration: Configuration, **kwargs: Any) -> None:
        spark = configuration.spark
        watched = spark.yarn_resource_manager is not None and spark.deploy_mode == "cluster"
        super().__init__(
            application=f"jobs/{stage}.py",
            name=f"repertoire {stage}",
            conn_id=spark.connection or CONNECTION,
            conf=dict(spark.conf),
            spark_binary=spark.binary,
            properties_file=spark.properties_file,
            deploy_mode=spark.deploy_mode,
            yarn_track_via_rm_api=watched,
            durable=watched,  # a retry goes on watching the application of the try before
            **kwargs,
        )
        self._stage, self._configuration = stage, configuration

    def execute(self, context: Mapping[str, Any]) -> None:
        configuration = self._configuration
        run_date = run_date_of(context, configuration.zone)
        self.application_args = job_arguments(configuration, context["params"], run_date)
        began = dt.datetime.now(dt.UTC)
        with project_environment(configuration):
            self._spark_binary = str(PROJECT / configuration.spark.binary)
            try:
                super().execute(context)
            except AirflowFailException:
                raise
            except Exception as error:
                found = verdict(self._entries(context, run_date), self._stage, began, self._exit_code())
                raise _as_airflow(found) from error

    def _entries(self, context: Mapping[str, Any], run_date: dt.date) -> list[Row]:
        """The day's entries; none, and a word in the log, where the ledger cannot be read."""
        settings = settings_arguments(self._configuration, context["params"], run_date)
        try:
            asked = repertoire("runs", "--run-date", run_date.isoformat(), "--limit", "1000", "--json", *settings)
        except subprocess.TimeoutExpired as error:
            self.log.warning("the ledger could not be read: %s", error)
            return []
        if asked.returncode:
            self.log.warning("the ledger could not be read: %s", asked.stderr.strip())
            return []
        try:
            return entries_of(asked.stdout)
        except json.JSONDecodeError as error:
            self.log.warning("the ledger could not be read: %s", error)
            return []

    def _exit_code(self) -> int | None:
        """That of spark-submit, which the hook keeps to itself: the stage's own in client mode. None where it says nothing."""
        process = getattr(self._hook, "_submit_sp", None)
        return getattr(process, "returncode", None) or None


def _as_airflow(found: Verdict) -> AirflowException:
    return AirflowFailException(found.reason) if found.final else AirflowException(found.reason)

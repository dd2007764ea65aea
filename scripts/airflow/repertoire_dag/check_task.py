"""A task before the stages: do the settings load, and is the input where they say?

It starts no Spark and takes seconds. In YARN's cluster mode it is the only place where a mistake in the settings can be
told from a failure: what happens there before a stage has its entry in the ledger is exit code 1 and no more.
"""

from collections.abc import Mapping
from typing import Any

from airflow.sdk import BaseOperator
from airflow.sdk.exceptions import AirflowException, AirflowFailException

from repertoire_dag.configuration import Configuration
from repertoire_dag.ledger import WRONG_INPUT
from repertoire_dag.project_process import project_environment, repertoire, settings_arguments
from repertoire_dag.run_date import run_date_of


class CheckOperator(BaseOperator):
    """Calls `repertoire run --dry-run` for the day. first, last: names of the stages that will run, inclusive."""

    def __init__(self, *, first: str, last: str, configuration: Configuration, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self._range = ["--from", first, "--to", last]
        self._configuration = configuration

    def execute(self, context: Mapping[str, Any]) -> None:
        run_date = run_date_of(context, self._configuration.zone)
        settings = settings_arguments(self._configuration, context["params"], run_date)
        with project_environment(self._configuration):
            checked = repertoire("run", "--dry-run", "--run-date", run_date.isoformat(), *self._range, *settings)
        said = "\n".join(text for text in (checked.stdout.strip(), checked.stderr.strip()) if text)
        if checked.returncode == WRONG_INPUT:
            raise AirflowFailException(f"the input or the settings are wrong:\n{said}")
        if checked.returncode:
            raise AirflowException(f"the check failed (exit code {checked.returncode}):\n{said}")
        self.log.info("%s", said)

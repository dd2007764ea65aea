"""Who is told when a day's run is late."""

import datetime as dt
import logging
import sys
from importlib import import_module
from typing import Any

from airflow.sdk import DeadlineAlert, DeadlineReference, SyncCallback

from repertoire_dag.configuration import Deadline

log = logging.getLogger(__name__)


def deadline_alert(deadline: Deadline) -> DeadlineAlert | None:
    """The alert of the DAG: a run that has not ended so many minutes after it was queued."""
    # `airflow dags test` has no deadlines, and 3.3.2 breaks off at a DAG that has one (apache/airflow#73428).
    if deadline.minutes is None or sys.argv[1:3] == ["dags", "test"]:
        return None
    arguments = {"minutes": deadline.minutes, "notifier": deadline.notifier, "arguments": deadline.arguments}
    return DeadlineAlert(
        name=f"not done after {deadline.minutes:g} minutes",
        reference=DeadlineReference.DAGRUN_QUEUED_AT,
        interval=dt.timedelta(minutes=deadline.minutes),
        callback=SyncCallback(tell_it_is_late, kwargs=arguments),
    )


def tell_it_is_late(
    *, minutes: float, notifier: str | None, arguments: dict[str, Any], context: dict[str, Any]
) -> None:
    """Writes a line to the log, and calls the notifier where there is one. Called by Airflow's executor.

    A backfill is nobody's morning: its runs wait for each other, and are not late.
    """
    run = context["dag_run"]
    if run.get("run_type") == "backfill":
        return
    log.error(
        "LATE: %s has not ended %g minutes after it was queued (run %s, now %s). What was live stays live.",
        run["dag_id"],
        minutes,
        run.get("dag_run_id") or run.get("run_id"),
        run.get("state"),
    )
    if notifier:
        module, _, name = notifier.rpartition(".")
        getattr(import_module(module), name)(**arguments)(context)

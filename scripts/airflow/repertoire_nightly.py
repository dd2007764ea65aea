"""The DAG: every stage of Repertoire in its order, one spark-submit a task. conf/airflow/nightly.yaml says how."""

import datetime as dt

from airflow.sdk import DAG, CronDataIntervalTimetable, Param, chain

from repertoire_dag.check_task import CheckOperator
from repertoire_dag.configuration import load_configuration
from repertoire_dag.deadline import deadline_alert
from repertoire_dag.logs_complete import LogsComplete
from repertoire_dag.stage_list import stage_list
from repertoire_dag.stage_task import StageOperator

configuration = load_configuration()
stages = stage_list(configuration.stages)
zone = configuration.zone


def midnight(day: dt.date) -> dt.datetime:
    return dt.datetime.combine(day, dt.time(), tzinfo=zone)


with DAG(
    configuration.dag_id,
    description="Logs in, a recommendation table out: every night, for the day that ended at midnight",
    schedule=CronDataIntervalTimetable(configuration.schedule, timezone=zone.key),
    start_date=midnight(configuration.start_date),
    end_date=midnight(configuration.end_date + dt.timedelta(days=1)) if configuration.end_date else None,
    catchup=configuration.catchup,
    max_active_runs=configuration.max_active_runs,
    dagrun_timeout=dt.timedelta(minutes=configuration.run_timeout_minutes),
    deadline=deadline_alert(configuration.deadline),
    params={
        "run_date": Param(None, type=["null", "string"], format="date", description="The day; empty: the interval's."),
        "set": Param([], type="array", items={"type": "string"}, description="Further settings, section.key=value."),
        "inputs": Param("pinned", enum=["pinned", "latest"], description="latest lets late data in."),
        "force": Param(False, type="boolean", description="Do again what is done already."),
    },
    default_args={
        "retries": configuration.retries,
        "retry_delay": dt.timedelta(seconds=configuration.retry_delay_seconds),
        "retry_exponential_backoff": True,
        "max_retry_delay": dt.timedelta(seconds=configuration.max_retry_delay_seconds),
        "depends_on_past": configuration.depends_on_past,
    },
    tags=["repertoire"],
):
    check = CheckOperator(
        task_id="check",
        first=stages[0].name,
        last=stages[-1].name,
        configuration=configuration,
        execution_timeout=dt.timedelta(minutes=10),
        doc_md="Do the settings load, and is the input there? No Spark.",
    )
    jobs = [
        StageOperator(
            task_id=stage.name,
            stage=stage.name,
            configuration=configuration,
            pool=configuration.pool,
            execution_timeout=dt.timedelta(
                minutes=configuration.timeout_minutes_of.get(stage.name, configuration.timeout_minutes)
            ),
            doc_md=stage.in_words,
        )
        for stage in stages
    ]
    chain(check, *jobs)
    if configuration.logs.paths:
        LogsComplete(
            task_id="logs_complete",
            configuration=configuration,
            execution_timeout=dt.timedelta(minutes=10),  # of one look: a file system that is down can hang
            doc_md="Waits for `_SUCCESS`, or for all that `_MANIFEST.json` lists.",
        ).set_downstream(check)

"""conf/airflow/nightly.yaml, typed; and the project that it belongs to."""

import datetime as dt
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Literal
from zoneinfo import ZoneInfo

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError

PROJECT = Path(os.environ.get("REPERTOIRE_PROJECT") or Path(__file__).resolve().parents[3])
"""The project's folder; $REPERTOIRE_PROJECT names it where the DAG was copied elsewhere."""

Positive = Annotated[int, Field(gt=0)]


class ConfigurationError(ValueError):
    """The file says something that cannot be: Airflow shows it as an import error of the DAG."""


class Section(BaseModel):
    """A group of keys. Unknown ones are refused."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class StageRange(Section):
    """Names of stages, inclusive."""

    first: str | None = Field(None, alias="from")
    last: str | None = Field(None, alias="to")


class Logs(Section):
    """What a day's logs are waited for with."""

    paths: list[str] = []
    complete: Literal["success_file", "manifest"] = "success_file"
    poke_seconds: Positive = 60
    timeout_minutes: Positive = 360


class Spark(Section):
    """How spark-submit is called."""

    connection: str | None = None
    master: str = "local[*]"
    deploy_mode: Literal["client", "cluster"] | None = None
    properties_file: str | None = "conf/spark/local.conf"
    binary: str = ".venv/bin/spark-submit"
    conf: dict[str, str] = {}
    environment: dict[str, str] = {}
    yarn_resource_manager: str | None = None


class Deadline(Section):
    """When a run is late, and who is told besides the log."""

    minutes: Annotated[float, Field(gt=0)] | None = 240
    notifier: str | None = None
    arguments: dict[str, Any] = {}


class Configuration(Section):
    """The whole file. `Configuration()` holds every default."""

    dag_id: str = Field("repertoire_nightly", pattern=r"^[\w.-]+$")
    schedule: str = "0 2 * * *"
    start_date: dt.date = dt.date(2026, 1, 1)
    end_date: dt.date | None = None
    catchup: bool = False
    depends_on_past: bool = False
    max_active_runs: Positive = 1
    run_timeout_minutes: Positive = 720
    stages: StageRange = StageRange()
    env: str | None = "local"
    set: list[str] = []
    logs: Logs = Logs()
    spark: Spark = Spark()
    retries: Annotated[int, Field(ge=0)] = 3
    retry_delay_seconds: Positive = 300
    max_retry_delay_seconds: Positive = 3600
    timeout_minutes: Positive = 120
    timeout_minutes_of: dict[str, Positive] = {}
    pool: str = "repertoire_spark"
    pool_slots: Positive = 1
    deadline: Deadline = Deadline()

    @property
    def zone(self) -> ZoneInfo:
        """The zone in which a day begins and ends: the setting run.timezone, as the stages will read it."""
        return ZoneInfo(time_zone(PROJECT / "conf", self.env, self.set))


def configuration_file() -> Path:
    """$REPERTOIRE_AIRFLOW, or conf/airflow/nightly.yaml."""
    return Path(os.environ.get("REPERTOIRE_AIRFLOW") or PROJECT / "conf" / "airflow" / "nightly.yaml")


def load_configuration(file: Path | None = None) -> Configuration:
    """What a file says, over the defaults. Raises ConfigurationError with the key, the value and what is allowed."""
    file = file or configuration_file()
    if not file.is_file():
        raise ConfigurationError(
            f"there is no {file}; REPERTOIRE_AIRFLOW names another, REPERTOIRE_PROJECT the project"
        )
    try:
        tree = yaml.safe_load(file.read_text(encoding="utf-8")) or {}
        return Configuration.model_validate(tree)
    except yaml.YAMLError as error:
        raise ConfigurationError(f"{file} is not YAML: {error}") from None
    except ValidationError as error:
        mistakes = [
            f"{'.'.join(str(part) for part in mistake['loc'])}: {mistake['msg']} (received {mistake['input']!r})"
            for mistake in error.errors()
        ]
        raise ConfigurationError("\n".join([f"{file}:", *mistakes])) from None


def time_zone(conf: Path, env: str | None, overrides: list[str]) -> str:
    """The setting run.timezone: of conf/base, the overlay of an environment, then overrides; the last one wins."""
    zone = "UTC"
    for file in (conf / "base" / "run.yaml", *([conf / f"{env}.yaml"] if env else [])):
        run = (yaml.safe_load(file.read_text(encoding="utf-8")) or {}).get("run") if file.is_file() else None
        if isinstance(run, Mapping):
            zone = run.get("timezone", zone)
    for text in overrides:
        path, _, value = text.partition("=")
        if path.strip() == "run.timezone":
            zone = value.strip()
    return zone

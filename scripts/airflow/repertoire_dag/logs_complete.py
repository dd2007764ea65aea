"""A task that waits until a day's logs are complete: a `_SUCCESS` in their folder, or all that a manifest lists."""

from collections.abc import Mapping
from typing import Any

from airflow.sdk import BaseSensorOperator
from airflow.sdk.exceptions import AirflowFailException
from fsspec import AbstractFileSystem, url_to_fs

from repertoire_dag import manifest
from repertoire_dag.configuration import Configuration
from repertoire_dag.project_process import project_environment
from repertoire_dag.run_date import run_date_of, with_run_date

SUCCESS = "_SUCCESS"


class LogsComplete(BaseSensorOperator):
    """Waits for every folder of logs.paths, and gives its worker back between two looks.

    Raises AirflowFailException for a manifest that cannot be understood.
    """

    def __init__(self, *, configuration: Configuration, **kwargs: Any) -> None:
        logs = configuration.logs
        super().__init__(
            mode="reschedule", poke_interval=logs.poke_seconds, timeout=logs.timeout_minutes * 60, **kwargs
        )
        self._configuration = configuration

    def poke(self, context: Mapping[str, Any]) -> bool:
        logs = self._configuration.logs
        run_date = run_date_of(context, self._configuration.zone)
        with project_environment(self._configuration):
            waiting = [
                line
                for path in logs.paths
                for line in what_is_missing(with_run_date(path, run_date), by_manifest=logs.complete == "manifest")
            ]
        for line in waiting[:20]:
            self.log.info("not complete: %s", line)
        return not waiting


def what_is_missing(path: str, *, by_manifest: bool) -> list[str]:
    """One line for each thing that a folder of logs lacks; none where it is complete.

    path: local, or a URL that fsspec knows, such as hdfs://host/path. Raises AirflowFailException for a manifest that cannot
    be understood.
    """
    files, folder = url_to_fs(path)
    if not by_manifest:
        return [] if _is_there(files, f"{folder}/{SUCCESS}") else [f"{path}/{SUCCESS} is not there"]
    text = _text(files, f"{folder}/{manifest.NAME}")
    if not text:  # none yet, or one that is just being written
        return [f"{path}/{manifest.NAME} is not there"]
    try:
        listed = manifest.parse_manifest(text, f"{path}/{manifest.NAME}")
    except manifest.ManifestError as error:
        raise AirflowFailException(str(error)) from None
    return [f"{path}: {line}" for line in manifest.what_is_missing(files, folder, listed)]


def _is_there(files: AbstractFileSystem, path: str) -> bool:
    """fsspec's own `exists` takes every error for a no, and a file system that is down would be waited for in silence."""
    try:
        files.info(path)
    except FileNotFoundError:
        return False
    return True


def _text(files: AbstractFileSystem, path: str) -> str:
    try:
        return str(files.cat_file(path).decode(errors="replace"))
    except FileNotFoundError:
        return ""

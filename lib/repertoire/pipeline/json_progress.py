"""A run's log for machines: one JSON object a line on stderr.

It is kept and passed on, so it holds neither secrets nor what a message quotes of rows and people; the ledger and the
plain log have those.
"""

import datetime as dt
import json
import sys
from collections.abc import Callable, Iterable
from typing import Any

from repertoire.errors import RefusedError, RepertoireError
from repertoire.pipeline.lease import utc_now
from repertoire.pipeline.ledger import DONE, REFUSED, Entry
from repertoire.settings.secrets import hide

INFO, WARN, ERROR = "INFO", "WARN", "ERROR"  # as Spark's own log has them
_LEVELS = {DONE: INFO, REFUSED: WARN}


class JsonProgress:
    """Every line has time (UTC), level (INFO, WARN, ERROR), run_id, run_date, application_id, stage and event: began,
    started, said, finished, skipped or failed of a stage, and ended of the whole run or job. What is not known is null.

    secrets: values that no line may hold. clock: tells the time.
    """

    def __init__(self, secrets: Iterable[str] = (), clock: Callable[[], dt.datetime] = utc_now) -> None:
        self._secrets, self._clock = frozenset(secrets), clock
        self._run_id: str | None = None
        self._run_date: str | None = None
        self._application_id: str | None = None
        self._stage: str | None = None

    def began(self, run_id: str, run_date: dt.date) -> None:
        self._run_id, self._run_date = run_id, run_date.isoformat()
        self._line(INFO, "began")

    def in_application(self, application_id: str) -> None:
        self._application_id = application_id

    def started(self, stage: str, number: int, of: int) -> None:
        self._stage = stage
        self._line(INFO, "started", number=number, of=of)

    def said(self, text: str) -> None:
        self._line(INFO, "said", message=text)

    def finished(self, entry: Entry, error: BaseException | None = None) -> None:
        self._line(
            _LEVELS.get(entry.status, ERROR),
            "finished" if entry.status == DONE else "failed",
            outcome=entry.status,
            seconds=entry.seconds,
            rows=dict(entry.rows_written or {}),
            spark_jobs=entry.spark_jobs,
            exit_code=entry.exit_code,
            **({} if error is None else {"message": _in_logs(error)}),
        )
        self._stage = None

    def skipped(self, stage: str) -> None:
        self._stage = stage
        self._line(INFO, "skipped")
        self._stage = None

    def ended(self, exit_code: int, error: BaseException | None = None) -> None:
        """The last line of a run: its exit code, and what stopped it."""
        level = INFO if error is None else WARN if isinstance(error, RefusedError) else ERROR
        self._line(level, "ended", exit_code=exit_code, **({} if error is None else {"message": _in_logs(error)}))

    def _line(self, level: str, event: str, **more: Any) -> None:
        line: dict[str, Any] = {
            "time": self._clock().astimezone(dt.UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ"),
            "level": level,
            "run_id": self._run_id,
            "run_date": self._run_date,
            "application_id": self._application_id,
            "stage": self._stage,
            "event": event,
            **more,
        }
        if "message" in line:
            line["message"] = hide(line["message"], self._secrets)
        print(json.dumps(line, ensure_ascii=False), file=sys.stderr, flush=True)


def _in_logs(error: BaseException) -> str:
    """What may be told of an error. The words of one that Repertoire does not know may quote any row: of those only the
    kind is told, and Spark's name for the condition."""
    if isinstance(error, RepertoireError):
        return error.in_logs
    condition = getattr(error, "getCondition", lambda: None)()
    kind = type(error).__name__ if not condition else f"{type(error).__name__} [{condition}]"
    return f"{kind}; its words are left out here: `repertoire runs` has those of a stage, --debug shows all"

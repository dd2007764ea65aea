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

_LEVELS = {DONE: "info", REFUSED: "warning"}


class JsonProgress:
    """Every line has time (UTC), level (info, warning, error), run_id, run_date, stage and event: began, started, said,
    finished, skipped or failed of a stage, and ended of the whole run or job. What is not known is null.

    secrets: values that no line may hold. clock: tells the time.
    """

    def __init__(self, secrets: Iterable[str] = (), clock: Callable[[], dt.datetime] = utc_now) -> None:
        self._secrets, self._clock = frozenset(secrets), clock
        self._run_id: str | None = None
        self._run_date: str | None = None
        self._stage: str | None = None

    def began(self, run_id: str, run_date: dt.date) -> None:
        self._run_id, self._run_date = run_id, run_date.isoformat()
        self._line("info", "began")

    def started(self, stage: str, number: int, of: int) -> None:
        self._stage = stage
        self._line("info", "started", number=number, of=of)

    def said(self, text: str) -> None:
        self._line("info", "said", message=text)

    def finished(self, entry: Entry, error: BaseException | None = None) -> None:
        self._line(
            _LEVELS.get(entry.status, "error"),
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
        self._line("info", "skipped")
        self._stage = None

    def ended(self, exit_code: int, error: BaseException | None = None) -> None:
        """The last line of a run: its exit code, and what stopped it."""
        level = "info" if error is None else "warning" if isinstance(error, RefusedError) else "error"
        self._line(level, "ended", exit_code=exit_code, **({} if error is None else {"message": _in_logs(error)}))

    def _line(self, level: str, event: str, **more: Any) -> None:
        known = {"run_id": self._run_id, "run_date": self._run_date, "stage": self._stage, "event": event}
        line = {"time": self._clock().isoformat(timespec="milliseconds"), "level": level} | known | more
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
    return f"{kind}: `repertoire runs` has what it said, --debug shows where it happened"

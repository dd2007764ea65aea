"""What a run tells whoever watches it."""

import datetime as dt
import sys
from typing import Protocol

from repertoire.pipeline.ledger import Entry


class Progress(Protocol):
    """A listener of a run. `began` comes first, and again for a later run; `in_application` once Spark runs, with the
    name by which YARN and the history server know it; `finished` gets the error that ended a stage, if one did."""

    def began(self, run_id: str, run_date: dt.date) -> None: ...

    def in_application(self, application_id: str) -> None: ...

    def started(self, stage: str, number: int, of: int) -> None: ...

    def said(self, text: str) -> None: ...

    def finished(self, entry: Entry, error: BaseException | None = None) -> None: ...

    def skipped(self, stage: str) -> None: ...


class PlainProgress:
    """One line an event on stderr: what a log file wants."""

    def began(self, run_id: str, run_date: dt.date) -> None:
        pass

    def in_application(self, application_id: str) -> None:
        pass

    def started(self, stage: str, number: int, of: int) -> None:
        self._line(f"{stage}: started ({number} of {of})")

    def said(self, text: str) -> None:
        self._line(f"  {text}")

    def finished(self, entry: Entry, error: BaseException | None = None) -> None:
        self._line(f"{entry.stage}: {describe(entry)}")

    def skipped(self, stage: str) -> None:
        self._line(f"{stage}: done before, nothing has changed since")

    def _line(self, text: str) -> None:
        print(text, file=sys.stderr, flush=True)


def describe(entry: Entry) -> str:
    """An entry's outcome in a few words: rows by table, seconds, Spark jobs."""
    rows = ", ".join(f"{count:,} {name}" for name, count in (entry.rows_written or {}).items())
    words = [entry.status, rows, f"{entry.seconds or 0:.1f} s", f"{entry.spark_jobs or 0} Spark jobs"]
    return ", ".join(word for word in words if word)

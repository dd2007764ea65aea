"""What the ledger says of a stage that failed, and whether trying again makes sense.

The exit code alone will not do: YARN's cluster mode reports every failure as 1. Where a stage ended before its entry was
written, the exit code of spark-submit is all there is, and in client mode it is the stage's own.
"""

import datetime as dt
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

Row = Mapping[str, Any]

WRONG_INPUT, REFUSED = 2, 3


@dataclass(frozen=True)
class Verdict:
    """final: no retry can help. reason: one or more lines for whoever reads the log."""

    final: bool
    reason: str


def entries_of(printed: str) -> list[Row]:
    """The rows that `repertoire runs --json` printed."""
    rows: list[Row] = json.loads(printed)
    return rows


def verdict(entries: Sequence[Row], stage: str, since: dt.datetime, exit_code: int | None) -> Verdict:
    """What became of a try of a stage.

    entries: of one run_date. since: when the try began, UTC; entries of earlier tries say nothing about this one.
    exit_code: that of spark-submit, None where it is not known.
    """
    ours = [row for row in entries if row["stage"] == stage and _began(row) >= since]
    if not ours:
        return _by_exit_code(stage, exit_code)
    entry = max(ours, key=_began)
    said = entry["message"] or "no word"
    if entry["status"] == "refused":
        return Verdict(True, f"{stage} was refused, and would be again:\n{said}")
    if entry["exit_code"] == WRONG_INPUT:
        return Verdict(
            True, f"{stage}: the input or the settings are wrong, and a retry would find them so again:\n{said}"
        )
    if entry["status"] == "running":
        return Verdict(False, f"{stage} died without a word: its entry in the ledger still says running")
    if entry["status"] == "done":
        return Verdict(
            False, f"{stage} is done, says the ledger, and failed after that: a retry will find nothing left to do"
        )
    return Verdict(False, f"{stage} failed:\n{said}")


def _by_exit_code(stage: str, exit_code: int | None) -> Verdict:
    if exit_code == WRONG_INPUT:
        return Verdict(
            True, f"{stage} ended before it began (exit code 2): the input or the settings are wrong, see above"
        )
    if exit_code == REFUSED:
        return Verdict(False, f"{stage} did not begin (exit code 3): another run works on this date, see above")
    ended = "" if exit_code is None else f" (exit code {exit_code})"
    return Verdict(False, f"{stage} ended before the ledger had an entry of it{ended}, see above")


def _began(row: Row) -> dt.datetime:
    began = dt.datetime.fromisoformat(row["started_at"])
    return began if began.tzinfo else began.replace(tzinfo=dt.UTC)

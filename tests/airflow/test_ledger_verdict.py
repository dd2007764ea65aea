"""What the ledger says of a failed try, and whether another is worth it."""

import datetime as dt
import json
from typing import Any

import pytest

from repertoire_dag.ledger import entries_of, verdict

pytestmark = pytest.mark.quick

BEGAN = dt.datetime(2026, 3, 2, 2, 0, tzinfo=dt.UTC)
STAGE = "publish_recommendations"


def entry(status: str, exit_code: int | None, message: str | None = None, **more: Any) -> dict[str, Any]:
    """A row as `repertoire runs --json` prints it, of a try that began a minute after BEGAN."""
    minute = more.pop("minute", 1)
    started = str(BEGAN + dt.timedelta(minutes=minute))
    return {"stage": STAGE, "status": status, "exit_code": exit_code, "message": message, "started_at": started} | more


@pytest.mark.parametrize(
    "rows, exit_code, final, word",
    [
        ([entry("refused", 3, "the gate refused the lists")], 1, True, "the gate refused the lists"),
        ([entry("failed", 2, "row 3 is no row")], 1, True, "row 3 is no row"),
        ([entry("failed", 1, "disk full")], 1, False, "disk full"),
        ([entry("failed", 3, "the lease was lost")], 3, False, "the lease was lost"),
        ([entry("running", None)], 137, False, "died without a word"),
        ([entry("done", 0)], 1, False, "nothing left to do"),
        ([], 2, True, "exit code 2"),
        ([], 3, False, "another run works on this date"),
        ([], 1, False, "exit code 1"),
        ([], None, False, "before the ledger had an entry"),
    ],
)
def test_only_what_no_retry_can_mend_is_final(
    rows: list[dict[str, Any]], exit_code: int | None, final: bool, word: str
) -> None:
    found = verdict(entries_of(json.dumps(rows)), STAGE, BEGAN, exit_code)
    assert found.final is final
    assert word in found.reason


def test_entries_of_an_earlier_try_and_of_other_stages_do_not_count() -> None:
    before = entry("refused", 3, "before", minute=-1)
    other = entry("failed", 2, "other", stage="build_features")
    assert not verdict([before, other], STAGE, BEGAN, 1).final
    assert "now" in verdict([before, entry("failed", 1, "now"), other], STAGE, BEGAN, 1).reason


def test_of_two_entries_of_this_try_the_later_one_counts() -> None:
    rows = [entry("failed", 2, "second", minute=2), entry("failed", 1, "first")]
    assert verdict(rows, STAGE, BEGAN, 1).final
    naive = entry("failed", 2, "without a zone") | {"started_at": "2026-03-02 02:03:00"}
    assert "without a zone" in verdict([*rows, naive], STAGE, BEGAN, 1).reason

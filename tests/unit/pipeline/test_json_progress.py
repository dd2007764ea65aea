"""The log for machines: its lines, and what it must not hold."""

import datetime as dt
import json

import pytest

from repertoire.errors import GateRefusedError, InputError
from repertoire.pipeline.json_progress import JsonProgress
from repertoire.pipeline.ledger import Entry

DAY = dt.date(2026, 3, 1)
NOON = dt.datetime(2026, 3, 2, 12, tzinfo=dt.timezone(dt.timedelta(hours=1)))
PERSON = "ann@example.com"
Lines = list[dict[str, object]]


def entry(status: str, exit_code: int, **other: object) -> Entry:
    known = {"run_id": "r", "run_date": DAY, "stage": "ingest", "status": status, "exit_code": exit_code}
    return Entry(**known, started_at=NOON, settings_id="s", input_versions={}, **other)  # type: ignore[arg-type]


@pytest.fixture
def log(capsys: pytest.CaptureFixture[str]) -> JsonProgress:
    log = JsonProgress(["hunter22"], lambda: NOON)
    log.began("r", DAY)
    return log


def lines(capsys: pytest.CaptureFixture[str]) -> Lines:
    return [json.loads(line) for line in capsys.readouterr().err.splitlines()]


def test_every_line_says_when_which_run_and_which_stage(log: JsonProgress, capsys: pytest.CaptureFixture[str]) -> None:
    log.skipped("prepare")
    log.started("ingest", 2, 3)
    log.in_application("app-1")
    log.said("2 files\nof hunter22")
    log.finished(entry("done", 0, seconds=1.25, spark_jobs=4, rows_written={"events": 2}))
    log.ended(0)
    found = lines(capsys)
    assert [line["event"] for line in found] == ["began", "skipped", "started", "said", "finished", "ended"]
    assert {(line["time"], line["run_id"], line["run_date"]) for line in found} == {
        ("2026-03-02T11:00:00.000000Z", "r", "2026-03-01")
    }
    assert [line["stage"] for line in found] == [None, "prepare", "ingest", "ingest", "ingest", None]
    assert [line["application_id"] for line in found] == [None, None, None, "app-1", "app-1", "app-1"]
    assert found[3]["message"] == "2 files\nof ***"
    names = ("level", "outcome", "seconds", "rows", "spark_jobs", "exit_code")
    assert [found[4][name] for name in names] == ["INFO", "done", 1.25, {"events": 2}, 4, 0]


@pytest.mark.parametrize(
    ("error", "level", "outcome", "message"),
    [
        (
            InputError(f"{PERSON} is no number", in_logs="what stands there is no number"),
            "ERROR",
            "failed",
            "no number",
        ),
        (GateRefusedError("coverage is 0.1"), "WARN", "refused", "coverage is 0.1"),
        (ValueError(PERSON), "ERROR", "failed", "ValueError; its words are left out here: `repertoire runs` has"),
    ],
)
def test_a_failure_is_told_without_what_it_quotes(
    log: JsonProgress,
    capsys: pytest.CaptureFixture[str],
    error: Exception,
    level: str,
    outcome: str,
    message: str,
) -> None:
    log.started("ingest", 1, 1)
    log.finished(entry(outcome, 2, message=str(error)), error)
    log.ended(2, error)
    *_, failed, ended = lines(capsys)
    assert (failed["event"], failed["level"], failed["outcome"], failed["exit_code"]) == ("failed", level, outcome, 2)
    assert (ended["event"], ended["level"], ended["exit_code"]) == ("ended", level, 2)
    assert message in str(failed["message"])
    assert failed["message"] == ended["message"]
    assert PERSON not in json.dumps([failed, ended])


def test_sparks_name_for_a_condition_is_told_and_its_words_are_not(
    log: JsonProgress, capsys: pytest.CaptureFixture[str]
) -> None:
    class CastError(Exception):
        def getCondition(self) -> str:
            return "CAST_INVALID_INPUT"

    log.ended(1, CastError(f"the value '{PERSON}' cannot be cast"))
    (message,) = [line["message"] for line in lines(capsys) if line["event"] == "ended"]
    assert str(message).startswith("CastError [CAST_INVALID_INPUT]; ")
    assert PERSON not in str(message)

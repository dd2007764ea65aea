"""run.log=json: what each stage tells, and that it tells of nobody."""

import json
from pathlib import Path

import pytest

from repertoire.pipeline.ledger import Ledger
from repertoire.pipeline.stages import STAGES
from repertoire.store import open_warehouse
from repertoire.tables import REJECTED_EVENTS
from tests.pipeline.conftest import LAST_DAY, Command
from tests.pipeline.nightly import SMALL

PERSON = "ann.person@example.com"
SECRET = "correct-horse-battery"
HEADER = "user_id,item_id,event_type,event_ts"
Lines = list[dict[str, object]]


def log_of(rows: list[str], folder: Path, header: str = HEADER) -> Path:
    path = folder / "log.csv"
    path.write_text("\n".join([header, *rows]) + "\n")
    return path


def run(repertoire: Command, events: Path, *more: str) -> tuple[int, str, Lines]:
    """The exit code, all that was written, and the lines of the log."""
    settings = (
        *SMALL,
        "run.log=json",
        f"ingest.events={events}",
        f"spark.conf={{spark.hadoop.fs.s3a.secret.key: {SECRET}}}",
        "candidates.models=[popular]",
        "gate.max_loss_to_popular=1",
        *more,
    )
    given = [word for text in settings for word in ("--set", text)]
    done = repertoire("run", "--run-date", LAST_DAY, "--warehouse", "warehouse", *given)
    return done.exit_code, done.output, [json.loads(line) for line in done.stderr.splitlines()]


def test_a_whole_night_is_told_stage_by_stage_and_nobody_is_named(repertoire: Command, tmp_path: Path) -> None:
    rows = [
        f"{user},work-{(number + shift) % 7},play,2026-02-{14 + number:02}T10:00:00Z"
        for number, user in enumerate([PERSON, "bob@example.com", "cyd@example.com"] * 4)
        for shift in range(3)
    ]
    refused = [f"{PERSON},{PERSON},play,{PERSON}", f"{PERSON},x,{PERSON},2026-02-20"]
    code, output, lines = run(repertoire, log_of([*rows, *refused], tmp_path))
    assert code == 0, output
    assert PERSON not in output
    assert SECRET not in output
    finished = {line["stage"]: line for line in lines if line["event"] == "finished"}
    assert list(finished) == [stage.name for stage in STAGES]
    assert {line["run_id"] for line in lines} == {lines[0]["run_id"]}
    assert {line["application_id"] for line in finished.values()} == {lines[-1]["application_id"]}
    assert finished["ingest_events"]["rows"] == {"events": 36, "rejected_events": 2, "ingested_files": 1}
    assert (lines[-1]["event"], lines[-1]["exit_code"]) == ("ended", 0)
    warehouse = open_warehouse(str(tmp_path / "warehouse"))
    assert PERSON in str(warehouse.tables.rows(REJECTED_EVENTS).to_pylist()), "the table has what the log leaves out"
    _, _, again = run(repertoire, tmp_path / "log.csv")
    assert [line["event"] for line in again] == ["began", *["skipped"] * len(STAGES), "ended"]


@pytest.mark.parametrize(
    ("header", "row", "told", "ledger"),
    [
        (
            HEADER,
            f"{PERSON},a,play,{PERSON}",
            "log.csv, line 2, column event_ts: what stands there breaks the rule",
            True,
        ),
        (f"{PERSON},work-1,play", f"{PERSON},work-2,play", "log.csv has no column user_id. Its columns: 3.", True),
        (HEADER, "ann,a,play,2026-02-20", 'ingest.columns.value names "stars", which no file has.', False),
    ],
)
def test_a_failure_is_told_and_the_person_stays_in_the_ledger(
    repertoire: Command, tmp_path: Path, header: str, row: str, told: str, ledger: bool
) -> None:
    more = () if ledger else ("ingest.columns.value=stars",)
    code, output, lines = run(repertoire, log_of([row], tmp_path, header), *more)
    assert code == 2, output
    failed, ended = lines[-2:]
    assert (failed["event"], failed["stage"], failed["outcome"]) == ("failed", "ingest_events", "failed")
    assert (ended["event"], ended["exit_code"], ended["level"]) == ("ended", 2, "ERROR")
    assert told in str(failed["message"])
    assert PERSON not in output
    (entry,) = Ledger(open_warehouse(str(tmp_path / "warehouse")), LAST_DAY).entries()
    assert (PERSON in str(entry.message)) is ledger


def test_wrong_settings_are_told_without_the_secrets_among_them(repertoire: Command, tmp_path: Path) -> None:
    code, output, lines = run(repertoire, log_of([], tmp_path), f"spark.conf={{my.password: [{SECRET}]}}")
    assert code == 2
    (ended,) = lines
    assert (ended["event"], ended["run_id"]) == ("ended", None)
    assert "setting spark.conf.my.password: Input should be a valid string" in str(ended["message"])
    assert SECRET not in output

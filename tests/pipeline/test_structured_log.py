"""run.log=json: what each stage tells, and that it tells of nobody."""

import json
from pathlib import Path

import pytest

from repertoire.pipeline.ledger import Ledger
from repertoire.pipeline.stages import STAGES
from repertoire.store import Warehouse, open_warehouse
from repertoire.tables import REJECTED_EVENTS, STAGE_COSTS
from tests.pipeline.conftest import LAST_DAY, PEOPLE, Command
from tests.pipeline.nightly import SMALL

PERSON = f"ann.person{PEOPLE}"
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
        *more,
    )
    given = [word for text in settings for word in ("--set", text)]
    done = repertoire("run", "--run-date", LAST_DAY, "--warehouse", "warehouse", *given)
    return done.exit_code, done.output, [json.loads(line) for line in done.stderr.splitlines()]


def test_a_whole_night_is_told_stage_by_stage_and_nobody_is_named(finished: Warehouse, finished_log: str) -> None:
    lines = [json.loads(line) for line in finished_log.splitlines()]
    done = {line["stage"]: line for line in lines if line["event"] == "finished"}
    assert list(done) == [stage.name for stage in STAGES]
    entries = {entry.stage: entry for entry in Ledger(finished, LAST_DAY).entries()}
    for stage, line in done.items():
        entry = entries[stage]
        told = (line["run_id"], line["outcome"], line["rows"], line["seconds"], line["spark_jobs"], line["exit_code"])
        assert told == (entry.run_id, "done", entry.rows_written, entry.seconds, entry.spark_jobs, 0)
    assert {line["run_id"] for line in lines} == {entries["ingest_events"].run_id}
    costs = finished.tables.rows(STAGE_COSTS).to_pylist()
    assert {row["stage"]: row["application_id"] for row in costs} == {
        stage: line["application_id"] for stage, line in done.items() if stage != "train_ranker"
    }, "a stage that has nothing to do costs nothing"
    refused = finished.tables.rows(REJECTED_EVENTS).to_pylist()
    assert any(PEOPLE in row["raw"] for row in refused), "the table has what the log leaves out"
    assert PEOPLE not in finished_log


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

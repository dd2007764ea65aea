"""A week of runs with a late file, a correction, a backfill and a rollback, each table checked on the way."""

import datetime as dt
import gzip
import shutil
from pathlib import Path
from typing import Any

import pytest
from pyspark.sql import SparkSession

from repertoire.errors import InputError
from repertoire.pipeline.lease import utc_now
from repertoire.pipeline.ledger import Ledger
from repertoire.pipeline.progress import PlainProgress
from repertoire.pipeline.rollback import roll_back
from repertoire.pipeline.runner import Runner, RunOptions
from repertoire.pipeline.stages import STAGES
from repertoire.store import Warehouse, open_warehouse
from repertoire.tables import EVENTS, INGESTED_FILES, INTERACTIONS, PUBLICATIONS, RECOMMENDATIONS
from tests.pipeline.conftest import LAST_DAY
from tests.pipeline.nightly import Logs, contents, live_lists, settings_for

MONDAY, TUESDAY, WEDNESDAY, THURSDAY, FRIDAY = (LAST_DAY - dt.timedelta(days=back) for back in (4, 3, 2, 1, 0))
# Evaluation has its own tests; without it a week of runs takes half the time.
NIGHTLY = tuple(stage for stage in STAGES if not stage.name.startswith("evaluate"))


class Week:
    """A warehouse, an inbox that fills day by day, and the nightly job."""

    def __init__(self, spark: SparkSession, logs: Logs, folder: Path) -> None:
        self.spark, self.logs = spark, logs
        self.inbox = folder / "inbox"
        self.inbox.mkdir()
        self.settings = settings_for(
            Logs(self.inbox, logs.items, logs.users),
            folder / "warehouse",
            "gate.require_evaluation=false",
            "publication.keep_exports=2",
            "candidates.models=[]",
        )
        self.warehouse: Warehouse = open_warehouse(self.settings.run.warehouse)

    def receives(self, day: dt.date) -> Path:
        return Path(shutil.copy(self.logs.events / f"{day}.csv.gz", self.inbox))

    def runs(self, day: dt.date, **options: Any) -> None:
        Runner(self.warehouse, self.settings, NIGHTLY, PlainProgress(), lambda: self.spark).run(
            RunOptions(day, **options)
        )

    def rolls_back(self, to: dt.date | None = None) -> None:
        roll_back(
            self.warehouse,
            self.settings.publication,
            to=to,
            now=utc_now(),
            run_id="rollback",
            session=lambda: self.spark,
        )

    def of(self, table: Any, day: dt.date) -> list[tuple[Any, ...]]:
        return [row for row in contents(self.warehouse, table) if row[0] == day]

    def event_files(self) -> dict[str, set[str]]:
        """Names of the live data files of `events` by day."""
        from deltalake import DeltaTable

        found: dict[str, set[str]] = {}
        for uri in DeltaTable(self.warehouse.tables.path(EVENTS)).file_uris():
            day, name = uri.split("/")[-2:]
            found.setdefault(day.removeprefix("event_date="), set()).add(name)
        return found

    def counts(self) -> dict[str, dict[str, Any]]:
        rows = self.warehouse.tables.rows(INGESTED_FILES, where=[("kind", "=", "events")]).to_pylist()
        return {Path(row["path"]).name: row for row in rows}

    def live(self) -> dt.date:
        (day,) = {row[0] for row in live_lists(self.warehouse)}
        return day


@pytest.fixture(scope="module")
def week(spark: SparkSession, logs: Logs, tmp_path_factory: pytest.TempPathFactory) -> Week:
    return Week(spark, logs, tmp_path_factory.mktemp("week"))


def test_a_week(week: Week) -> None:
    start = MONDAY - dt.timedelta(days=9)
    for back in range(9):
        week.receives(start + dt.timedelta(days=back))
    week.receives(MONDAY)

    # Monday: the first run takes in all that lies there.
    week.runs(MONDAY)
    assert week.live() == MONDAY
    assert len(week.counts()) == 10
    for row in week.counts().values():
        assert row["rows_read"] == row["rows_accepted"] + row["rows_rejected"] + row["rows_duplicate"]
    assert sum(row["rows_accepted"] for row in week.counts().values()) == week.warehouse.tables.rows(EVENTS).num_rows
    assert sum(row["rows_rejected"] for row in week.counts().values()) > 0

    # Tuesday's log is late: Tuesday runs on what there is; nothing new, and the lists are Tuesday's all the same.
    before = week.event_files()
    week.runs(TUESDAY)
    assert week.event_files() == before
    assert week.live() == TUESDAY
    tuesday_without = week.of(INTERACTIONS, TUESDAY)
    monday_lists = week.of(RECOMMENDATIONS, MONDAY)

    # Wednesday brings both days. Only their files are touched.
    week.receives(TUESDAY)
    wednesday_file = week.receives(WEDNESDAY)
    week.runs(WEDNESDAY)
    after = week.event_files()
    assert {day: names for day, names in after.items() if day in before} == before
    assert set(after) - set(before) == {str(TUESDAY), str(WEDNESDAY)}
    assert week.of(INTERACTIONS, TUESDAY) == tuesday_without
    wednesday_lists = week.of(RECOMMENDATIONS, WEDNESDAY)

    # Tuesday again, with the late file: its own tables change, Wednesday's and Monday's do not, and neither is Tuesday
    # made live over Wednesday.
    week.runs(TUESDAY)
    assert week.of(INTERACTIONS, TUESDAY) == tuesday_without
    week.runs(TUESDAY, latest=True)
    assert sum(row[5] for row in week.of(INTERACTIONS, TUESDAY)) > sum(row[5] for row in tuesday_without)
    assert week.of(RECOMMENDATIONS, WEDNESDAY) == wednesday_lists
    assert week.of(RECOMMENDATIONS, MONDAY) == monday_lists
    assert week.live() == WEDNESDAY

    # Thursday: the same file under another name changes nothing; a corrected one brings what is new in it.
    shutil.copy(wednesday_file, week.inbox / "again.csv.gz")
    lines = gzip.decompress(wednesday_file.read_bytes()).decode().splitlines()
    sound = next(line for line in lines[1:] if ",view," in line and line.endswith(tuple("0123456789abcdef")))
    corrected = [lines[0], sound, f"somebody-new,{sound.split(',')[1]},purchase,{WEDNESDAY}T12:00:00Z,,s1"]
    (week.inbox / "correction.csv").write_text("\n".join(corrected) + "\n")
    known = week.warehouse.tables.rows(EVENTS).num_rows
    wednesday_before = week.event_files()
    week.runs(THURSDAY)
    assert "again.csv.gz" not in week.counts()
    fixed = week.counts()["correction.csv"]
    assert (fixed["rows_read"], fixed["rows_accepted"], fixed["rows_duplicate"]) == (2, 1, 1)
    assert week.warehouse.tables.rows(EVENTS).num_rows == known + 1
    changed = {day for day, names in week.event_files().items() if names != wednesday_before.get(day)}
    assert changed == {str(WEDNESDAY)}

    # A backfill of a day that never ran sees no later event and leaves today alone.
    thursday_lists, earlier = week.of(RECOMMENDATIONS, THURSDAY), MONDAY - dt.timedelta(days=3)
    week.runs(earlier)
    latest_seen = max(row[7] for row in week.of(INTERACTIONS, earlier))
    assert latest_seen < dt.datetime.combine(earlier + dt.timedelta(days=1), dt.time(), dt.UTC)
    assert week.of(RECOMMENDATIONS, THURSDAY) == thursday_lists
    assert week.live() == THURSDAY

    # Friday; then back, and further back to lists whose export is gone, and the run of a date that is done changes
    # nothing of that.
    week.receives(THURSDAY)
    week.receives(FRIDAY)
    week.runs(FRIDAY)
    assert week.live() == FRIDAY
    week.rolls_back()
    assert week.live() == THURSDAY
    assert [row for row in live_lists(week.warehouse) if row[0] == THURSDAY] == sorted(
        ((day, user, rank, item, score) for day, user, rank, item, score, *_ in thursday_lists), key=repr
    )
    week.rolls_back()
    assert week.live() == WEDNESDAY
    week.rolls_back(to=MONDAY)
    assert week.live() == MONDAY
    week.runs(FRIDAY)
    assert week.live() == MONDAY
    with pytest.raises(InputError, match="no publication of 2025-01-01 to roll back to"):
        week.rolls_back(to=dt.date(2025, 1, 1))
    rows = week.warehouse.tables.rows(PUBLICATIONS).to_pylist()
    told = [(row["action"], row["run_date"]) for row in sorted(rows, key=lambda row: row["published_at"])]
    assert told == [
        ("publish", MONDAY),
        ("publish", TUESDAY),
        ("publish", WEDNESDAY),
        ("publish", THURSDAY),
        ("publish", FRIDAY),
        ("rollback", THURSDAY),
        ("rollback", WEDNESDAY),
        ("rollback", MONDAY),
    ]
    assert all(entry.status == "done" for entry in Ledger(week.warehouse, FRIDAY).entries())

"""Upkeep on a warehouse of some nights: what goes, what stays, and that it can be interrupted anywhere."""

import datetime as dt
import json
import shutil
import threading
from contextlib import AbstractContextManager
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from zoneinfo import ZoneInfo

import pyarrow.parquet as pq
import pytest
from tests.grow_old import grow_old
from tests.ledger_rows import DAY, MadeUp

from repertoire.errors import SettingsError, TableError
from repertoire.pipeline import maintain_tables
from repertoire.pipeline.lease import Lease, of_date, utc_now
from repertoire.pipeline.maintain_tables import describe
from repertoire.pipeline.stage import RunContext, Tended
from repertoire.pipeline.upkeep_plan import plan_upkeep
from repertoire.settings import MaintenanceSettings
from repertoire.store import Warehouse
from repertoire.store.compaction import compact
from repertoire.store.parts import parts
from repertoire.tables import INTERACTIONS, MODELS, RECOMMENDATIONS, RUNS, Table

KEEP = MaintenanceSettings(keep_run_dates=3, keep_publications=2)


def day(back: int) -> dt.date:
    return DAY - dt.timedelta(days=back)


def maintain(
    warehouse: Warehouse, settings: MaintenanceSettings = KEEP, run_date: dt.date = DAY, now: dt.datetime | None = None
) -> list[str]:
    """What it said."""
    said: list[str] = []

    def lease(name: str, wait: float) -> AbstractContextManager[Any]:
        return Lease(warehouse.files, warehouse.folder("leases"), name, "upkeep", seconds=60, wait=wait)

    context = RunContext(
        spark=None,  # type: ignore[arg-type]
        run_id="upkeep",
        run_date=run_date,
        cutoff=utc_now(),
        zone=ZoneInfo("UTC"),
        now=now or utc_now(),
        seed=1,
        scratch="",
        say=said.append,
        tended=Tended(warehouse, lease, lambda: None),
    )
    sections = SimpleNamespace(maintenance=settings, run=SimpleNamespace(wait_seconds=0))
    maintain_tables.run(SimpleNamespace(), sections, context)  # type: ignore[arg-type]
    return said


def rows(warehouse: Warehouse, table: Table, version: int | None = None) -> list[tuple[Any, ...]]:
    found = warehouse.tables.rows(table, version).to_pylist()
    return sorted((tuple(row.values()) for row in found), key=repr)


def days_of(warehouse: Warehouse, table: Table) -> set[int]:
    return {(DAY - date).days for date in warehouse.tables.rows(table).column("run_date").to_pylist()}


def files_of(warehouse: Warehouse, table: Table) -> dict[int, int]:
    """Days back → current files."""
    return {(DAY - part.day).days: len(part.sizes) for part in parts(warehouse.tables, table) if part.day}


@pytest.fixture(scope="module")
def nights(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Eight nights: histories in three files each, lists and their publication, a model, and what the ledger says."""
    made = MadeUp(tmp_path_factory.mktemp("nights") / "warehouse")
    for back in reversed(range(8)):
        for part in range(3):
            made.more_history(day(back), [(f"u{part + 3 * n}", f"i{n}", float(n)) for n in range(4)])
        version = made.lists(day(back), {"ann": [(f"of-{back}", "popular", 2)]})
        made.published(day(back), version, export=f"e{back}")
        made.warehouse.tables.write_rows(
            MODELS,
            [
                {"run_date": day(back), "name": "als", "model_version": "v", "path": f"models/{day(back)}/als/v"}
                | {"run_id": "r", "metadata": "{}"}
            ],
        )
        for place in (f"models/{day(back)}/als/v", f"live/.exports/e{back}"):
            made.warehouse.files.replace(made.warehouse.folder(place, "part"), "…")
        made.run(day(back), "rank_recommendations")
    return Path(made.warehouse.root)


@pytest.fixture
def made(nights: Path, tmp_path: Path) -> MadeUp:
    return MadeUp(shutil.copytree(nights, tmp_path / "warehouse"))


def test_rows_too_old_go_with_their_models_and_exports_and_the_rest_is_as_it_was(made: MadeUp) -> None:
    warehouse = made.warehouse
    before = {table: rows(warehouse, table) for table in (INTERACTIONS, RECOMMENDATIONS, RUNS)}
    said = maintain(warehouse)
    for table in (INTERACTIONS, RECOMMENDATIONS, MODELS):
        assert days_of(warehouse, table) == {0, 1, 2, 3}, table.name
    old = {day(back) for back in range(4, 8)}
    assert rows(warehouse, INTERACTIONS) == [row for row in before[INTERACTIONS] if row[0] not in old]
    assert rows(warehouse, RECOMMENDATIONS) == [row for row in before[RECOMMENDATIONS] if row[0] not in old]
    assert rows(warehouse, RUNS) == before[RUNS]
    assert warehouse.files.names(warehouse.folder("models")) == [str(day(back)) for back in (3, 2, 1, 0)]
    assert warehouse.files.names(warehouse.folder("live", ".exports")) == ["e0", "e1"]
    assert f"48 rows of 4 days ({day(7)} to {day(4)}) removed" in "\n".join(said)
    assert "deleted: models of 4 dates, 6 exports" in said


def test_lists_that_a_rollback_may_want_stay_however_old_they_are(made: MadeUp) -> None:
    late = DAY + dt.timedelta(days=100)
    maintain(made.warehouse, run_date=late, now=dt.datetime.combine(late, dt.time(3), dt.UTC))
    assert days_of(made.warehouse, RECOMMENDATIONS) == {0, 1}
    assert days_of(made.warehouse, INTERACTIONS) == {0, 1}
    assert made.warehouse.files.names(made.warehouse.folder("models")) == [str(day(1)), str(day(0))]


def test_small_files_are_put_together_in_the_order_of_the_table_and_the_newest_day_is_left_alone(made: MadeUp) -> None:
    warehouse = made.warehouse
    before = rows(warehouse, INTERACTIONS)
    maintain(warehouse, MaintenanceSettings(keep_run_dates=None))
    assert files_of(warehouse, INTERACTIONS) == {0: 3, 1: 1, 2: 1, 3: 1, 4: 1, 5: 1, 6: 1, 7: 1}
    assert rows(warehouse, INTERACTIONS) == before
    opened = warehouse.tables.opened(INTERACTIONS)
    assert opened is not None
    (file,) = opened.file_uris(file_pruning_predicate=[("run_date", "=", str(day(1)))])
    users = pq.ParquetFile(file).read(columns=["user_id"])["user_id"].to_pylist()
    assert (users, len(users)) == (sorted(users), 12)
    (ledger,) = parts(warehouse.tables, RUNS)
    assert len(ledger.sizes) == 1

    settled = [warehouse.tables.version(table) for table in (INTERACTIONS, RECOMMENDATIONS, RUNS)]
    maintain(warehouse, MaintenanceSettings(keep_run_dates=None))
    assert [warehouse.tables.version(table) for table in (INTERACTIONS, RECOMMENDATIONS, RUNS)] == settled


def test_a_day_on_which_a_run_works_is_left_for_the_next_time(made: MadeUp) -> None:
    warehouse = made.warehouse
    with (
        Lease(warehouse.files, warehouse.folder("leases"), of_date(day(2)), "the night's run", seconds=60),
        Lease(warehouse.files, warehouse.folder("leases"), of_date(day(6)), "a backfill", seconds=60),
    ):
        said = "\n".join(maintain(warehouse))
    assert days_of(warehouse, INTERACTIONS) == days_of(warehouse, MODELS) == {0, 1, 2, 3, 6}
    assert files_of(warehouse, INTERACTIONS)[2] == 3
    assert f"as a run works on it: 2 days ({day(6)} to {day(2)})" in said
    assert str(day(6)) in warehouse.files.names(warehouse.folder("models"))
    maintain(warehouse)
    assert days_of(warehouse, INTERACTIONS) == {0, 1, 2, 3}
    assert files_of(warehouse, INTERACTIONS)[2] == 1


def test_published_versions_stay_readable_and_files_that_nothing_needs_go(made: MadeUp) -> None:
    warehouse = made.warehouse
    published = warehouse.tables.version(RECOMMENDATIONS)
    made.lists(day(1), {"ann": [("second thoughts", "popular", 2)]})  # done again, and never published
    between = warehouse.tables.version(RECOMMENDATIONS)
    made.lists(day(1), {"ann": [("third thoughts", "popular", 2)]})
    wanted = rows(warehouse, RECOMMENDATIONS, published)
    grow_old(warehouse, 8)
    folder = Path(warehouse.tables.path(RECOMMENDATIONS), f"run_date={day(1)}")
    assert len(list(folder.glob("*.parquet"))) == 3
    maintain(warehouse)
    assert rows(warehouse, RECOMMENDATIONS, published) == wanted
    assert len(list(folder.glob("*.parquet"))) == 2
    with pytest.raises((TableError, FileNotFoundError)):
        warehouse.tables.rows(RECOMMENDATIONS, between)


def test_versions_that_runs_pinned_stay_readable_as_long_as_they_may_be_done_again(
    made: MadeUp, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(maintain_tables, "write_checkpoint", lambda *_: None)  # `grow_old` cannot reach into one
    warehouse = made.warehouse
    pinned = warehouse.tables.version(INTERACTIONS)
    wanted = rows(warehouse, INTERACTIONS, pinned)
    made.run(DAY, "build_features", output_versions=json.dumps({"interactions": pinned}), started_at=utc_now())
    grow_old(warehouse, 8)
    maintain(warehouse)
    assert rows(warehouse, INTERACTIONS, pinned) == wanted, "removed rows and small files are still there for it"
    grow_old(warehouse, 8)
    maintain(warehouse, now=utc_now() + dt.timedelta(days=15))
    with pytest.raises((TableError, FileNotFoundError)):
        warehouse.tables.rows(INTERACTIONS, pinned)
    assert days_of(warehouse, INTERACTIONS) == {0, 1, 2, 3}


def test_the_log_is_trimmed_up_to_what_can_still_be_asked_for(made: MadeUp) -> None:
    warehouse = made.warehouse
    log = Path(warehouse.tables.path(RUNS), "_delta_log")
    maintain(warehouse)  # sums the log up
    for back in range(12):
        made.run(day(back), "build_features")
    grow_old(warehouse, 8)
    expected = rows(warehouse, RUNS)
    maintain(warehouse)
    versions = sorted(int(path.stem) for path in log.glob("*.json"))
    assert versions[0] > 0, "the oldest are gone"
    assert versions == list(range(versions[0], versions[-1] + 1)), "no hole"
    assert rows(warehouse, RUNS) == expected
    assert rows(warehouse, RUNS, versions[0]) is not None
    with pytest.raises(TableError, match="table runs .* cannot be read at version 0"):
        warehouse.tables.rows(RUNS, 0)


@pytest.mark.parametrize("last", ["remove_days", "compact", "remove_unneeded_files", "write_checkpoint", "trim_log"])
def test_interrupted_anywhere_and_done_again_it_ends_the_same(
    made: MadeUp, last: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    warehouse = made.warehouse
    published = warehouse.tables.version(RECOMMENDATIONS)
    grow_old(warehouse, 8)
    wanted = [row for row in rows(warehouse, INTERACTIONS) if (DAY - row[0]).days < 4]
    step, summing_up = getattr(maintain_tables, last), maintain_tables.write_checkpoint

    def then_die(tables: Any, *arguments: Any, **options: Any) -> None:
        step(tables, *arguments, **options)
        if INTERACTIONS in arguments:
            raise KeyboardInterrupt

    # Files are only deleted where there are some to delete, which an upkeep of a week ago has left.
    if last in ("remove_unneeded_files", "trim_log"):
        monkeypatch.setattr(maintain_tables, "write_checkpoint", lambda *_: None)  # `grow_old` cannot reach into one
        maintain(warehouse)
        grow_old(warehouse, 8)
        monkeypatch.setattr(maintain_tables, "write_checkpoint", summing_up)
    monkeypatch.setattr(maintain_tables, last, then_die)
    with pytest.raises(KeyboardInterrupt):
        maintain(warehouse)
    assert [row for row in rows(warehouse, INTERACTIONS) if (DAY - row[0]).days < 4] == wanted
    monkeypatch.undo()
    maintain(warehouse)
    assert rows(warehouse, INTERACTIONS) == wanted
    assert files_of(warehouse, INTERACTIONS) == {0: 3, 1: 1, 2: 1, 3: 1}
    assert days_of(warehouse, MODELS) == {0, 1, 2, 3}
    assert warehouse.files.names(warehouse.folder("models")) == [str(day(back)) for back in (3, 2, 1, 0)]
    assert warehouse.tables.rows(RECOMMENDATIONS, published, [("run_date", "=", DAY)]).num_rows == 1


def test_folders_of_models_whose_rows_went_before_a_crash_are_found(
    made: MadeUp, monkeypatch: pytest.MonkeyPatch
) -> None:
    def die(*arguments: Any) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(maintain_tables, "_delete_folders", die)
    with pytest.raises(KeyboardInterrupt):
        maintain(made.warehouse)
    monkeypatch.undo()
    assert len(made.warehouse.files.names(made.warehouse.folder("models"))) == 8
    maintain(made.warehouse)
    assert len(made.warehouse.files.names(made.warehouse.folder("models"))) == 4


def test_a_run_that_writes_the_ledger_meanwhile_loses_nothing(made: MadeUp) -> None:
    warehouse = made.warehouse
    done = threading.Event()

    def night() -> None:
        for minute in range(12):
            made.run(DAY, f"stage-{minute}", minute=minute)
            made.metric(DAY, f"stage-{minute}", "recommendations", "ndcg", 0.5)
        done.set()

    writer = threading.Thread(target=night)
    writer.start()
    while not done.is_set():
        compact(warehouse.tables, RUNS, [None], target=1 << 20)
    writer.join()
    stages = warehouse.tables.rows(RUNS, where=[("run_date", "=", DAY)]).column("stage").to_pylist()
    assert sorted(stages) == sorted(["rank_recommendations", *(f"stage-{minute}" for minute in range(12))])


def test_what_it_would_do_is_told_and_nothing_is_changed(made: MadeUp) -> None:
    warehouse = made.warehouse
    grow_old(warehouse, 8)
    before = sorted(path for path in Path(warehouse.root).rglob("*"))
    plan = plan_upkeep(warehouse, KEEP, run_date=DAY, now=utc_now())
    told = {one.table.name: describe(one, KEEP.keep_files) for one in plan.tables}
    assert "24 files, " in told["interactions"]
    assert f"rows of 4 days ({day(7)} to {day(4)}) removed; 9 files put together, of 3 days" in told["interactions"]
    assert [Path(folder).name for folder in plan.models] == [str(day(back)) for back in (7, 6, 5, 4)]
    assert sorted(path for path in Path(warehouse.root).rglob("*")) == before


def test_a_date_that_is_still_to_come_is_refused(made: MadeUp) -> None:
    with pytest.raises(SettingsError, match="--run-date 2126-01-01 lies in the future"):
        maintain(made.warehouse, run_date=dt.date(2126, 1, 1))
    assert days_of(made.warehouse, INTERACTIONS) == set(range(8))

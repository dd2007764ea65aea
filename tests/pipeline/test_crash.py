"""Killed between a write and its entry in the ledger, and run again; and two runs at once."""

import signal
from pathlib import Path

from repertoire.pipeline.ledger import Ledger
from repertoire.store import Warehouse, open_warehouse
from repertoire.tables import PUBLICATIONS
from tests.pipeline.conftest import LAST_DAY
from tests.pipeline.nightly import COMPARED, Logs, contents, live_lists, start_run

_KILL_BEFORE_LEDGER = """
import os, signal
from repertoire.pipeline.ledger import Ledger
write = Ledger.write
def killing(self, entry):
    if (entry.stage, entry.status) == ({stage!r}, 'done'):
        os.kill(os.getpid(), signal.SIGKILL)
    write(self, entry)
Ledger.write = killing
"""

_KILL_BEFORE_EXPORT_IS_SHOWN = """
import os, signal
from repertoire.pipeline import runner
def killing(*arguments, **options):
    os.kill(os.getpid(), signal.SIGKILL)
runner.point_live = killing
"""


def assert_equal(found: Warehouse, expected: Warehouse) -> None:
    for table in COMPARED:
        assert contents(found, table) == contents(expected, table), table.name
    assert live_lists(found) == live_lists(expected)


def test_a_run_that_is_killed_again_and_again_ends_in_the_same_tables(
    logs: Logs, finished: Warehouse, tmp_path: Path
) -> None:
    overrides = logs.overrides(tmp_path / "warehouse")
    kills = [
        *(_KILL_BEFORE_LEDGER.format(stage=stage) for stage in ("ingest_events", "rank_recommendations")),
        _KILL_BEFORE_EXPORT_IS_SHOWN,
    ]
    for kill in kills:
        process = start_run(overrides, LAST_DAY, before=kill)
        output, _ = process.communicate(timeout=300)
        assert process.returncode == -signal.SIGKILL, output
    warehouse = open_warehouse(str(tmp_path / "warehouse"))
    assert not Path(warehouse.folder("live", "recommendations")).exists()
    assert warehouse.tables.rows(PUBLICATIONS).num_rows == 1

    process = start_run(overrides, LAST_DAY)
    output, _ = process.communicate(timeout=300)
    assert process.returncode == 0, output
    assert_equal(warehouse, finished)
    assert warehouse.tables.rows(PUBLICATIONS).num_rows == 1
    assert {entry.run_id for entry in Ledger(warehouse, LAST_DAY).entries()} == {
        Ledger(warehouse, LAST_DAY).entries()[0].run_id
    }


def test_of_two_runs_of_one_date_at_once_one_wins_and_the_other_says_so(
    logs: Logs, finished: Warehouse, tmp_path: Path
) -> None:
    overrides = logs.overrides(tmp_path / "warehouse")
    both = [start_run(overrides, LAST_DAY) for _ in range(2)]
    outputs = [process.communicate(timeout=400)[0] for process in both]
    codes = [process.returncode for process in both]
    assert sorted(codes) == [0, 3], outputs
    assert "is being worked on by run" in outputs[codes.index(3)]
    assert_equal(open_warehouse(str(tmp_path / "warehouse")), finished)

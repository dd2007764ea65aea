"""What a task wrote counts once, however often it was tried."""

import os
import subprocess
import sys
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from repertoire.store import open_warehouse
from repertoire.tables import RECOMMENDATIONS
from tests.pipeline.attempts import ROWS


def assert_each_row_once(rows: pa.Table) -> None:
    assert sorted(rows.column("user_id").to_pylist()) == sorted(f"u{number}" for number in range(ROWS))
    assert "attempt-1" in rows.column("model_version").to_pylist(), "it was tried again"


def test_what_a_failed_attempt_wrote_is_in_no_table(tmp_path: Path) -> None:
    script = Path(__file__).with_name("attempts.py")
    done = subprocess.run(
        [sys.executable, str(script), str(tmp_path), "dies"],
        env=os.environ | {"PYTHONPATH": os.pathsep.join(path for path in sys.path if path)},
        capture_output=True,
        text=True,
        timeout=400,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout.split() == [str(ROWS)]
    table = open_warehouse(str(tmp_path)).tables.rows(RECOMMENDATIONS)
    for rows in (table, pq.read_table(tmp_path / "plain")):
        assert_each_row_once(rows)

"""A look at a large table: a batch at a time, or a few row groups of it. Without Spark."""

import datetime as dt
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from deltalake import write_deltalake

from repertoire.store.delta_tables import DeltaTables
from repertoire.store.files import LocalFiles
from repertoire.store.schemas import arrow_schema
from repertoire.tables import INTERACTIONS

DAY, EVE = dt.date(2026, 3, 1), dt.date(2026, 2, 28)
ROWS = 400


def rows(day: dt.date, users: range) -> pa.Table:
    made: list[dict[str, Any]] = [
        {
            "run_date": day,
            "user_id": f"u{user:04}",
            "item_id": "i",
            "strength": float(user),
            "negative": 0.0,
            "events": 1,
            "seen": True,
            "first_ts": None,
            "last_ts": None,
        }
        for user in users
    ]
    return pa.Table.from_pylist(made, schema=arrow_schema(INTERACTIONS))


@pytest.fixture
def tables(tmp_path: Path) -> DeltaTables:
    """Six files of the day, in row groups of 50; one of the day before."""
    from deltalake import WriterProperties

    tables = DeltaTables(str(tmp_path), LocalFiles())
    tables.create(INTERACTIONS)
    properties = WriterProperties(max_row_group_size=50)
    for number in range(6):
        users = range(number * ROWS, (number + 1) * ROWS)
        write_deltalake(tables.path(INTERACTIONS), rows(DAY, users), mode="append", writer_properties=properties)
    write_deltalake(tables.path(INTERACTIONS), rows(EVE, range(9_000, 9_010)), mode="append")
    (some, *_) = Path(tables.path(INTERACTIONS)).glob(f"run_date={DAY}/*.parquet")
    assert pq.ParquetFile(some).num_row_groups == 8
    return tables


def test_a_glance_reads_a_few_row_groups_of_all_files(tables: DeltaTables) -> None:
    found = tables.glance(INTERACTIONS, ["user_id"], where=[("run_date", "=", DAY)], row_groups=12)
    users = sorted(int(user[1:]) for user in found.column("user_id").to_pylist())
    assert found.column_names == ["user_id"]
    assert len(users) == 12 * 50
    assert {user // ROWS for user in users} == set(range(6)), "two row groups of each file"
    fewer = tables.glance(INTERACTIONS, ["user_id"], where=[("run_date", "=", DAY)], row_groups=3)
    assert fewer.num_rows == 3 * 50
    assert found.equals(tables.glance(INTERACTIONS, ["user_id"], where=[("run_date", "=", DAY)], row_groups=12))


def test_a_glance_at_a_small_table_is_all_of_it_that_meets_the_conditions(tables: DeltaTables) -> None:
    found = tables.glance(INTERACTIONS, ["user_id"], where=[("run_date", "=", EVE), ("strength", ">=", 9_005)])
    assert sorted(found.column("user_id").to_pylist()) == [f"u{n}" for n in range(9_005, 9_010)]


def test_batches_hold_the_rows_that_meet_the_conditions(tables: DeltaTables) -> None:
    where = [("run_date", "=", DAY), ("user_id", "in", ["u0001", "u2399", "u9001"])]
    found = [
        row for batch in tables.batches(INTERACTIONS, ["user_id", "strength"], where=where) for row in batch.to_pylist()
    ]
    assert sorted(found, key=lambda row: row["strength"]) == [
        {"user_id": "u0001", "strength": 1.0},
        {"user_id": "u2399", "strength": 2399.0},
    ]
    version = tables.version(INTERACTIONS)
    assert version is not None
    before = tables.batches(INTERACTIONS, ["user_id"], version - 1, [("run_date", "=", EVE)])
    assert sum(batch.num_rows for batch in before) == 0


def test_what_was_never_made_holds_nothing(tmp_path: Path) -> None:
    tables = DeltaTables(str(tmp_path), LocalFiles())
    assert list(tables.batches(INTERACTIONS, ["user_id"])) == []
    assert tables.glance(INTERACTIONS, ["user_id"]).num_rows == 0

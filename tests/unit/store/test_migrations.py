"""Tables that an older version of Repertoire made, and those of a newer one."""

import datetime as dt
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pytest
from deltalake import DeltaTable
from tests.ledger_rows import DAY, MadeUp

from repertoire.errors import TableError, TableVersionError
from repertoire.pipeline.compare_runs import compare_runs
from repertoire.pipeline.migrate_tables import behind
from repertoire.pipeline.report_on import report_on
from repertoire.settings import Settings
from repertoire.store import Warehouse
from repertoire.store.delta_tables import DeltaTables
from repertoire.store.migrations import Migration, needs_rewriting, steps
from repertoire.store.rewriting import migrate
from repertoire.tables import INTERACTIONS, METRICS, RUNS, TABLES, Column, Table

EVE = DAY - dt.timedelta(days=1)

# As lib/repertoire/tables.py declared it before groups of users and p-values came in.
METRICS_1 = Table(
    "metrics",
    "one measured figure",
    (
        Column("run_id", "string", "the run that measured it"),
        Column("run_date", "date", "the day whose run wrote the row; its events end with that day"),
        Column("stage", "string", "the stage that measured it"),
        Column("model", "string", "what was measured: recommendations, popular, the difference of the two, or a count"),
        Column("metric", "string", "recall, precision, ndcg, hit_rate, map, mrr, coverage, …"),
        Column("k", "int", "length of the list's head; 0 where it does not apply"),
        Column("value", "double", "the figure; null where it could not be measured", nullable=True),
        Column("low", "double", "lower end of the 95 % confidence interval", nullable=True),
        Column("high", "double", "upper end of the 95 % confidence interval", nullable=True),
        Column("users", "bigint", "users over whom it was averaged", nullable=True),
    ),
    key=("run_date", "stage", "model", "metric", "k"),
    written=METRICS.written,
    ledger=True,
)

# What INTERACTIONS might become: a unit changes, a column gets another name, one is new.
INTERACTIONS_3 = replace(
    INTERACTIONS,
    columns=(
        *(replace(one, name="disliked") if one.name == "negative" else one for one in INTERACTIONS.columns),
        Column("channel", "string", "where it happened", nullable=True),
    ),
    version=3,
)


def renamed(rows: pa.Table) -> pa.Table:
    halved = pc.divide(rows["strength"], 2.0)
    rows = rows.set_column(rows.column_names.index("strength"), "strength", halved)
    return rows.rename_columns(["disliked" if name == "negative" else name for name in rows.column_names])


TO_3 = Migration("interactions", 3, "strength counts half; negative is called disliked", renamed)


@pytest.fixture
def older(tmp_path: Path) -> Warehouse:
    """What an older version left: its ledger, and a night's figures."""
    made = MadeUp(tmp_path / "warehouse")
    for day, value in ((EVE, 0.3), (DAY, 0.4)):
        row = {"run_id": f"{day}-1", "run_date": day, "stage": "evaluate_offline", "model": "recommendations"}
        row |= {"metric": "ndcg", "k": 10, "value": value, "low": 0.1, "high": 0.5, "users": 7}
        made.warehouse.tables.write_rows(METRICS_1, [row])
        made.run(day, "evaluate_offline")
    return made.warehouse


def figures(warehouse: Warehouse) -> list[tuple[Any, ...]]:
    rows = warehouse.tables.rows(METRICS).to_pylist()
    return sorted((row["run_date"], row["value"], row["segment"], row["p_value"]) for row in rows)


def version_noted(warehouse: Warehouse, table: Table) -> str:
    return DeltaTable(warehouse.tables.path(table)).metadata().configuration["repertoire.version"]


def test_every_declared_version_can_be_reached_from_the_first() -> None:
    for table in TABLES.values():
        assert [step.to for step in steps(table, 1)] == list(range(2, table.version + 1)), table.name
    assert not needs_rewriting(steps(RUNS, 1)), "a migration is itself written there"


def test_columns_are_added_and_the_readers_of_today_read_it(older: Warehouse) -> None:
    assert figures(older) == [(EVE, 0.3, None, None), (DAY, 0.4, None, None)], "readers need no migration"
    (found,) = behind(older)
    assert str(found) == (
        "metrics: version 1 to 2 (figures may be about a group of users (segment) and carry a p-value): "
        "columns are added, no row is rewritten"
    )
    assert migrate(older.tables, found.table, found.steps) == 0
    assert version_noted(older, METRICS) == "2"
    assert behind(older) == []
    assert figures(older) == [(EVE, 0.3, None, None), (DAY, 0.4, None, None)]
    report = report_on(older)
    assert [(one.run_date, one.value, one.segment) for one in report.metrics] == [(EVE, 0.3, None), (DAY, 0.4, None)]
    compared = compare_runs(older, None, Settings(), str(EVE), str(DAY))  # type: ignore[arg-type]
    assert [(row["run"], row["value"]) for row in compared.figures] == [(str(EVE), 0.3), (str(DAY), 0.4)]


def test_a_run_adds_columns_by_itself_when_it_next_writes(older: Warehouse) -> None:
    older.tables.check_version(METRICS)
    older.tables.write_rows(METRICS, [], replace={"run_date": DAY})
    assert version_noted(older, METRICS) == "2"
    assert figures(older) == [(EVE, 0.3, None, None)]


@pytest.fixture
def halved(tmp_path: Path) -> DeltaTables:
    """A table of version 2 of a declaration that has become version 3."""
    made = MadeUp(tmp_path / "warehouse")
    made.more_history(EVE, [("u1", "i1", 4.0)])
    made.more_history(DAY, [("u1", "i1", 6.0), ("u2", "i2", 1.0)])
    return made.warehouse.tables


def strengths(tables: DeltaTables) -> list[tuple[Any, ...]]:
    rows = tables.rows(INTERACTIONS_3).to_pylist()
    return sorted((row["run_date"], row["user_id"], row["strength"], row["disliked"], row["channel"]) for row in rows)


AFTER = [(EVE, "u1", 2.0, 0.0, None), (DAY, "u1", 3.0, 0.0, None), (DAY, "u2", 0.5, 0.0, None)]


def test_rows_are_rewritten_once_and_the_table_keeps_what_the_declaration_says(halved: DeltaTables) -> None:
    taken = steps(INTERACTIONS_3, 2, [TO_3])
    assert needs_rewriting(taken)
    assert migrate(halved, INTERACTIONS_3, taken) == 3
    assert strengths(halved) == AFTER
    opened = DeltaTable(halved.path(INTERACTIONS_3))
    assert opened.metadata().partition_columns == ["run_date"]
    assert halved.run_dates(INTERACTIONS_3) == {EVE, DAY}
    fields = {field.name: field for field in opened.schema().fields}
    assert (fields["user_id"].nullable, fields["channel"].nullable) == (False, True)
    assert fields["disliked"].metadata["comment"] == INTERACTIONS_3.columns[4].meaning
    assert halved.made_version(INTERACTIONS_3) == 3


def test_a_migration_that_died_before_it_was_noted_rewrites_nothing_twice(
    halved: DeltaTables, monkeypatch: pytest.MonkeyPatch
) -> None:
    def die(self: DeltaTables, table: Table) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr(DeltaTables, "keeps_version", die)
        with pytest.raises(KeyboardInterrupt):
            migrate(halved, INTERACTIONS_3, [TO_3])
    assert halved.made_version(INTERACTIONS_3) == 2
    migrate(halved, INTERACTIONS_3, [TO_3])
    assert (strengths(halved), halved.made_version(INTERACTIONS_3)) == (AFTER, 3)


def test_a_migration_that_dies_while_it_rewrites_leaves_the_table_as_it_was(halved: DeltaTables) -> None:
    def dies(rows: pa.Table) -> pa.Table:
        if rows.num_rows:
            raise MemoryError("a large batch")
        return renamed(rows)

    before = halved.rows(INTERACTIONS).to_pylist()
    with pytest.raises(Exception, match="a large batch"):
        migrate(halved, INTERACTIONS_3, [replace(TO_3, rewrite=dies)])
    assert halved.rows(INTERACTIONS).to_pylist() == before
    with pytest.raises(TableError, match="gives the columns .*; declared are"):
        migrate(halved, INTERACTIONS_3, [replace(TO_3, rewrite=lambda rows: rows)])
    assert halved.rows(INTERACTIONS).to_pylist() == before


def test_a_table_of_a_newer_version_is_refused_and_nothing_is_written(older: Warehouse) -> None:
    DeltaTable(older.tables.path(RUNS)).alter.set_table_properties(
        {"repertoire.version": "7"}, raise_if_not_exists=False
    )
    versions = [older.tables.version(table) for table in (RUNS, METRICS)]
    for refused in (
        lambda: older.tables.write_rows(RUNS, []),
        lambda: older.tables.check_version(RUNS),
        lambda: behind(older),
    ):
        with pytest.raises(
            TableVersionError, match="was written by a newer Repertoire: it has version 7, and this one"
        ):
            refused()
    assert [older.tables.version(table) for table in (RUNS, METRICS)] == versions
    assert TableVersionError.exit_code == 2


def test_a_table_whose_rows_must_be_rewritten_waits_for_migrate(
    halved: DeltaTables, monkeypatch: pytest.MonkeyPatch
) -> None:
    def of_tomorrow(table: Table, version: int, migrations: Sequence[Migration] = ()) -> list[Migration]:
        return steps(table, version, [TO_3])

    monkeypatch.setattr("repertoire.store.delta_tables.steps", of_tomorrow)
    for refused in (lambda: halved.check_version(INTERACTIONS_3), lambda: halved.create(INTERACTIONS_3)):
        with pytest.raises(
            TableVersionError, match=r"has version 2; this Repertoire writes 3.*Run `repertoire migrate`"
        ):
            refused()
    assert halved.made_version(INTERACTIONS_3) == 2
    with pytest.raises(TableVersionError, match="has rows of an older Repertoire .strength counts half"):
        halved.rows(INTERACTIONS_3)
    before = halved.version(INTERACTIONS_3)
    migrate(halved, INTERACTIONS_3, [TO_3])
    assert strengths(halved) == AFTER
    with pytest.raises(TableVersionError, match=f"at version {before} of its log, .*--inputs latest"):
        halved.rows(INTERACTIONS_3, before)


def test_a_way_that_is_not_known_is_refused() -> None:
    with pytest.raises(TableVersionError, match="interactions has version 2; .* no way from version 2 to 3"):
        steps(INTERACTIONS_3, 2, [])

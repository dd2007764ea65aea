"""Delta tables: what each way of writing leaves, and what it touches."""

import datetime as dt
from dataclasses import replace
from pathlib import Path

import pytest
from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F

from repertoire.errors import TableError
from repertoire.store.delta_tables import DeltaTables
from repertoire.store.files import LocalFiles
from repertoire.store.frames import empty_frame
from repertoire.tables import EVENTS, INTERACTIONS, ITEMS, METRICS, PUBLICATIONS

MONDAY, TUESDAY = dt.date(2026, 3, 2), dt.date(2026, 3, 3)


@pytest.fixture
def tables(tmp_path: Path) -> DeltaTables:
    return DeltaTables(str(tmp_path / "tables"), LocalFiles())


def events(spark: SparkSession, *rows: tuple[str, str, dt.date]) -> DataFrame:
    frame = spark.createDataFrame(list(rows), "event_id string, item_id string, event_date date")
    return (
        frame.withColumns({name: F.lit("x") for name in ("user_id", "event_type", "source", "session_id")})
        .withColumns({"event_ts": F.lit(None).cast("timestamp"), "value": F.lit(None).cast("double")})
        .withColumn("context", F.create_map(F.lit("page"), F.lit("home")))
        .select(*EVENTS.column_names)
    )


def interactions(spark: SparkSession, day: dt.date, *items: str) -> DataFrame:
    frame = spark.createDataFrame([(item,) for item in items], "item_id string")
    return frame.selectExpr(
        f"DATE'{day}' AS run_date",
        "'u' AS user_id",
        "item_id",
        "1D AS strength",
        "0D AS negative",
        "1L AS events",
        "CAST(null AS array<string>) AS event_types",
        "true AS seen",
        "CAST(null AS timestamp) AS first_ts",
        "CAST(null AS timestamp) AS last_ts",
    )


def ids(tables: DeltaTables) -> list[str]:
    return sorted(tables.rows(EVENTS).column("event_id").to_pylist())


def test_a_table_that_was_never_made_has_no_version_and_no_rows(tables: DeltaTables, spark: SparkSession) -> None:
    assert tables.version(EVENTS) is None
    assert tables.rows(EVENTS).num_rows == 0
    read = tables.read(spark, EVENTS, None)
    assert (read.columns, read.count()) == (list(EVENTS.column_names), 0)


@pytest.mark.quick
def test_inserting_twice_adds_nothing_and_touches_the_given_days_only(tables: DeltaTables, spark: SparkSession) -> None:
    first = tables.insert_new(events(spark, ("1", "a", MONDAY), ("2", "b", TUESDAY)), EVENTS, [MONDAY, TUESDAY], "one")
    assert (first.rows, ids(tables)) == (2, ["1", "2"])
    assert tables.event_dates(EVENTS) == {MONDAY, TUESDAY}
    folder = Path(tables.path(EVENTS))
    monday_files = set(folder.glob(f"event_date={MONDAY}/*.parquet"))

    again = tables.insert_new(events(spark, ("2", "b", TUESDAY), ("3", "c", TUESDAY)), EVENTS, [TUESDAY], "two")
    assert (again.rows, ids(tables)) == (1, ["1", "2", "3"])
    assert set(folder.glob(f"event_date={MONDAY}/*.parquet")) == monday_files
    assert tables.rows(EVENTS).column("context").to_pylist()[0] == [("page", "home")]


def test_replacing_a_run_date_leaves_the_others_and_older_versions_stay_readable(
    tables: DeltaTables, spark: SparkSession
) -> None:
    tables.replace_run_date(interactions(spark, MONDAY, "a", "b"), INTERACTIONS, MONDAY, "one")
    tables.replace_run_date(interactions(spark, TUESDAY, "c"), INTERACTIONS, TUESDAY, "two")
    last = tables.replace_run_date(interactions(spark, MONDAY, "d"), INTERACTIONS, MONDAY, "three")
    assert last.rows == 1

    def items(version: int | None, day: dt.date) -> list[str]:
        return sorted(row.item_id for row in tables.read(spark, INTERACTIONS, version, day).collect())

    assert items(last.version, MONDAY) == ["d"]
    assert items(last.version, TUESDAY) == ["c"]
    assert items(last.version - 1, MONDAY) == ["a", "b"]
    assert tables.run_dates(INTERACTIONS) == {MONDAY, TUESDAY}
    with pytest.raises(TableError, match=r"table interactions .* cannot be read at version 99"):
        tables.rows(INTERACTIONS, 99)


def test_rows_of_another_run_date_are_refused(tables: DeltaTables, spark: SparkSession) -> None:
    with pytest.raises(Exception, match=rf"interactions: a row of run_date {TUESDAY} among those of {MONDAY}"):
        tables.replace_run_date(interactions(spark, TUESDAY, "a"), INTERACTIONS, MONDAY, "one")
    assert tables.rows(INTERACTIONS).num_rows == 0


def test_an_upsert_replaces_the_row_of_a_known_key(tables: DeltaTables, spark: SparkSession) -> None:
    def item(title: str, valid_from: dt.date) -> DataFrame:
        known = {"item_id": "a", "title": title, "valid_from": valid_from}
        cells = [F.lit(known.get(c.name)).cast(c.type).alias(c.name) for c in ITEMS.columns]
        return spark.range(1).select(*cells)

    tables.upsert(item("old", MONDAY), ITEMS, "one")
    tables.upsert(item("new", MONDAY).union(item("next", TUESDAY)), ITEMS, "two")
    found = {(row["valid_from"], row["title"]) for row in tables.rows(ITEMS).to_pylist()}
    assert found == {(MONDAY, "new"), (TUESDAY, "next")}


def metric(day: dt.date, stage: str, value: float) -> dict[str, object]:
    row: dict[str, object] = dict.fromkeys(METRICS.column_names)
    return row | {"run_id": "r", "run_date": day, "stage": stage, "model": "m", "metric": "x", "k": 1, "value": value}


def test_rows_of_a_ledger_table_replace_those_of_their_date_and_stage(tables: DeltaTables) -> None:
    for day, stage, value in ((MONDAY, "a", 1.0), (MONDAY, "b", 2.0), (TUESDAY, "a", 3.0), (MONDAY, "a", 4.0)):
        tables.write_rows(METRICS, [metric(day, stage, value)], replace={"run_date": day, "stage": stage})
    found = {(row["run_date"], row["stage"], row["value"]) for row in tables.rows(METRICS).to_pylist()}
    assert found == {(MONDAY, "a", 4.0), (MONDAY, "b", 2.0), (TUESDAY, "a", 3.0)}
    tables.write_rows(METRICS, [], replace={"run_date": MONDAY, "stage": "a"})
    assert tables.rows(METRICS, where=[("run_date", "=", MONDAY)]).column("stage").to_pylist() == ["b"]


def test_a_publication_is_added_once_and_never_changed(tables: DeltaTables) -> None:
    row = {
        "published_at": dt.datetime(2026, 3, 2, tzinfo=dt.UTC),
        "publication_id": "p",
        "export": "p",
        "action": "publish",
        "run_date": MONDAY,
        "run_id": "r",
        "table_version": 1,
        "rows": 2,
        "users": 1,
    }
    tables.write_rows(PUBLICATIONS, [row])
    tables.write_rows(PUBLICATIONS, [row | {"rows": 99}])
    assert tables.rows(PUBLICATIONS).to_pylist() == [row]


def test_a_frame_that_is_not_as_declared_is_refused(tables: DeltaTables, spark: SparkSession) -> None:
    frame = empty_frame(spark, EVENTS).drop("item_id").withColumn("extra", F.lit(1))
    with pytest.raises(TableError, match="no column item_id; column extra is not declared"):
        tables.insert_new(frame, EVENTS, [], "one")


def test_a_table_of_an_older_version_gets_the_new_columns(tables: DeltaTables, tmp_path: Path) -> None:
    new = ("segment", "p_value")
    older = replace(METRICS, columns=tuple(one for one in METRICS.columns if one.name not in new), key=("run_date",))
    row = {"run_id": "r", "run_date": MONDAY, "stage": "s", "model": "m", "metric": "ndcg", "k": 10, "value": 0.5}
    tables.write_rows(older, [row])
    read = tables.rows(METRICS).to_pylist()
    assert [(one["value"], one["segment"], one["p_value"]) for one in read] == [(0.5, None, None)]
    tables.write_rows(METRICS, [row | {"run_date": TUESDAY, "segment": "cold"}], replace={"run_date": TUESDAY})
    assert sorted(tables.rows(METRICS).column("segment").to_pylist(), key=str) == [None, "cold"]


def test_a_new_column_that_cannot_be_null_is_refused(tables: DeltaTables) -> None:
    older = replace(METRICS, columns=tuple(one for one in METRICS.columns if one.name != "k"), key=("run_date",))
    tables.create(older)
    with pytest.raises(TableError, match="lacks the columns k, which cannot be null"):
        tables.create(METRICS)

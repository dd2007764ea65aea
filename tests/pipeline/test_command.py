"""The command as a person types it: what it prints, how it ends, what it leaves."""

import json
from pathlib import Path

import pandas as pd
import pytest
from pyspark.sql import SparkSession

from repertoire.pipeline.stages import STAGES
from repertoire.store import Warehouse
from repertoire.tables import RECOMMENDATIONS
from tests.pipeline.conftest import LAST_DAY, Command
from tests.pipeline.nightly import SMALL, Logs


def small(*more: str) -> list[str]:
    return [word for text in (*SMALL, *more) for word in ("--set", text)]


@pytest.fixture
def log(tmp_path: Path) -> Path:
    """Two circles of friends, each with works of its own, in a CSV with names that are not ours."""
    rows = [
        (f"{circle}{person}", f"{circle}-work{(person + step) % 6}", "play")
        for circle in "ab"
        for person in range(6)
        for step in range(3)
    ]
    path = tmp_path / "plays.csv"
    pd.DataFrame(rows, columns=["visitorid", "sku", "event_type"]).to_csv(path, index=False)
    return path


def test_recommend_gives_everybody_a_full_list_of_unseen_items(repertoire: Command, log: Path, tmp_path: Path) -> None:
    out = tmp_path / "lists"
    columns = (
        "ingest.columns.user_id=visitorid",
        "ingest.columns.item_id=sku",
        "candidates.als.rank=2",
        "candidates.als.iterations=15",
    )
    done = repertoire("recommend", log, "--out", out, *small(*columns))
    assert done.exit_code == 0, done.output
    table = pd.read_parquet(out)
    assert list(table.columns) == ["user_id", "rank", "item_id", "score", "source", "reason"]
    seen = pd.read_csv(log).drop_duplicates()
    assert set(table["user_id"]) == set(seen["visitorid"])
    assert (table.groupby("user_id").size() == 5).all()
    assert not (set(zip(table.user_id, table.item_id, strict=True)) & set(zip(seen.visitorid, seen.sku, strict=True)))
    own_circle = table["user_id"].str[0] == table["item_id"].str[0]
    assert own_circle[table["rank"] <= 3].all(), "friends' works come first"
    assert not [path for path in tmp_path.iterdir() if path.name.startswith(".repertoire")], "no leftovers"

    again = repertoire("recommend", log, "--out", out, *small(*columns))
    assert again.exit_code == 0, again.output
    pd.testing.assert_frame_equal(pd.read_parquet(out), table)


def test_recommend_gives_the_lists_of_a_warehouse(
    repertoire: Command, finished: Warehouse, logs: Logs, spark: SparkSession, tmp_path: Path
) -> None:
    out, columns = tmp_path / "lists.parquet", ["user_id", "rank", "item_id", "score", "source", "reason"]
    arguments = ["--items", logs.items, *small(f"ingest.users={logs.users}")]
    done = repertoire("recommend", logs.events, "--out", out, *arguments)
    assert done.exit_code == 0, done.output
    kept = finished.tables.read(spark, RECOMMENDATIONS, finished.tables.version(RECOMMENDATIONS), LAST_DAY)
    expected = kept.select(*columns).orderBy("user_id", "rank").toPandas()
    assert len(expected["source"].unique()) > 1
    pd.testing.assert_frame_equal(pd.read_parquet(out), expected)


def test_recommend_writes_one_file_where_the_name_asks_for_it(repertoire: Command, log: Path, tmp_path: Path) -> None:
    out = tmp_path / "lists.parquet"
    names = ("ingest.columns.user_id=visitorid", "ingest.columns.item_id=sku")
    done = repertoire("recommend", log, "--out", out, "--model", "popular", *small(*names))
    assert done.exit_code == 0, done.output
    assert out.is_file()
    table = pd.read_parquet(out)
    assert set(table["source"]) == {"popular"}
    assert table["rank"].max() == 5


def test_recommend_from_a_catalogue(repertoire: Command, log: Path, tmp_path: Path) -> None:
    shelf = [(f"{circle}-work{number}", f"Circle {circle}") for circle in "ab" for number in range(6)]
    shelf += [("a-new", "Circle a, live"), ("c-new", None)]
    pd.DataFrame(shelf, columns=["sku", "title"]).to_csv(tmp_path / "shelf.csv", index=False)
    columns = small("ingest.columns.user_id=visitorid", "ingest.columns.item_id=sku")
    arguments = ["recommend", log, "--out", tmp_path / "lists", "--model", "content", *columns]
    done = repertoire(*arguments, "--items", tmp_path / "shelf.csv")
    assert done.exit_code == 0, done.output
    table = pd.read_parquet(tmp_path / "lists")
    found = table[table["source"] == "content"]
    assert set(found["user_id"]) == set(pd.read_csv(log)["visitorid"])
    assert set(found.loc[found["item_id"] == "a-new", "user_id"].str[0]) == {"a"}, "nobody has it, and circle a gets it"
    assert "c-new" not in set(table["item_id"])
    assert found["reason"].str.startswith("because_of:").all()

    without = repertoire(*arguments)
    assert without.exit_code == 2
    assert "content has no catalogue to learn from. It needs a table with item_id" in without.stderr


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--set", "features.half_live_days=3"], 'unknown setting "features.half_live_days"; did you mean'),
        (["--model", "alz"], 'unknown model "alz"; did you mean "als"?'),
        (["--top-k", "0"], "setting ranking.top_k: Input should be greater than or equal to 1 (received 0)"),
        (["--env", "locl"], 'unknown environment "locl"'),
    ],
)
@pytest.mark.quick
def test_wrong_arguments_are_refused_before_anything_starts(
    repertoire: Command, log: Path, tmp_path: Path, arguments: list[str], message: str
) -> None:
    done = repertoire("recommend", log, "--out", tmp_path / "lists", *arguments)
    assert done.exit_code == 2
    assert message in done.stderr
    assert not (tmp_path / "lists").exists()


def test_recommend_does_not_overwrite_what_it_did_not_write(repertoire: Command, log: Path, tmp_path: Path) -> None:
    mine = tmp_path / "thesis"
    mine.mkdir()
    (mine / "chapter1.txt").write_text("years of work")
    done = repertoire("recommend", log, "--out", mine)
    assert done.exit_code == 2
    assert "holds something else than a recommendation table. Nothing was written." in done.stderr
    assert [path.name for path in mine.iterdir()] == ["chapter1.txt"]


def test_a_missing_log_is_said_in_one_line(repertoire: Command, tmp_path: Path) -> None:
    done = repertoire("recommend", tmp_path / "nothing.csv", "--out", tmp_path / "lists")
    assert done.exit_code == 2
    assert "nothing.csv" in done.stderr
    assert "Traceback" not in done.stderr


def test_evaluate_gives_the_figures_with_intervals(repertoire: Command, tmp_path: Path) -> None:
    pd.DataFrame({"user_id": ["u", "u", "v", "v"], "item_id": ["a", "b", "a", "c"], "rank": [1, 2, 1, 2]}).to_csv(
        tmp_path / "lists.csv", index=False
    )
    pd.DataFrame({"user_id": ["u", "v"], "item_id": ["a", "c"]}).to_csv(tmp_path / "truth.csv", index=False)
    files = (tmp_path / "lists.csv", tmp_path / "truth.csv")
    done = repertoire("evaluate", *files, "--k", "1,2", "--json")
    assert done.exit_code == 0, done.output
    found = {(one["metric"], one["k"]): one["value"] for one in json.loads(done.stdout)["measurements"]}
    assert found["recall", 1] == 0.5
    assert found["recall", 2] == 1.0
    assert found["mrr", 2] == 0.75
    shown = repertoire("evaluate", *files, "--k", "1,2")
    assert "recall@2" in shown.stdout
    compared = repertoire("evaluate", *files, "--k", "1", "--against", tmp_path / "lists.csv")
    assert "difference" in compared.stdout
    assert "0.0000" in compared.stdout
    assert repertoire("evaluate", *files, "--k", "ten").exit_code == 2


def test_dry_run_says_what_would_run_and_writes_nothing(repertoire: Command, logs: Logs, tmp_path: Path) -> None:
    given = [word for text in logs.overrides(tmp_path / "warehouse") for word in ("--set", text)]
    done = repertoire("run", "--run-date", LAST_DAY, "--dry-run", *given)
    assert done.exit_code == 0, done.output
    assert [line.split(":")[0] for line in done.stdout.splitlines()][:2] == ["ingest_events", "build_features"]
    assert not (tmp_path / "warehouse").exists()
    missing = repertoire("run", "--run-date", LAST_DAY, "--dry-run", *given, "--set", "ingest.events=/nowhere/logs")
    assert missing.exit_code == 2
    assert "/nowhere/logs" in missing.stderr
    alone = repertoire("run", "--run-date", LAST_DAY, "--dry-run", "--from", "build_features", *given)
    assert alone.exit_code == 1
    assert "build_features reads table events" in alone.stderr


def test_a_date_that_is_none_is_refused(repertoire: Command) -> None:
    done = repertoire("run", "--run-date", "1.3.2026")
    assert done.exit_code == 2
    assert '--run-date: "1.3.2026" is not a date; write it as YYYY-MM-DD' in done.stderr


def test_show_user_and_item_answer_without_spark(
    finished: Warehouse, logs: Logs, repertoire: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    def no_spark(*args: object, **options: object) -> SparkSession:
        raise AssertionError("Spark was started")

    monkeypatch.setattr("repertoire.cli.sessions.start_session", no_spark)
    table = pd.read_parquet(Path(finished.folder("live", "recommendations")).resolve())
    top = table[(table["rank"] == 1) & (table["fallback_tier"] == 0)].iloc[0]
    titles = pd.read_json(logs.items, lines=True).set_index("item_id")["title"]

    shown = repertoire("show", "user", top.user_id, "--warehouse", finished.root, "--json")
    assert shown.exit_code == 0, shown.output
    found = json.loads(shown.stdout)
    assert found["list"][0]["item_id"] == top.item_id
    assert found["list"][0]["title"] == titles[top.item_id]
    assert found["works"] >= len(found["history"]) > 0
    assert {row["item_id"] for row in found["list"]}.isdisjoint(
        row["item_id"] for row in found["history"] if row["seen"]
    )
    words = repertoire("show", "user", top.user_id, "--warehouse", finished.root)
    assert "personalised" in words.stdout

    item = repertoire("show", "item", top.item_id, "--warehouse", finished.root, "--json")
    assert json.loads(item.stdout)["lists"] == (table["item_id"] == top.item_id).sum()
    nobody = repertoire("show", "user", "nobody", "--warehouse", finished.root)
    assert nobody.exit_code == 2
    assert 'user "nobody" is in no list' in nobody.stderr


def test_runs_and_publications_tell_what_happened(finished: Warehouse, repertoire: Command) -> None:
    runs = json.loads(repertoire("runs", "--warehouse", finished.root, "--json").stdout)
    assert [row["status"] for row in runs] == ["done"] * len(STAGES)
    assert "publish_recommendations" in repertoire("runs", "--warehouse", finished.root).stdout
    (row,) = json.loads(repertoire("publications", "--warehouse", finished.root, "--json").stdout)
    assert (row["action"], row["run_date"]) == ("publish", str(LAST_DAY))
    back = repertoire("rollback", "--warehouse", finished.root)
    assert back.exit_code == 2
    assert "to roll back to" in back.stderr


def test_a_warehouse_that_is_not_there_is_said_so(repertoire: Command, tmp_path: Path) -> None:
    done = repertoire("show", "user", "ann", "--warehouse", tmp_path / "nothing")
    assert done.exit_code == 2
    assert "no warehouse at" in done.stderr
    assert repertoire("publications", "--warehouse", tmp_path / "nothing").stdout.strip() == (
        "nothing has been published here yet"
    )


def test_doctor_finds_everything_in_order_and_says_what_is_missing(
    repertoire: Command, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    done = repertoire("doctor")
    assert done.exit_code == 0, done.output
    assert [line.split()[0] for line in done.stdout.splitlines()] == ["ok"] * 9
    monkeypatch.setenv("REPERTOIRE_JARS", str(tmp_path))
    lacking = repertoire("doctor", "--set", "spark.driver_memory=900t")
    assert lacking.exit_code == 1
    assert "WRONG Delta jars: no Delta jars in" in lacking.stdout
    assert "WRONG memory: spark.driver_memory is 900t, this machine has" in lacking.stdout

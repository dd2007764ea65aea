"""The two views of a run's lists: what was live against what followed, and backtests; and two runs compared."""

import datetime as dt
import json
import shutil
from pathlib import Path

import pandas as pd
import pytest
from pyspark.sql import SparkSession

from repertoire.pipeline.what_followed import what_followed
from repertoire.settings import FeatureSettings
from repertoire.store import Warehouse
from repertoire.tables import EVENTS, INTERACTIONS, METRICS, RECOMMENDATIONS
from repertoire.vocabulary import EVENT_DATE
from tests.pipeline.conftest import LAST_DAY, Command
from tests.pipeline.nightly import Logs, run_here, settings_for

EARLIER, BEFORE = (LAST_DAY - dt.timedelta(days=back) for back in (6, 4))


@pytest.fixture(scope="module")
def inbox(logs: Logs, tmp_path_factory: pytest.TempPathFactory) -> Logs:
    return Logs(tmp_path_factory.mktemp("inbox"), logs.items, logs.users)


@pytest.fixture(scope="module")
def three_runs(logs: Logs, inbox: Logs, spark: SparkSession, tmp_path_factory: pytest.TempPathFactory) -> Warehouse:
    """Published two and four days apart, of popularity alone, so that it takes little time."""
    folder = tmp_path_factory.mktemp("three_runs") / "warehouse"
    settings = settings_for(inbox, folder, "candidates.models=[]", "gate.require_evaluation=false")
    for day in (EARLIER, BEFORE, LAST_DAY):
        for file in sorted(logs.events.iterdir()):
            if file.name[:10] <= str(day):
                shutil.copy(file, inbox.events)
        warehouse = run_here(spark, settings, day)
    return warehouse


def metrics(warehouse: Warehouse, stage: str, day: dt.date) -> dict[tuple[str, str, int, str | None], float | None]:
    rows = warehouse.tables.rows(METRICS, where=[("run_date", "=", day), ("stage", "=", stage)]).to_pylist()
    return {(row["model"], row["metric"], row["k"], row["segment"]): row["value"] for row in rows}


def test_the_first_run_has_nothing_live_to_measure(three_runs: Warehouse) -> None:
    assert metrics(three_runs, "evaluate_live", EARLIER) == {}
    assert metrics(three_runs, "evaluate_live", BEFORE) != {}


def test_live_lists_are_measured_on_what_followed(three_runs: Warehouse, spark: SparkSession) -> None:
    """The figure, computed again with pandas from the tables."""
    tables = three_runs.tables
    lists = tables.rows(RECOMMENDATIONS, where=[("run_date", "=", BEFORE)]).to_pandas()
    then = tables.rows(INTERACTIONS, where=[("run_date", "=", BEFORE)]).to_pandas()
    seen = set(zip(then.user_id[then.seen], then.item_id[then.seen], strict=True))
    truth = what_followed(
        tables.read(spark, EVENTS, tables.version(EVENTS)),
        spark.createDataFrame(sorted(seen), "user_id string, item_id string"),
        FeatureSettings(),
        day=BEFORE,
        cutoff=dt.datetime.combine(LAST_DAY + dt.timedelta(days=1), dt.time(), dt.UTC),
        max_users=10**6,
        seed=1,
    ).toPandas()
    hits = lists[lists["rank"] <= 5].merge(truth, on=["user_id", "item_id"]).groupby("user_id").size()
    relevant = truth.groupby("user_id").size()
    recall = (hits.reindex(relevant.index, fill_value=0) / relevant).mean()
    found = metrics(three_runs, "evaluate_live", LAST_DAY)
    assert found["live", "recall", 5, None] == pytest.approx(recall)
    differences = {"live - popular", "previous - popular", "live - previous"}
    assert {model for model, *_ in found} == {"live", "popular", "previous"} | differences
    assert {"history=cold", "history=warm"} >= {segment for *_, segment in found if segment is not None}
    assert found["live", "diversity", 5, None] is not None


def test_what_followed_is_new_liked_and_within_the_days(spark: SparkSession) -> None:
    def at(day: int, hour: int = 12) -> dt.datetime:
        return dt.datetime(2026, 3, day, hour, tzinfo=dt.UTC)

    rows = [
        ("u", "old", "purchase", at(1), None),  # before
        ("u", "new", "purchase", at(2), None),
        ("u", "again", "purchase", at(2), None),  # consumed before
        ("u", "viewed", "view", at(2), None),  # not consumed
        ("v", "hated", "rating", at(3), 1.0),
        ("v", "loved", "rating", at(3), 5.0),
        ("w", "late", "purchase", at(4), None),  # after
    ]
    events = spark.createDataFrame(
        rows, "user_id string, item_id string, event_type string, event_ts timestamp, value double"
    ).selectExpr("*", f"CAST(event_ts AS date) AS {EVENT_DATE}")
    history = spark.createDataFrame([("u", "again"), ("u", "old")], "user_id string, item_id string")
    found = what_followed(
        events, history, FeatureSettings(), day=dt.date(2026, 3, 1), cutoff=at(4, 0), max_users=10, seed=1
    ).collect()
    assert {(row["user_id"], row["item_id"]) for row in found} == {("u", "new"), ("v", "loved")}
    assert all(row["gain"] > 0 for row in found)
    assert len(what_followed(events, history, FeatureSettings(), day=dt.date(2026, 3, 1), cutoff=at(4, 0), max_users=1,
                             seed=1).collect()) == 1  # fmt: skip


def test_the_backtest_judges_what_was_published_at_its_cutoff(three_runs: Warehouse) -> None:
    """Five days are held back: the last run judges the first one's lists, and the first one none."""
    assert {model for model, *_ in metrics(three_runs, "evaluate_offline", EARLIER)} == {
        "recommendations",
        "popular",
        "recommendations - popular",
    }
    assert "published" in {model for model, *_ in metrics(three_runs, "evaluate_offline", LAST_DAY)}


def test_a_rerun_with_other_settings_judges_it(
    three_runs: Warehouse, inbox: Logs, spark: SparkSession, tmp_path: Path
) -> None:
    copy = tmp_path / "warehouse"
    shutil.copytree(three_runs.root, copy, symlinks=True)
    settings = settings_for(
        inbox, copy, "candidates.models=[]", "gate.require_evaluation=false", "evaluation.holdout_days=4"
    )
    warehouse = run_here(spark, settings, LAST_DAY, first="evaluate_offline", last="evaluate_offline")
    found = metrics(warehouse, "evaluate_offline", LAST_DAY)
    assert {"published", "recommendations - published", "published - popular"} <= {model for model, *_ in found}
    # With the same settings and the same cutoff, the backtest makes the very lists that were published.
    assert found["recommendations - published", "ndcg", 5, None] == pytest.approx(0, abs=0.02)


def test_compare_says_what_differs_and_measures_both_on_what_followed(
    three_runs: Warehouse, repertoire: Command
) -> None:
    done = repertoire("compare", BEFORE, LAST_DAY, "--warehouse", three_runs.root, "--json")
    assert done.exit_code == 0, done.output
    found = json.loads(done.stdout)
    assert found["names"] == [str(BEFORE), str(LAST_DAY)]
    assert {row["stage"] for row in found["stages"] if row["same settings"]} >= {
        "ingest_events",
        "publish_recommendations",
    }
    assert found["followed"] == [], "nothing has followed the last day"
    lists = {
        day: three_runs.tables.rows(RECOMMENDATIONS, where=[("run_date", "=", day)]).to_pandas()
        for day in (BEFORE, LAST_DAY)
    }
    both = lists[BEFORE].merge(lists[LAST_DAY], on=["user_id", "rank"])
    users = set(lists[BEFORE].user_id) & set(lists[LAST_DAY].user_id)
    assert found["users"] == len(users)
    places = lists[BEFORE].user_id.isin(users).sum()
    assert found["same_places"] == pytest.approx((both.item_id_x == both.item_id_y).sum() / places)
    table = repertoire("compare", LAST_DAY, BEFORE, "--warehouse", three_runs.root)
    assert "users have lists in both" in table.stdout
    assert "nothing has followed the later run yet" in table.stdout


def test_both_lists_are_measured_on_what_followed_the_later_run(three_runs: Warehouse, repertoire: Command) -> None:
    done = repertoire("compare", EARLIER, BEFORE, "--warehouse", three_runs.root, "--json", "--set", "evaluation.k=[5]")
    assert done.exit_code == 0, done.output
    found = {
        (one["model"], one["metric"]): one["value"]
        for one in json.loads(done.stdout)["followed"]
        if one["segment"] is None
    }
    # The later run's own figure, since its lists were the live ones of the last day.
    live = metrics(three_runs, "evaluate_live", LAST_DAY)
    assert found[str(BEFORE), "recall"] == pytest.approx(live["live", "recall", 5, None])
    assert found[str(EARLIER), "recall"] == pytest.approx(live["previous", "recall", 5, None])
    assert found[f"{BEFORE} - {EARLIER}", "recall"] == pytest.approx(live["live - previous", "recall", 5, None])


@pytest.mark.parametrize(
    ("runs", "message"),
    [
        ((BEFORE, "2020-01-01"), 'there is no run "2020-01-01" in'),
        ((LAST_DAY, LAST_DAY), "are the same run; name two"),
    ],
)
def test_runs_that_cannot_be_compared(
    three_runs: Warehouse, repertoire: Command, runs: tuple[object, object], message: str
) -> None:
    done = repertoire("compare", *runs, "--warehouse", three_runs.root)
    assert done.exit_code == 2
    assert message in done.stderr


def test_backtest_of_a_warehouse_over_two_windows(three_runs: Warehouse, repertoire: Command) -> None:
    before = three_runs.tables.version(METRICS)
    done = repertoire(
        "backtest", "--warehouse", three_runs.root, "--days", 3, "--windows", 2, "--k", "5", "--json",
        "--set", "candidates.models=[]", "--by", "country",
    )  # fmt: skip
    assert done.exit_code == 0, done.output
    newest, earlier, together = json.loads(done.stdout)
    assert newest["split"].startswith("the last 3 days, from 2026-02-27 on")
    assert earlier["split"].startswith("the last 3 days, from 2026-02-24 on")
    assert together["split"] == "2 windows together"
    users = []
    for window in (newest, earlier, together):
        (ndcg,) = [one for one in window["measurements"]
                   if (one["model"], one["metric"], one["segment"]) == ("popular", "ndcg", None)]  # fmt: skip
        assert 0 < ndcg["value"] < 1
        users.append((ndcg["users"], ndcg["users"] * ndcg["value"]))
    for window in (newest, earlier):
        assert any(str(one["segment"]).startswith("country=") for one in window["measurements"])
    assert users[0][0] > 10
    assert users[2] == (users[0][0] + users[1][0], pytest.approx(users[0][1] + users[1][1]))
    assert three_runs.tables.version(METRICS) == before, "a backtest only reads"


def test_backtest_of_a_log_with_each_split(repertoire: Command, tmp_path: Path) -> None:
    """Six people go through the same six works in the same order: everybody's last is the one that only they lack."""
    rows = [(f"u{n}", f"w{step}", f"2026-03-{1 + step:02}T12:00:00Z") for n in range(6) for step in range(6 - (n == 0))]
    pd.DataFrame(rows, columns=["user_id", "item_id", "event_ts"]).to_csv(tmp_path / "log.csv", index=False)
    common = ("--k", "1", "--set", "candidates.models=[]", "--set", "spark.shuffle_partitions=2")

    def recall(*options: object) -> float:
        done = repertoire("backtest", tmp_path / "log.csv", *common, "--json", *options)
        assert done.exit_code == 0, done.output
        (result,) = json.loads(done.stdout)
        (one,) = [one for one in result["measurements"]
                  if (one["model"], one["metric"], one["segment"]) == ("popular", "recall", None)]  # fmt: skip
        return float(one["value"])

    assert recall("--split", "leave_last") == pytest.approx(1 / 6), "u0 lacks w4 then; nobody knows w5 any more"
    truth = tmp_path / "truth.csv"
    truth.write_text("user_id,item_id\nu0,w5\n")
    assert recall("--truth", truth) == 1
    table = repertoire("backtest", tmp_path / "log.csv", *common, "--split", "user_hash")
    assert table.exit_code == 0, table.output
    assert "20% of each user's works held back by hash: 6 users" in table.stdout
    assert "recall@1" in table.stdout


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--model", "alz"], 'unknown model "alz"; did you mean "als"?'),
        (["--model", "popular"], "popularity is always measured; name what to compare with it"),
        (["--windows", "0"], "--windows takes a positive number, received 0"),
        (["--windows", "2", "--split", "leave_last"], "--windows moves the cutoff of global_time"),
        (["--k", "0"], '--k takes positive whole numbers with commas between, such as 5,10,20; received "0"'),
        (["--split", "random"], "setting evaluation.split"),
        (["--by", "shoe_size"], "setting evaluation.by"),
        (["--warehouse", "nowhere"], "has no events. Name a log (repertoire backtest EVENTS)"),
    ],
)
def test_backtests_that_cannot_be_are_refused(repertoire: Command, options: list[str], message: str) -> None:
    done = repertoire("backtest", *options)
    assert done.exit_code == 2
    assert message in done.stderr

"""`--model two_stage` as a person types it."""

from pathlib import Path

import pandas as pd

from tests.pipeline.conftest import Command
from tests.pipeline.nightly import Logs

SMALL = (
    "--set", 'ranking.ranker.sources=["item_knn","trending"]',
    "--set", "ranking.ranker.window_days=4",
    "--set", "ranking.ranker.windows=1",
    "--set", "ranking.ranker.depth=30",
    "--set", "ranking.ranker.rank_ndcg.rounds=10",
)  # fmt: skip


def test_lists_are_ranked_and_filled_for_everybody(repertoire: Command, logs: Logs) -> None:
    done = repertoire(
        "recommend",
        logs.events,
        "--items",
        logs.items,
        "--out",
        "lists.parquet",
        "--model",
        "two_stage",
        "--top-k",
        "5",
        *SMALL,
    )
    assert done.exit_code == 0, done.output
    assert "ranker: rank_ndcg on" in done.output
    lists = pd.read_parquet("lists.parquet")
    assert set(lists.source) & {"item_knn", "trending"}
    for _, own in lists.groupby("user_id"):
        assert own["rank"].tolist() == [1, 2, 3, 4, 5]
        assert own.item_id.is_unique
        assert (own.score.diff().dropna() <= 0).all()
    head = lists[lists["rank"] == 1]
    assert head.score.nunique() > 5  # the ranker's, of each user


def test_a_backtest_compares_it_with_single_models(repertoire: Command, logs: Logs) -> None:
    arguments = (
        "--model",
        "two_stage",
        "--model",
        "trending",
        "--against",
        "trending",
        "--split",
        "global_time",
        "--days",
        "4",
        *SMALL,
    )
    done = repertoire("backtest", logs.events, "--items", logs.items, *arguments)
    assert done.exit_code == 0, done.output
    assert "two_stage - popular" in done.output
    assert "trending - popular" in done.output
    assert "two_stage - trending" in done.output
    assert not list(Path().glob("repertoire-*"))


def test_a_log_without_times_is_refused_with_what_to_do(repertoire: Command) -> None:
    rows = [(f"u{user}", f"i{(user * 7 + item) % 30}") for user in range(30) for item in range(8)]
    pd.DataFrame(rows, columns=["user_id", "item_id"]).to_csv("plays.csv", index=False)
    done = repertoire(
        "recommend", Path("plays.csv").absolute(), "--out", "lists.parquet", "--model", "two_stage", *SMALL
    )
    assert done.exit_code == 2, done.output
    assert "the ranker cannot learn" in done.output
    assert "ranking.ranker.algorithm=none" in done.output
    assert not Path("lists.parquet").exists()

"""The nightly job with a ranker: fitted, kept for some nights, then learning from what earlier nights left."""

import datetime as dt
import shutil
from pathlib import Path

import pytest
from pyspark.sql import SparkSession

from repertoire.errors import InputError
from repertoire.tables import CANDIDATES, MODELS, RECOMMENDATIONS, RUNS
from tests.pipeline.conftest import LAST_DAY
from tests.pipeline.nightly import Logs, run_here, settings_for
from tests.pipeline.toy import Recorder

RANKED = (
    'candidates.models=["item_knn", "trending"]',
    "ranking.ranker.algorithm=rank_ndcg",
    "ranking.ranker.window_days=4",
    "ranking.ranker.windows=1",
    "ranking.ranker.depth=30",
    "ranking.ranker.rank_ndcg.rounds=10",
    "evaluation.holdout_days=1",
)


def test_a_ranker_is_fitted_kept_and_learns_from_earlier_nights(
    spark: SparkSession, logs: Logs, tmp_path: Path
) -> None:
    nights = [LAST_DAY - dt.timedelta(days=back) for back in (5, 4, 0)]
    said: list[str] = []
    inbox = tmp_path / "inbox"
    inbox.mkdir()
    arriving = Logs(inbox, logs.items, logs.users)
    for night, last, fit_days in zip(
        nights, ("train_ranker", "generate_candidates", "evaluate_offline"), (7, 7, 5), strict=True
    ):
        for day in logs.events.iterdir():
            if day.name <= f"{night}.csv.gz":
                shutil.copy(day, inbox)
        settings = settings_for(arriving, tmp_path / "warehouse", *RANKED, f"ranking.ranker.fit_days={fit_days}")
        recorder = Recorder()
        warehouse = run_here(spark, settings, night, recorder, last=last)
        said.append("\n".join(recorder.words))
    rows = {row["run_date"]: row for row in warehouse.tables.rows(MODELS, where=[("name", "=", "ranker")]).to_pylist()}
    versions = [rows[night]["model_version"] for night in nights]
    assert "ranker: rank_ndcg on" in said[0]
    assert f"ranker: {versions[0]}, of {nights[0]}, serves on" in said[1]
    assert "of 1 windows of 4 days, 1 of them as past runs left them" in said[2]

    lists = warehouse.tables.rows(RECOMMENDATIONS, where=[("run_date", "=", nights[2])]).to_pandas()
    assert set(lists.model_version.iloc[0].split("+")) >= {versions[2]}
    assert set(lists.source) >= {"item_knn"}
    first = lists[lists["rank"] == 1].set_index("user_id")
    candidates = warehouse.tables.rows(CANDIDATES, where=[("run_date", "=", nights[2])]).to_pandas()
    top = candidates[(candidates["rank"] == 1) & (candidates.source == "item_knn")].set_index("user_id")
    both = first.join(top, rsuffix="_of_source", how="inner")
    assert (both.item_id != both.item_id_of_source).mean() > 0.2  # an order of its own
    for _, own in lists.groupby("user_id"):
        assert own.sort_values("rank").score.diff().dropna().le(0).all()
    assert "ndcg@10 of recommendations - popular" in said[2]


def test_without_a_ranker_its_stage_is_done_at_once(spark: SparkSession, logs: Logs, tmp_path: Path) -> None:
    settings = settings_for(logs, tmp_path / "warehouse", 'candidates.models=["popular"]')
    recorder = Recorder()
    warehouse = run_here(spark, settings, LAST_DAY, recorder, last="train_ranker")
    assert "no ranker is asked for (ranking.ranker.algorithm=none)" in recorder.words
    entry = next(row for row in warehouse.tables.rows(RUNS).to_pylist() if row["stage"] == "train_ranker")
    assert (entry["status"], entry["spark_jobs"]) == ("done", 0)
    again = Recorder()
    run_here(spark, settings, LAST_DAY, again, last="train_ranker")
    assert "train_ranker" in again.left


def test_a_log_too_young_for_a_window_stops_the_night_before_lists_are_made(
    spark: SparkSession, logs: Logs, tmp_path: Path
) -> None:
    settings = settings_for(logs, tmp_path / "warehouse", *RANKED, "ranking.ranker.window_days=400")
    with pytest.raises(InputError, match="the ranker cannot learn: in the last 400 days"):
        run_here(spark, settings, LAST_DAY)

"""The second stage: it learns from earlier cutoffs, sees nothing of the future, and puts today's candidates in order."""

import datetime as dt
from dataclasses import replace
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import numpy as np
import pytest
from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F

from repertoire.candidates.recommender import FittedModel
from repertoire.errors import InputError
from repertoire.features.interactions import build_interactions
from repertoire.frames.materialise import materialise
from repertoire.settings import CandidateSettings, FeatureSettings, RankerSettings
from repertoire.two_stage.learn import learn, ranker_of
from repertoire.two_stage.past_candidates import propose_in_the_past
from repertoire.two_stage.rank import rank
from repertoire.two_stage.world import World

CUTOFF = dt.datetime(2026, 3, 1, tzinfo=dt.UTC)
EVENTS = (
    "event_id string, user_id string, item_id string, event_type string, event_ts timestamp, value double, "
    "session_id string, context map<string,string>, source string, event_date date"
)


def _event(user: str, item: str, when: dt.datetime | None, day: dt.date | None = None) -> tuple[Any, ...]:
    where = (day or when.date()) if when else day
    return (f"{user}/{item}/{when}", user, item, "play", when, 1.0, None, None, "log", where)


def _log() -> list[tuple[Any, ...]]:
    """Sixty days of plays: every twenty have eight works of their own, to which most turn then, and hardly anybody later."""
    rng = np.random.default_rng(6)
    rows = []
    for day in range(60):
        moment = CUTOFF - dt.timedelta(days=60 - day, hours=3)
        season = day // 20
        for user in range(40):
            if rng.random() < 0.35:
                item = f"s{season}-{rng.integers(8)}" if rng.random() < 0.8 else f"old{rng.integers(25):02}"
                rows.append(_event(f"u{user:02}", item, moment))
    return rows


@pytest.fixture(scope="module")
def world(spark: SparkSession, tmp_path_factory: pytest.TempPathFactory) -> World:
    folder = tmp_path_factory.mktemp("world")
    events = materialise(spark.createDataFrame(_log(), EVENTS), f"{folder}/events")
    trees = {"rounds": 15, "min_child_weight": 1.0, "learning_rate": 0.3}
    ranker = {"algorithm": "rank_ndcg", "windows": 2, "window_days": 5, "depth": 30, "rank_ndcg": trees}
    return World(
        spark=spark,
        events=events,
        users=None,
        items=None,
        as_of=dt.date(2026, 2, 28),
        cutoff=CUTOFF,
        zone=ZoneInfo("UTC"),
        seed=1,
        scratch=f"{folder}/scratch",
        features=FeatureSettings(),
        candidates=CandidateSettings(models=["item_knn", "trending"]),
        ranker=RankerSettings.model_validate(ranker),
    )


@pytest.fixture(scope="module")
def learnt(world: World) -> FittedModel:
    return learn(world)


def _rows(frame: DataFrame) -> list[tuple[Any, ...]]:
    return sorted(map(tuple, frame.collect()), key=repr)


def test_what_is_relevant_was_new_in_the_days_after_the_cutoff(world: World) -> None:
    past = propose_in_the_past(world, 1)
    assert past is not None
    cutoff = CUTOFF - dt.timedelta(days=5)
    assert past.world.cutoff == cutoff
    log = {(row[1], row[2]): [one[4] for one in _log() if (one[1], one[2]) == (row[1], row[2])] for row in _log()}
    expected = {pair for pair, times in log.items() if min(times) >= cutoff}
    relevant = {tuple(row) for row in past.relevant.collect()}
    assert relevant <= expected
    assert len(relevant) > 20
    before = {(row[1], row[2]) for row in _log() if row[4] < cutoff}
    proposed = past.proposals.select("user_id", "item_id").collect()
    assert not {tuple(row) for row in proposed} & before  # seen ones are proposed no more
    assert {row["source"] for row in past.proposals.select("source").distinct().collect()} == {"item_knn", "trending"}


def test_nothing_after_the_cutoff_reaches_the_features_of_a_window(
    world: World, spark: SparkSession, tmp_path: Path
) -> None:
    """The same window, of a log that goes on and of one that ends with it, has the same rows but for what is relevant."""
    from repertoire.two_stage.describe import describe

    past = propose_in_the_past(replace(world, scratch=f"{tmp_path}/whole"), 1)
    assert past is not None
    ended = world.events.where(F.col("event_ts") < F.lit(past.world.cutoff))
    alone = replace(world, events=ended, cutoff=past.world.cutoff, as_of=past.world.as_of, scratch=f"{tmp_path}/ended")
    interactions = build_interactions(ended, cutoff=past.world.cutoff, settings=world.features).frame
    sources = ["item_knn", "trending"]
    whole = describe(past.world, past.proposals, past.interactions, sources)
    cut = describe(alone, past.proposals, interactions, sources)
    assert _rows(whole) == _rows(cut)


def test_today_the_works_of_the_season_come_first(world: World, learnt: FittedModel, tmp_path: Path) -> None:
    world = replace(world, scratch=str(tmp_path))
    interactions = build_interactions(world.events, cutoff=world.cutoff, settings=world.features).frame
    users = [f"u{user:02}" for user in range(40)]
    items = [f"s2-{n}" for n in range(8)] + [f"old{n:02}" for n in range(25)]
    proposals = world.spark.createDataFrame(
        [(user, item, source, 1.0, 1, "") for user in users for item in items for source in ("item_knn", "trending")],
        "user_id string, item_id string, source string, score double, rank int, reason string",
    )
    first = rank(world, learnt, proposals, interactions).where("rank <= 4").toPandas()
    assert first.item_id.str.startswith("s2").mean() > 0.7  # 8 of 33 works are: by chance .24
    assert learnt.metadata["sources"] == ["item_knn", "trending"]
    assert learnt.metadata["windows"] == 2


def test_a_model_comes_back_from_its_table(world: World, learnt: FittedModel, tmp_path: Path) -> None:
    import json

    kept = json.loads(json.dumps(dict(learnt.metadata)))
    files = materialise(learnt.tables["files"], f"{tmp_path}/files")
    ranker, sources = ranker_of(FittedModel("ranker", {"files": files}, kept))
    own, _ = ranker_of(learnt)
    assert ranker.as_json() == own.as_json()
    assert ranker.files == own.files
    assert sources == ["item_knn", "trending"]


def test_enough_users_end_the_search_for_windows(world: World, tmp_path: Path) -> None:
    few = world.ranker.model_copy(update={"enough_users": 5})
    found = learn(replace(world, ranker=few, scratch=str(tmp_path)))
    assert found.metadata["windows"] == 1


def test_a_log_without_times_or_too_short_is_refused(world: World, spark: SparkSession, tmp_path: Path) -> None:
    untimed = spark.createDataFrame([_event("u", "a", None, dt.date(2026, 2, 1))], EVENTS)
    with pytest.raises(
        InputError, match="the ranker cannot learn: in the last 5 days before 2026-03-01 nobody with a history"
    ):
        learn(replace(world, events=untimed, scratch=f"{tmp_path}/untimed"))
    young = world.events.where(F.col("event_ts") >= F.lit(CUTOFF - dt.timedelta(days=4)))
    with pytest.raises(InputError, match="the ranker cannot learn"):
        learn(replace(world, events=young, scratch=f"{tmp_path}/young"))

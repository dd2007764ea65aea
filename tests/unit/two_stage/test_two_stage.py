"""The second stage: it learns from earlier cutoffs, sees nothing of the future, and puts today's candidates in order."""

import datetime as dt
import json
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
from repertoire.frames.materialise import materialise
from repertoire.settings import CandidateSettings, FeatureSettings, RankerSettings
from repertoire.two_stage.describe import describe
from repertoire.two_stage.examination import examination
from repertoire.two_stage.known import Night
from repertoire.two_stage.learn import learn, ranker_of, still_good
from repertoire.two_stage.look_back import interactions_at, known_at
from repertoire.two_stage.past_candidates import candidates_of_the_past
from repertoire.two_stage.rank import rank
from repertoire.two_stage.training_rows import training_rows
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
    past = candidates_of_the_past(world, 1)
    assert past is not None
    cutoff = CUTOFF - dt.timedelta(days=5)
    assert past.world.cutoff == cutoff
    log = {(row[1], row[2]): [one[4] for one in _log() if (one[1], one[2]) == (row[1], row[2])] for row in _log()}
    expected = {pair for pair, times in log.items() if min(times) >= cutoff}
    relevant = {(row.user_id, row.item_id) for row in past.relevant.collect()}
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
    past = candidates_of_the_past(replace(world, scratch=f"{tmp_path}/whole"), 1)
    assert past is not None
    ended = world.events.where(F.col("event_ts") < F.lit(past.world.cutoff))
    alone = replace(world, events=ended, cutoff=past.world.cutoff, as_of=past.world.as_of, scratch=f"{tmp_path}/ended")
    sources = ["item_knn", "trending"]
    whole = describe(past.proposals, past.known, sources)
    cut = describe(past.proposals, known_at(alone, interactions_at(alone)), sources)
    assert _rows(whole) == _rows(cut)


def test_today_the_works_of_the_season_come_first(world: World, learnt: FittedModel, tmp_path: Path) -> None:
    world = replace(world, scratch=str(tmp_path))
    users = [f"u{user:02}" for user in range(40)]
    items = [f"s2-{n}" for n in range(8)] + [f"old{n:02}" for n in range(25)]
    proposals = world.spark.createDataFrame(
        [(user, item, source, 1.0, 1, "") for user in users for item in items for source in ("item_knn", "trending")],
        "user_id string, item_id string, source string, score double, rank int, reason string",
    )
    first = rank(learnt, proposals, known_at(world, interactions_at(world))).where("rank <= 4").toPandas()
    assert first.item_id.str.startswith("s2").mean() > 0.7  # 8 of 33 works are: by chance .24
    assert learnt.metadata["sources"] == ["item_knn", "trending"]
    assert learnt.metadata["windows"] == 2


def test_a_model_comes_back_from_its_table(world: World, learnt: FittedModel, tmp_path: Path) -> None:
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
        InputError, match="the ranker cannot learn: in the last 5 days before 2026-03-01 nobody turned to something new"
    ):
        learn(replace(world, events=untimed, scratch=f"{tmp_path}/untimed"))
    young = world.events.where(F.col("event_ts") >= F.lit(CUTOFF - dt.timedelta(days=4)))
    with pytest.raises(InputError, match="the ranker cannot learn"):
        learn(replace(world, events=young, scratch=f"{tmp_path}/young"))


def test_what_a_run_left_is_learnt_from_in_place_of_new_fits(world: World, tmp_path: Path) -> None:
    """The candidates of that day, of which the run had asked for more; not where a source is missing."""
    made = candidates_of_the_past(replace(world, scratch=f"{tmp_path}/made"), 1)
    assert made is not None
    asked: list[dt.date] = []

    def night(day: dt.date, proposals: DataFrame) -> Night:
        asked.append(day)
        return Night(proposals.withColumn("run_date", F.lit(day)), made.known)

    everybody = made.proposals.unionByName(
        made.proposals.limit(9).withColumn("user_id", F.concat(F.lit("other "), "user_id"))
    )
    ran = replace(world, scratch=f"{tmp_path}/ran", night=lambda day: night(day, everybody))
    left = candidates_of_the_past(ran, 1)
    assert left is not None
    assert (left.left, made.left) == (True, False)
    assert asked == [dt.date(2026, 2, 23)]
    assert _rows(left.proposals.select("*")) == _rows(made.proposals.select(*left.proposals.columns))
    assert _rows(left.relevant) == _rows(made.relevant)

    one = made.proposals.where("source = 'trending'")
    found = candidates_of_the_past(replace(ran, scratch=f"{tmp_path}/one", night=lambda day: night(day, one)), 1)
    assert found is not None
    assert not found.left


def test_rows_count_by_event_and_by_place(world: World, spark: SparkSession, tmp_path: Path) -> None:
    """Shown at the second place, which is looked at half as often, a play that counts 3 counts 6; one not shown, 3."""
    past = candidates_of_the_past(replace(world, scratch=f"{tmp_path}/past"), 1)
    assert past is not None
    hits = past.proposals.join(past.relevant, ["user_id", "item_id"], "left_semi").select("user_id", "item_id")
    (user, item), (other, another) = sorted({tuple(row) for row in hits.collect()})[:2]
    misses = past.proposals.join(past.relevant, ["user_id", "item_id"], "left_anti").join(hits, "user_id", "left_semi")
    missed = sorted((row.user_id, row.item_id) for row in misses.collect())[0]
    within, earlier = past.world.cutoff + dt.timedelta(days=1), past.world.cutoff - dt.timedelta(days=9)
    slates = [("x", work, earlier, place, 1.0 if n % 20 < 10 / place else 0.0)
              for work in ("a", "b") for place in (1, 2) for n in range(200)]  # fmt: skip
    slates += [(user, item, within, 2, 0.0), (*missed, within, 1, 0.0)]
    shown = spark.createDataFrame(
        slates, "user_id string, item_id string, event_ts timestamp, position int, reward double"
    )
    told: list[str] = []
    ranker = world.ranker.model_copy(update={"label_weights": {"play": 3.0}, "negatives": 1e-6})
    given = replace(world, ranker=ranker, impressions=shown, say=told.append)
    typed = past.relevant.withColumn("event_types", F.array(F.lit("view"), F.lit("play")))
    asked = replace(past, world=replace(past.world, ranker=ranker), relevant=typed)
    rows = training_rows(given, [asked], ["item_knn", "trending"]).toPandas().set_index(["user_id", "item_id"])
    assert rows.loc[(user, item), "__weight"] == pytest.approx(6.0, rel=0.05)
    assert rows.loc[(other, another), "__weight"] == 3.0
    others = rows[rows["__label"] == 0]
    assert list(others.index) == [missed]  # of what was not relevant, what was shown stays
    assert others["__weight"].tolist() == [1.0]
    assert "counts by its place: 1: 1.00, 2: 2.0" in told[0]


def test_places_are_told_apart_by_works_that_stood_in_several(spark: SparkSession) -> None:
    """Good works mostly stand on top: shares of clicks alone would have the second place at a ninth of its looks."""
    shares = {("good", 1): (900, 0.4), ("good", 2): (100, 0.2), ("bad", 1): (100, 0.04), ("bad", 2): (900, 0.02)}
    rows = [
        (item, place, 1.0 if n < shown * share else 0.0)
        for (item, place), (shown, share) in shares.items()
        for n in range(shown)
    ]
    looks = examination(spark.createDataFrame(rows, "item_id string, position int, reward double"))
    assert looks == {1: 1.0, 2: pytest.approx(0.5, abs=1e-6)}
    unclicked = [(item, place, 0.0) for item, place, _ in rows]
    assert examination(spark.createDataFrame(unclicked, "item_id string, position int, reward double")) == {}


def test_a_ranker_serves_until_it_is_too_old_or_a_setting_changes(world: World, learnt: FittedModel) -> None:
    later = replace(world, as_of=world.as_of + dt.timedelta(days=world.ranker.fit_days - 1))
    assert still_good(learnt, world)
    assert still_good(learnt, later)
    assert not still_good(learnt, replace(later, as_of=later.as_of + dt.timedelta(days=1)))
    assert not still_good(learnt, replace(world, as_of=world.as_of - dt.timedelta(days=1)))
    deeper = world.ranker.model_copy(update={"depth": world.ranker.depth + 1})
    assert not still_good(learnt, replace(world, ranker=deeper))
    rarer = world.ranker.model_copy(update={"fit_days": world.ranker.fit_days + 1})
    assert still_good(learnt, replace(world, ranker=rarer))

"""What every candidate model keeps, whatever it learns: the contract of `Recommender`. A new model is tested by being
in the registry.
"""

import dataclasses
import functools
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F
from tests.unit.candidates.toy import at, fitting, interactions, proposals, request

from repertoire.candidates.recommender import FittedModel, Fitting, Recommender, Request
from repertoire.candidates.registry import RECOMMENDERS, recommender
from repertoire.errors import InputError, SettingsError
from repertoire.settings import (
    AlsSettings,
    AutoSettings,
    BlendSettings,
    CandidateSettings,
    IalsSettings,
    PopularSettings,
    SlimSettings,
)

SETTINGS = CandidateSettings(
    als=AlsSettings(rank=4, iterations=3),
    ials=IalsSettings(rank=4, iterations=3),
    blend=BlendSettings(depth=20, sources=["item_knn", "ease"]),
    auto=AutoSettings(models=["popular", "item_knn"], trials=2),
    slim=SlimSettings(l1=0.1, l2=1.0),
    popular=PopularSettings(min_segment_users=3, segment_by=["country"]),
)
NEED_TIMES = ("sequential",)
USERS = [f"u{number}/é" for number in range(24)]
ITEMS = [f"i{number:02}" for number in range(30)]
GENRES = ("drama", "comedy")
# Spark jobs of one `propose` with its write: item factors, what is broadcast, and each shuffle of users and history.
MOST_JOBS = 8


def pairs() -> list[tuple]:
    """Two tastes, everyone with a few items of the other; items 25 to 28 are equals; the last one was only refused."""
    random = np.random.default_rng(4)
    rows: list[tuple] = []
    for number, user in enumerate(USERS):
        for item in range(25):
            if random.random() < (0.5 if item % 2 == number % 2 else 0.1):
                strength, seen, days = random.integers(1, 4), random.random() < 0.8, random.integers(60)
                rows.append((user, ITEMS[item], float(strength), 0.0, bool(seen), at(float(days))))
    rows += [(user, item) for user in USERS[:3] for item in ITEMS[25:29]]
    rows += [(user, ITEMS[29], 0.0, 1.0) for user in USERS[5:8]]
    return rows


class World:
    """Interactions, the users' countries, a catalogue, and every model fitted on them once."""

    def __init__(self, spark: SparkSession, folder: Path) -> None:
        self.spark, self.folder = spark, folder
        self.rows = pairs()
        self.frame = interactions(spark, self.rows).localCheckpoint()
        countries = [(user, "DE" if number < 12 else "AT") for number, user in enumerate(USERS)]
        self.people = spark.createDataFrame(countries, "user_id string, country string").localCheckpoint()
        about = [
            (item, f"作品 No. {place}" if place % 3 else None, [GENRES[place % 2]]) for place, item in enumerate(ITEMS)
        ]
        self.catalogue = spark.createDataFrame(
            about, "item_id string, title string, tags array<string>"
        ).localCheckpoint()
        self.fitted: dict[str, FittedModel] = {}
        self.proposed: dict[tuple[str, int], list[tuple]] = {}

    def fitting(self, model: Recommender, frame: DataFrame | None = None, part: str = "first") -> Fitting:
        folder = self.folder / model.name / part
        items = self.catalogue.repartition(1 if frame is None else 8)
        return fitting(self.frame if frame is None else frame, folder, SETTINGS, self.people, items)

    def fit(self, model: Recommender) -> FittedModel:
        if model.name not in self.fitted:
            fitted = model.fit(self.fitting(model))
            tables = {name: table.localCheckpoint() for name, table in fitted.tables.items()}
            self.fitted[model.name] = dataclasses.replace(fitted, tables=tables)
        return self.fitted[model.name]

    def request(self, k: int = 5, **changes: Any) -> Request:
        return dataclasses.replace(request(self.frame, SETTINGS, USERS, k), **changes)

    def propose(self, model: Recommender, k: int = 5, **changes: Any) -> list[tuple]:
        """Computed once where nothing is changed."""
        if changes or (model.name, k) not in self.proposed:
            found = proposals(model.propose(self.fit(model), self.request(k, **changes)))
            if changes:
                return found
            self.proposed[model.name, k] = found
        return self.proposed[model.name, k]

    @functools.cached_property
    def seen(self) -> set[tuple[str, str]]:
        return {(row["user_id"], row["item_id"]) for row in self.frame.where("seen").collect()}


@pytest.fixture(scope="module")
def world(spark: SparkSession, tmp_path_factory: pytest.TempPathFactory) -> World:
    return World(spark, tmp_path_factory.mktemp("contract"))


@pytest.fixture(params=sorted(RECOMMENDERS))
def model(request: pytest.FixtureRequest) -> Recommender:
    return RECOMMENDERS[request.param]


def by_user(found: list[tuple]) -> dict[str, list[tuple]]:
    lists: dict[str, list[tuple]] = {}
    for row in found:
        lists.setdefault(row[0], []).append(row)
    return lists


def test_it_is_registered_under_its_name(model: Recommender) -> None:
    assert recommender(model.name) is model


def test_an_unknown_name_is_refused() -> None:
    with pytest.raises(SettingsError, match='unknown model "alz"; did you mean "als"'):
        recommender("alz")


def test_the_model_names_itself_and_its_tables_hold_no_other_ids(world: World, model: Recommender) -> None:
    fitted = world.fit(model)
    assert fitted.name == model.name
    for table in fitted.tables.values():
        for column, known in (("user_id", USERS), ("item_id", ITEMS)):
            if column in table.columns:
                ids = [row[column] for row in table.collect()]
                assert set(ids) <= set(known)
                assert len(ids) == len(set(ids))


def test_schema(world: World, model: Recommender) -> None:
    frame = model.propose(world.fit(model), world.request())
    assert dict(frame.dtypes) == {
        "user_id": "string",
        "item_id": "string",
        "score": "double",
        "rank": "int",
        "reason": "string",
    }


@pytest.mark.quick
def test_every_user_gets_a_list_in_order(world: World, model: Recommender) -> None:
    lists = by_user(world.propose(model))
    assert sorted(lists) == sorted(USERS)
    for rows in lists.values():
        assert [row[3] for row in rows] == list(range(1, len(rows) + 1))
        assert len(rows) <= 5
        assert len({row[1] for row in rows}) == len(rows)
        # Scores never rise; where two are equal, the lower id is first.
        assert rows == sorted(rows, key=lambda row: (-row[2], row[1]))
        assert all(np.isfinite(row[2]) for row in rows)
        assert all(row[4] for row in rows)


def test_a_reason_names_the_model_or_something_of_the_users_own(world: World, model: Recommender) -> None:
    wanted = {(row["user_id"], row["item_id"]) for row in world.frame.where("strength > 0").collect()}
    for user, item, _, _, reason in world.propose(model):
        word, _, what = reason.partition(":")
        if word == "because_of":
            assert (user, what) in wanted
            assert what != item
        else:
            sources = {"blend": SETTINGS.blend.sources, "auto": SETTINGS.auto.models}.get(model.name, [model.name])
            assert word in (*sources, "popular", "popular_in")
    quiet = SETTINGS.model_copy(update={"explain": False})
    assert not any(row[4].startswith("because_of") for row in world.propose(model, settings=quiet))


def test_nothing_seen_unless_asked_for(world: World, model: Recommender) -> None:
    assert not world.seen & {row[:2] for row in world.propose(model, k=30)}
    with_seen = SETTINGS.model_copy(update={"include_seen": True})
    assert world.seen & {row[:2] for row in world.propose(model, k=30, settings=with_seen)}


def test_only_eligible_items(world: World, model: Recommender) -> None:
    chosen = [*ITEMS[3:9], ITEMS[29], "never heard of"]
    eligible = world.spark.createDataFrame([(item,) for item in chosen], "item_id string")
    found = world.propose(model, k=30, eligible=eligible)
    assert found
    assert {row[1] for row in found} <= set(chosen)
    # What remains is in the order that it has among all, but for a blend, which normalises what is eligible.
    everything = by_user(world.propose(model, k=30))
    for user, rows in by_user(found).items() if model.name != "blend" else ():
        assert [row[1] for row in rows] == [row[1] for row in everything[user] if row[1] in chosen]
    none = world.spark.createDataFrame([], "item_id string")
    assert world.propose(model, eligible=none) == []


def test_a_longer_list_begins_with_the_shorter(world: World, model: Recommender) -> None:
    longer = by_user(world.propose(model, k=10))
    assert {user: rows[:5] for user, rows in longer.items()} == by_user(world.propose(model, k=5))


def test_users_are_independent_and_strangers_do_not_disturb(world: World, model: Recommender) -> None:
    few = world.spark.createDataFrame([(USERS[7],), ("stranger",), (USERS[2],)], "user_id string")
    found = by_user(world.propose(model, users=few))
    everyone = by_user(world.propose(model))
    for user in (USERS[2], USERS[7]):
        assert found[user] == everyone[user]
    # Only a model that proposes the same to everyone may have something for a stranger.
    if "stranger" in found:
        assert {row[1] for row in found.pop("stranger")} <= set(ITEMS)
        assert "user_factors" not in world.fit(model).tables
    assert sorted(found) == sorted([USERS[2], USERS[7]])


def test_no_users_no_proposals(world: World, model: Recommender) -> None:
    assert world.propose(model, users=world.spark.createDataFrame([], "user_id string")) == []


def test_refit_in_another_order_and_partitioning_gives_the_same_lists(world: World, model: Recommender) -> None:
    shuffled = interactions(world.spark, world.rows[::-1]).repartition(8)
    again = model.fit(world.fitting(model, shuffled, "again"))
    asked = world.request(interactions=shuffled, users=world.request().users.repartition(8))
    asked = dataclasses.replace(asked, settings=SETTINGS.model_copy(update={"users_per_block": 3}))
    assert proposals(model.propose(again, asked)) == world.propose(model)


def test_a_log_without_times_gives_lists_or_is_refused_with_the_reason(world: World, model: Recommender) -> None:
    never = F.lit(None).cast("timestamp")
    untimed = world.frame.withColumns({"first_ts": never, "last_ts": never}).localCheckpoint()
    asked = world.fitting(model, untimed, "untimed")
    if model.name in NEED_TIMES:
        with pytest.raises(InputError, match=f"{model.name} .* needs event_ts"):
            model.fit(asked)
        return
    found = by_user(proposals(model.propose(model.fit(asked), world.request(interactions=untimed))))
    assert sorted(found) == sorted(USERS)


def test_a_saved_model_proposes_the_same(world: World, model: Recommender, tmp_path: Path) -> None:
    fitted = world.fit(model)
    for name, table in fitted.tables.items():
        table.write.parquet(str(tmp_path / name))
    tables = {name: world.spark.read.parquet(str(tmp_path / name)) for name in fitted.tables}
    loaded = dataclasses.replace(fitted, tables=tables)
    assert proposals(model.propose(loaded, world.request())) == world.propose(model)


def test_proposing_takes_few_spark_jobs(
    world: World, model: Recommender, tmp_path: Path, jobs_of: Callable[..., int]
) -> None:
    fitted = world.fit(model)
    jobs = jobs_of(lambda: model.propose(fitted, world.request()).write.parquet(str(tmp_path / "proposals")))
    assert 1 <= jobs <= MOST_JOBS * (len(SETTINGS.blend.sources) if model.name == "blend" else 1)

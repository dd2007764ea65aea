"""The made-up shop, judged from its files alone: reproducible, truthful about its dirt, readable, and learnable."""

import csv
import datetime as dt
import gzip
import json
import math
import os
import re
import subprocess
import sys
from collections import Counter, defaultdict
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from repertoire.demo import GeneratedCatalogue, generate
from repertoire.demo.strands import STRANDS, TAGS
from repertoire.demo.titles import plural, unique

COLUMNS = ["user_id", "item_id", "event_type", "event_ts", "value", "session_id"]
TYPES = {"view", "cart", "purchase", "play", "rating", "like", "dislike", "skip"}
CONSUMING = {"purchase", "play", "rating", "like", "dislike"}
SMALL = {"users": 40, "items": 60, "days": 14}


@dataclass(frozen=True)
class Shop:
    """A generated catalogue, and its files read back: `raw` is (day of the file, row), `clean` without any dirt."""

    generated: GeneratedCatalogue
    raw: list[tuple[dt.date, dict[str, str]]]
    clean: list[dict[str, str]]
    items: dict[str, dict]
    users: dict[str, dict[str, str]]


def read_shop(generated: GeneratedCatalogue) -> Shop:
    raw = []
    for path in sorted(generated.events.iterdir()):
        with gzip.open(path, "rt", encoding="utf-8", newline="") as lines:
            reader = csv.DictReader(lines)
            assert reader.fieldnames == COLUMNS
            raw += [(dt.date.fromisoformat(path.name.removesuffix(".csv.gz")), row) for row in reader]
    works = [json.loads(line) for line in generated.items.read_text(encoding="utf-8").splitlines()]
    with generated.users.open(encoding="utf-8", newline="") as lines:
        users = list(csv.DictReader(lines))
    bot = generated.bot_user_id
    distinct = list({tuple(row.values()): row for _, row in raw}.values())
    return Shop(
        generated=generated,
        raw=raw,
        clean=[row for row in distinct if not broken_rules(row) and row["user_id"] != bot],
        items={work["item_id"]: work for work in works},
        users={user["user_id"]: user for user in users},
    )


def broken_rules(row: dict[str, str]) -> list[str]:
    """The rules that a row breaks, found without a look at the generator."""
    broken = []
    if not row["user_id"]:
        broken.append("missing_user_id")
    if row["event_type"] not in TYPES:
        broken.append("unknown_event_type")
    try:
        if dt.datetime.fromisoformat(row["event_ts"]).year > 2050:
            broken.append("future_timestamp")
    except ValueError:
        broken.append("bad_timestamp")
    if row["value"] and math.isnan(float(row["value"])):
        broken.append("nan_value")
    elif row["value"] and float(row["value"]) < 0:
        broken.append("negative_value")
    return broken


def moment(row: dict[str, str]) -> dt.datetime:
    return dt.datetime.fromisoformat(row["event_ts"])


def check_counts(shop: Shop) -> None:
    """What is said to lie in the files does, and nothing else."""
    said = shop.generated
    assert said.rows == {"events": len(shop.raw), "items": len(shop.items), "users": len(shop.users)}
    lines = Counter(tuple(row.values()) for _, row in shop.raw)
    broken = [broken_rules(dict(zip(COLUMNS, line, strict=True))) for line in lines]
    assert all(len(rules) <= 1 for rules in broken)
    found = Counter(rules[0] for rules in broken if rules)
    found["duplicate"] = sum(count - 1 for count in lines.values())
    found["bot_view"] = sum(row["user_id"] == said.bot_user_id for _, row in shop.raw)
    assert found == Counter(said.dirt)
    assert said.accepted == len(shop.clean) + found["bot_view"]
    assert said.rows["events"] == said.accepted + said.rejected + said.duplicates


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Shop:
    return read_shop(generate(tmp_path_factory.mktemp("shop")))


def files_in(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_the_same_seed_gives_the_same_bytes_and_another_seed_others(tmp_path: Path) -> None:
    for name, seed in (("one", 3), ("again", 3), ("other", 4)):
        generate(tmp_path / name, seed=seed, **SMALL)
    one, again, other = (files_in(tmp_path / name) for name in ("one", "again", "other"))
    assert len(one) == SMALL["days"] + 2
    assert one == again
    # The clock may not have moved in between: gzip's header must hold no time (RFC 1952: bytes 4 to 7).
    assert all(content[4:8] == bytes(4) for name, content in one.items() if name.endswith(".gz"))
    assert one.keys() == other.keys()
    assert all(one[name] != other[name] for name in one)


def test_another_process_with_another_hash_seed_gives_the_same_bytes(tmp_path: Path) -> None:
    here, there = tmp_path / "here", tmp_path / "there"
    generate(here, **SMALL)
    code = f"import pathlib, repertoire.demo as d; d.generate(pathlib.Path({str(there)!r}), **{SMALL})"
    environment = {**os.environ, "PYTHONHASHSEED": "12345", "PYTHONPATH": os.pathsep.join(filter(None, sys.path))}
    subprocess.run([sys.executable, "-c", code], check=True, env=environment)
    assert files_in(here) == files_in(there)


def test_more_people_see_the_same_works(tmp_path: Path) -> None:
    few = generate(tmp_path / "few", **SMALL)
    many = generate(tmp_path / "many", **{**SMALL, "users": 80})
    assert few.items.read_bytes() == many.items.read_bytes()


def test_every_count_stated_equals_what_lies_in_the_files(shop: Shop) -> None:
    check_counts(shop)
    assert len(shop.generated.dirt) == 8
    assert min(shop.generated.dirt.values()) > 30


@settings(max_examples=8, deadline=None)
@given(
    seed=st.integers(0, 2**31),
    users=st.integers(20, 120),
    items=st.integers(20, 150),
    days=st.integers(7, 25),
    last_day=st.dates(dt.date(2020, 1, 1), dt.date(2030, 1, 1)),
)
def test_counts_hold_and_nothing_precedes_its_release_at_any_size(
    tmp_path_factory: pytest.TempPathFactory, seed: int, users: int, items: int, days: int, last_day: dt.date
) -> None:
    folder = tmp_path_factory.mktemp("any")
    shop = read_shop(generate(folder, seed=seed, users=users, items=items, days=days, last_day=last_day))
    check_counts(shop)
    assert len(list(shop.generated.events.iterdir())) == days
    assert shop.generated.first_day == last_day - dt.timedelta(days=days - 1)
    for row in shop.clean:
        assert str(moment(row).date()) >= shop.items[row["item_id"]]["released"]


def test_the_default_size_and_the_share_of_dirt(shop: Shop) -> None:
    assert len(shop.items) == 800
    assert len(shop.users) == 2001
    assert 100_000 <= len(shop.raw) <= 140_000
    without_bot = len(shop.raw) - shop.generated.dirt["bot_view"]
    assert 0.004 < (shop.generated.rejected + shop.generated.duplicates) / without_bot < 0.006


def test_each_file_holds_its_own_day_in_utc(shop: Shop) -> None:
    days = {day for day, _ in shop.raw}
    assert len(days) == 60
    assert max(days) == shop.generated.last_day == dt.date(2026, 3, 1)
    for day, row in shop.raw:
        if not broken_rules(row):
            assert re.fullmatch(rf"{day}T\d\d:\d\d:\d\dZ", row["event_ts"])


def test_the_robot_views_thousands_of_works_in_one_day(shop: Shop) -> None:
    rows = [(day, row) for day, row in shop.raw if row["user_id"] == shop.generated.bot_user_id]
    assert len(rows) == 3000
    assert {day for day, _ in rows} == {shop.generated.bot_day}
    assert {row["event_type"] for _, row in rows} == {"view"}
    people = Counter((day, row["user_id"]) for day, row in shop.raw if row["user_id"] != shop.generated.bot_user_id)
    assert max(people.values()) < 300


def test_nothing_happens_before_a_release_or_before_a_person_joined(shop: Shop) -> None:
    released = {item_id: work["released"] for item_id, work in shop.items.items()}
    for row in shop.clean:
        day = row["event_ts"][:10]
        assert day >= released[row["item_id"]]
        assert day >= shop.users[row["user_id"]]["joined"]
    new = {item_id for item_id, day in released.items() if day >= str(shop.generated.first_day)}
    assert len(new) == 64
    assert len(new & {row["item_id"] for row in shop.clean}) > 50


def test_items_and_users_have_the_columns_of_the_contract(shop: Shop) -> None:
    keys = ["item_id", "title", "category", "creator_id", "tags", "description", "price", "released", "available"]
    for work in shop.items.values():
        assert list(work) == keys
        assert work["category"] in {"film", "album", "game", "book"}
        assert 2 <= len(work["tags"]) == len(set(work["tags"])) <= 5
        assert set(work["tags"]) <= TAGS.keys()
        assert 4 < work["price"] < 61
        assert dt.date.fromisoformat(work["released"]) <= shop.generated.last_day
    assert len({work["category"] for work in shop.items.values()}) == 4
    assert sum(not work["available"] for work in shop.items.values()) == 24
    for user in shop.users.values():
        assert list(user) == ["user_id", "age_band", "country", "consent", "joined"]
        assert user["consent"] in {"true", "false"}
    assert 0.9 < np.mean([user["consent"] == "true" for user in shop.users.values()]) < 0.98


def test_titles_are_unique_in_their_category_and_readable(shop: Shop) -> None:
    assert len({(work["category"], work["title"]) for work in shop.items.values()}) == 800
    word = r"[A-ZÀ-Ý][a-zà-ÿ]*('s)?|the|of|a|an|and|with|for|in|to|from|at|on|&"
    title = re.compile(rf"({word})([,:]? ({word}))*")
    for work in shop.items.values():
        assert title.fullmatch(work["title"]), work["title"]
        assert not re.search(r"\b(?:a [aeiou]|an [^aeiou])", work["title"], re.IGNORECASE), work["title"]
        assert not re.search(r"\b(lorem|foo|bar|item|title|test|sample|untitled)\b", work["title"], re.IGNORECASE)
        assert re.fullmatch(r"[^{}.]+\.", work["description"])
        assert work["description"][0].isupper()


def test_creators_have_several_works_and_keep_mostly_to_a_style(shop: Shop) -> None:
    works = defaultdict(list)
    for work in shop.items.values():
        assert re.fullmatch(r"[a-z]+(-[a-z]+)+", work["creator_id"])
        works[work["creator_id"]].append(work)
    assert len(works) == 160
    assert min(map(len, works.values())) >= 2
    assert max(map(len, works.values())) >= 10
    assert all(len({work["category"] for work in its_works}) == 1 for its_works in works.values())
    alike = [
        max(Counter(TAGS[work["tags"][0]] for work in its_works).values()) / len(its_works)
        for its_works in works.values()
    ]
    assert np.mean(alike) > 0.7


def test_every_tag_belongs_to_one_strand() -> None:
    tags = [tag for strand in STRANDS for group in (*strand.genres.values(), strand.themes) for tag in group]
    assert len(tags) == len(set(tags)) == len(TAGS) == 10 * (4 * 2 + 3)


def test_values_are_minutes_of_plays_and_stars_of_ratings(shop: Shop) -> None:
    for row in shop.clean:
        if row["event_type"] == "play":
            assert 1 <= float(row["value"]) <= 150
        elif row["event_type"] == "rating":
            assert row["value"] in {"1", "2", "3", "4", "5"}
        else:
            assert row["value"] == ""
    stars = Counter(row["value"] for row in shop.clean if row["event_type"] == "rating")
    assert min(stars.values()) > 50
    assert {row["event_type"] for row in shop.clean} == TYPES


def test_a_view_precedes_each_purchase_and_play_and_nothing_is_bought_twice(shop: Shop) -> None:
    first_view: dict[tuple[str, str, str], dt.datetime] = {}
    for row in sorted(shop.clean, key=moment):
        key = (row["user_id"], row["item_id"], row["session_id"])
        if row["event_type"] == "view":
            assert key not in first_view
            first_view[key] = moment(row)
    bought = Counter()
    for row in shop.clean:
        if row["event_type"] in {"purchase", "play"}:
            assert first_view[row["user_id"], row["item_id"], row["session_id"]] < moment(row)
        if row["event_type"] == "purchase":
            bought[row["user_id"], row["item_id"]] += 1
    assert len(bought) > 5000
    assert max(bought.values()) == 1


def test_a_session_belongs_to_one_person(shop: Shop) -> None:
    owners = defaultdict(set)
    for row in shop.clean:
        if row["session_id"]:
            owners[row["session_id"]].add(row["user_id"])
    assert len(owners) > 10_000
    assert all(len(people) == 1 for people in owners.values())


def test_weekends_and_evenings_are_busy(shop: Shop) -> None:
    weekdays = Counter(moment(row).weekday() for row in shop.clean)
    days_of = Counter((shop.generated.first_day + dt.timedelta(days=d)).weekday() for d in range(60))
    mean = {weekday: weekdays[weekday] / days_of[weekday] for weekday in range(7)}
    assert min(mean[5], mean[6]) > 1.25 * max(mean[day] for day in range(4))
    hours = Counter(moment(row).hour for row in shop.clean)
    assert sum(hours[hour] for hour in range(18, 24)) > 3 * sum(hours[hour] for hour in range(6, 12))


def test_popularity_and_activity_have_long_tails(shop: Shop) -> None:
    works = sorted(Counter(row["item_id"] for row in shop.clean).values(), reverse=True)
    assert sum(works[:80]) > 0.35 * sum(works)
    assert len(works) > 780
    people = np.array(list(Counter(row["user_id"] for row in shop.clean).values()))
    assert np.quantile(people, 0.9) > 6 * np.quantile(people, 0.1)
    assert people.mean() > 1.15 * np.median(people)


def test_a_few_works_rise_and_fall(shop: Shop) -> None:
    old = {i for i, work in shop.items.items() if work["released"] < str(shop.generated.first_day)}
    by_day: dict[str, np.ndarray] = defaultdict(lambda: np.zeros(60))
    for row in shop.clean:
        if row["item_id"] in old:
            by_day[row["item_id"]][(moment(row).date() - shop.generated.first_day).days] += 1
    # Share of a work's events in its best ten days of sixty: a sixth, were it the same every day.
    shares = [np.convolve(days, np.ones(10)).max() / days.sum() for days in by_day.values() if days.sum() > 150]
    assert np.median(shares) < 0.3
    assert 5 <= sum(share > 0.45 for share in shares) < 0.15 * len(shares)


def test_people_rate_what_suits_them_higher(shop: Shop) -> None:
    taken = defaultdict(Counter)
    for row in shop.clean:
        if row["event_type"] in {"purchase", "play"}:
            taken[row["user_id"]][TAGS[shop.items[row["item_id"]]["tags"][0]]] += 1
    suits, others = [], []
    for row in shop.clean:
        if row["event_type"] == "rating" and row["user_id"] in taken:
            favourite = taken[row["user_id"]].most_common(1)[0][0]
            mine = TAGS[shop.items[row["item_id"]]["tags"][0]] == favourite
            (suits if mine else others).append(int(row["value"]))
    assert np.mean(suits) > np.mean(others) + 0.5


def test_taste_can_be_learned(shop: Shop) -> None:
    """Item-kNN (cosine) on days 1..53 recalls at least 1.5 times as much of the last week as popularity does."""
    users = {user: n for n, user in enumerate(sorted(shop.users))}
    items = {item: n for n, item in enumerate(sorted(shop.items))}
    past, week = (np.zeros((len(users), len(items))) for _ in range(2))
    first_of_week = shop.generated.last_day - dt.timedelta(days=6)
    for row in shop.clean:
        if row["event_type"] in CONSUMING:
            target = week if moment(row).date() >= first_of_week else past
            target[users[row["user_id"]], items[row["item_id"]]] = 1.0
    week[past > 0] = 0.0

    norms = np.sqrt(past.sum(axis=0)) + 1e-9
    cosine = past.T @ past / np.outer(norms, norms)
    np.fill_diagonal(cosine, 0.0)

    def recall(scores: np.ndarray) -> float:
        top = np.argsort(np.where(past > 0, np.inf, -scores), axis=1, kind="stable")[:, :10]
        judged = week.sum(axis=1) > 0
        hits = np.take_along_axis(week, top, axis=1).sum(axis=1)
        return float((hits[judged] / week.sum(axis=1)[judged]).mean())

    popularity = recall(np.tile(past.sum(axis=0), (len(users), 1)))
    assert popularity > 0.03
    assert recall(past @ cosine) > 1.5 * popularity


@pytest.mark.parametrize("size", [{"users": 19}, {"items": 19}, {"days": 6}])
def test_a_shop_too_small_is_refused(tmp_path: Path, size: dict[str, int]) -> None:
    name, value = next(iter(size.items()))
    with pytest.raises(ValueError, match=f"{name}={value} is too small"):
        generate(tmp_path, **size)
    assert not list(tmp_path.iterdir())


def test_files_of_another_period_are_not_mixed_in(tmp_path: Path) -> None:
    generate(tmp_path, **SMALL)
    before = files_in(tmp_path)
    with pytest.raises(FileExistsError, match=r"2026-02-16\.csv\.gz"):
        generate(tmp_path, **{**SMALL, "days": 7})
    assert files_in(tmp_path) == before
    generate(tmp_path, **SMALL)
    assert files_in(tmp_path) == before


def test_plurals_are_regular_english() -> None:
    nouns = ("comet", "witness", "crash", "sandwich", "colony", "alley", "wolf")
    assert [plural(n) for n in nouns] == [
        "comets",
        "witnesses",
        "crashes",
        "sandwiches",
        "colonies",
        "alleys",
        "wolves",
    ]


def test_a_title_drawn_too_often_becomes_a_sequel() -> None:
    taken: set[str] = set()
    drawn = [unique(lambda: "The Last Comet", taken) for _ in range(5)]
    assert drawn == ["The Last Comet"] + [f"The Last Comet {part}" for part in ("II", "III", "IV", "V")]
    assert taken == set(drawn)

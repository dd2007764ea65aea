"""What comes next: by hand, against the formula pair by pair, and by law."""

import datetime as dt
import itertools
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from pyspark.sql import SparkSession
from tests.unit.candidates.toy import DAY, at, fitting, interactions, proposals, request

from repertoire.candidates import pair_matrix
from repertoire.candidates.recency import Recency
from repertoire.candidates.recommender import FittedModel
from repertoire.candidates.sequence_kernel import places_in_time
from repertoire.candidates.sequential import SEQUENTIAL
from repertoire.errors import InputError
from repertoire.settings import CandidateSettings, SequentialSettings

ITEMS = [f"i{item:02}" for item in range(12)]


def settings(**changes: Any) -> CandidateSettings:
    return CandidateSettings(sequential=SequentialSettings(**changes))


def taken(user: str, item: str, day: float) -> tuple:
    """A wanted pair of that day, which counts forwards."""
    return (user, item, 1.0, 0.0, True, at(100 - day))


def log() -> list[tuple]:
    """Users with up to all items, some at equal times; some pairs have no time, some were refused."""
    random = np.random.default_rng(3)
    rows: list[tuple] = []
    for user in range(30):
        chosen = random.permutation(len(ITEMS))[: random.integers(1, len(ITEMS) + 1)]
        rows += [taken(f"u{user:02}/é", ITEMS[item], float(random.integers(0, 12))) for item in chosen]
    rows += [
        ("u03/é", "other"),
        ("untimed", ITEMS[0]),
        ("untimed", ITEMS[1]),
        ("refuser", ITEMS[2], 1.0, 2.0, True, at(3)),
    ]
    return [*rows, taken("refuser", ITEMS[3], 2.0)]


def by_the_formula(rows: list[tuple], of: SequentialSettings) -> dict[tuple[str, str], float]:
    """(item, who speaks for it) → weight."""
    histories: dict[str, list[tuple[str, dt.datetime]]] = {}
    for row in rows:
        if len(row) == 6 and row[3] <= row[2]:
            histories.setdefault(row[0], []).append((row[1], row[5]))
    users_of = {item: sum(any(item == each for each, _ in taken) for taken in histories.values()) for item in ITEMS}
    flow: dict[tuple[str, str], float] = {}
    for history in histories.values():
        times = [time for _, time in history]
        place = {item: sum(t < time for t in times) + (sum(t == time for t in times) - 1) / 2 for item, time in history}
        for (one, first), (two, then) in itertools.permutations(history, 2):
            if first <= then:
                days = (then - first) / dt.timedelta(days=1)
                halvings = (place[two] - place[one]) / (of.transition_half_life or np.inf)
                halvings += days / (of.transition_half_life_days or np.inf)
                told = len(history) ** -of.user_exponent * 2**-halvings
                flow[one, two] = flow.get((one, two), 0.0) + told
    found: dict[tuple[str, str], float] = {}
    for item in ITEMS:
        values = []
        for other in ITEMS:
            both = flow.get((other, item), 0.0) + flow.get((item, other), 0.0)
            if other != item and both:
                directed = flow.get((other, item), 0.0) + of.direction_shrink / 2
                directed *= both / (both + of.direction_shrink)
                size = users_of[other] ** of.source_exponent * users_of[item] ** of.target_exponent + of.shrink
                values.append((directed / size, other))
        found |= {(item, other): value for value, other in sorted(values, reverse=True)[: of.neighbors] if value > 0}
    return found


def weights_of(model: FittedModel) -> dict[tuple[str, str], float]:
    rows = {row["item_id"]: row for row in model.tables["similar_items"].collect()}
    ids = sorted(rows)
    return {
        (item, ids[place]): weight
        for item, row in rows.items()
        for place, weight in zip(row["neighbours"], row["weights"], strict=True)
    }


@pytest.mark.parametrize(
    "of",
    [
        SequentialSettings(),
        SequentialSettings(transition_half_life=2.0, direction_shrink=0.0, shrink=0.0, neighbors=4),
        SequentialSettings(
            transition_half_life=None,
            transition_half_life_days=3.0,
            user_exponent=0.0,
            source_exponent=0.9,
            target_exponent=0.2,
        ),
    ],
)
def test_transitions_by_the_formula_in_one_task_and_in_many(
    spark: SparkSession, tmp_path: Path, of: SequentialSettings, monkeypatch: pytest.MonkeyPatch
) -> None:
    rows = interactions(spark, log())
    rows.repartition(3).write.parquet(str(tmp_path / "interactions"))
    expected = by_the_formula(log(), of)
    found = []
    for most, frame in ((10**9, rows), (10**9, spark.read.parquet(str(tmp_path / "interactions"))), (0, rows)):
        monkeypatch.setattr(pair_matrix, "pairs_of_one_task", lambda spark, most=most: most)
        model = SEQUENTIAL.fit(fitting(frame, tmp_path, CandidateSettings(sequential=of)))
        found.append(weights_of(model))
    assert found[0] == found[1] == found[2]
    assert len(expected) > 40
    assert found[0] == pytest.approx(expected, rel=1e-6)


FIRST_THEN = settings(
    transition_half_life=1.0, recency_half_life=1.0, direction_shrink=0.0, user_exponent=0.0, shrink=0.0,
    source_exponent=0.0, target_exponent=0.0,
)  # fmt: skip
WALKS = [
    taken("one", "a", 1),
    taken("one", "b", 2),
    taken("one", "c", 3),
    taken("two", "b", 9),
    taken("two", "a", 50),
    taken("at once", "a", 5),
    taken("at once", "d", 5),
]


@pytest.mark.quick
def test_by_hand(spark: SparkSession, tmp_path: Path) -> None:
    model = SEQUENTIAL.fit(fitting(interactions(spark, WALKS), tmp_path, FIRST_THEN))
    assert weights_of(model) == {
        ("b", "a"): 0.5,  # from a to b, by one
        ("a", "b"): 0.5,  # and back, by two
        ("c", "b"): 0.5,
        ("c", "a"): 0.25,  # two places apart
        ("d", "a"): 1.0,  # at once: neither came first
        ("a", "d"): 1.0,
    }
    asked = interactions(
        spark,
        [
            taken("b last", "a", 1),
            taken("b last", "b", 2),
            taken("a last", "b", 1),
            taken("a last", "a", 2),
            taken("both", "a", 7),
            taken("both", "b", 7),
            ("no time", "a"),
            taken("some times", "b", 1),
            ("some times", "c"),
            taken("stranger", "x", 1),
        ],
    )
    users = ["b last", "a last", "both", "no time", "some times", "stranger"]
    assert proposals(SEQUENTIAL.propose(model, request(asked, FIRST_THEN, users, k=5))) == [
        ("a last", "d", 1.0, 1, "because_of:a"),
        ("a last", "c", 0.5, 2, "because_of:a"),  # 0.25 by a, which came last, and a half of 0.5 by b: a is named first
        ("b last", "c", 0.625, 1, "because_of:b"),  # 0.5 by b, and a half of 0.25 by a
        ("b last", "d", 0.5, 2, "because_of:a"),
        ("both", "d", 1.0, 1, "because_of:a"),  # both came last
        ("both", "c", 0.75, 2, "because_of:b"),
        ("some times", "a", 0.5, 1, "because_of:b"),  # c has no time: it says nothing, and is not proposed
    ]


@pytest.mark.quick
def test_places_share_their_mean_where_times_are_equal() -> None:
    starts = np.array([0, 4, 4, 5])
    times = np.array([30, 10, 30, 20, 7])
    assert places_in_time(starts, times).tolist() == [5, 0, 5, 2, 0]


@pytest.mark.quick
def test_recency_halves_by_places_and_by_days() -> None:
    day = 86_400_000_000
    starts, times = np.array([0, 3, 4]), np.array([10 * day, 0, 8 * day, -(2**62)])
    assert Recency(2.0, None).weights(starts, times).tolist() == pytest.approx([1, 0.5, 0.5**0.5, 1])
    assert Recency(None, 2.0).weights(starts, times).tolist() == pytest.approx([1, 2**-5, 0.5, 1])
    assert Recency(1.0, 10.0).weights(starts, times).tolist() == pytest.approx([1, 0.125, 2**-1.2, 1])
    assert Recency(None, None).weights(starts, times).tolist() == [1, 1, 1, 1]


def test_other_days_and_another_date_change_nothing_and_backwards_turns_it_round(
    spark: SparkSession, tmp_path: Path
) -> None:
    rows = [row for row in log() if len(row) == 6]
    later = [(*row[:5], row[5] + dt.timedelta(days=1000)) for row in rows]
    backwards = [(*row[:5], at(100) + (at(0) - row[5])) for row in rows]
    asked = settings(direction_shrink=0.5)
    one, two, three = (
        weights_of(SEQUENTIAL.fit(replace(fitting(interactions(spark, some), tmp_path, asked), as_of=date)))
        for some, date in ((rows, DAY), (later, DAY - dt.timedelta(days=500)), (backwards, DAY))
    )
    assert one == two
    assert three == pytest.approx({(other, item): weight for (item, other), weight in one.items()}, rel=1e-6)
    assert three != pytest.approx(one, rel=1e-2)


def test_without_times_it_is_refused_with_what_else_to_choose(spark: SparkSession, tmp_path: Path) -> None:
    untimed = interactions(spark, [("u", "i"), ("u", "j"), ("v", "j", 0.0, 1.0, True, at(1))])
    with pytest.raises(InputError, match=r"sequential .* needs event_ts: .* has a time.* ials, ease or item_knn"):
        SEQUENTIAL.fit(fitting(untimed, tmp_path, settings()))

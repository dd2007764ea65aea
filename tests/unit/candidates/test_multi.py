"""multi: what several behaviours say, by a reference that loops; what is learnt; own items that were not consumed."""

from collections import defaultdict
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
from pyspark.sql import SparkSession
from tests.unit.candidates.toy import fitting, interactions, proposals, request

from repertoire.candidates.behaviours import BEHAVIOURS, behaviour_bits, weights_of
from repertoire.candidates.multi import MULTI
from repertoire.candidates.recommender import FittedModel
from repertoire.settings import CandidateSettings

SETTINGS = CandidateSettings()


def pair(user: str, item: str, *types: str) -> tuple:
    return (user, item, 1.0, 0.0, "purchase" in types, None, sorted(types))


def bought_as_carted(users: int = 60) -> list[tuple]:
    """Who puts an item of a group into the cart buys others of the group; views are of anything."""
    random = np.random.default_rng(3)
    rows = []
    for number in range(users):
        group = number % 6
        chosen = random.permutation(6)
        for place, item in enumerate(chosen[:5]):
            rows.append(pair(f"u{number:02}", f"g{group}-{item}", *(("cart",) if place < 2 else ("purchase",))))
        others = {(int(random.integers(6)), int(random.integers(6))) for _ in range(6)}
        rows[-1] = pair(f"u{number:02}", f"g{group}-{chosen[4]}", "cart", "purchase")
        rows += [pair(f"u{number:02}", f"g{of}-{item}", "view") for of, item in others if of != group]
    return rows


def by_loops(rows: list[tuple], model: FittedModel, user: str) -> dict[str, float]:
    """Scores of all items that the user has not consumed."""
    settings = model.metadata["parameters"]
    users_of, items_of, consumed = defaultdict(set), defaultdict(set), defaultdict(int)
    for who, item, _, _, seen, _, _ in rows:
        users_of[item].add(who)
        items_of[who].add(item)
        consumed[item] += seen
    average = sum(consumed.values()) / len(rows)
    popular = sum(len(of) ** 2 for of in users_of.values()) / len(rows)
    found: dict[str, float] = defaultdict(float)
    mine = {item: (seen, types) for who, item, _, _, seen, _, types in rows if who == user}
    for item, of in users_of.items():
        for other, (_, types) in mine.items():
            if other != item:
                both = sum(len(items_of[who]) ** -settings["user_exponent"] for who in of & users_of[other])
                consuming = [name for name in types if name == "purchase"] or types
                says = sum(model.metadata["weights"][name] for name in consuming)
                found[item] += says * both / len(users_of[other]) ** settings["item_exponent"]
        found[item] *= (len(of) / popular) ** -model.metadata["popularity_exponent"]
        if item in mine and not mine[item][0]:
            share = (consumed[item] + 10 * average) / (len(of) + 10) / average
            found[item] += share * sum(model.metadata["own_weights"].get(name, 0) for name in mine[item][1])
    return {item: score for item, score in found.items() if score > 0 and not mine.get(item, (False,))[0]}


@pytest.fixture(scope="module")
def shop(spark: SparkSession, tmp_path_factory: pytest.TempPathFactory) -> tuple[list[tuple], FittedModel]:
    rows = bought_as_carted()
    return rows, MULTI.fit(fitting(interactions(spark, rows), tmp_path_factory.mktemp("multi"), SETTINGS))


def test_scores_by_loops(spark: SparkSession, shop: tuple[list[tuple], FittedModel]) -> None:
    rows, model = shop
    asked = request(interactions(spark, rows), SETTINGS, ["u00", "u07"], 40)
    found = proposals(MULTI.propose(model, asked))
    for user in ("u00", "u07"):
        expected = by_loops(rows, model, user)
        mine = {item: score for who, item, score, _, _ in found if who == user}
        assert sorted(mine) == sorted(expected)
        assert all(mine[item] == pytest.approx(score, rel=1e-4) for item, score in expected.items())


def test_a_full_cart_is_proposed_and_what_was_bought_is_not(
    spark: SparkSession, shop: tuple[list[tuple], FittedModel]
) -> None:
    rows, model = shop
    found = proposals(MULTI.propose(model, request(interactions(spark, rows), SETTINGS, ["u00"], 40)))
    mine = {item: types for who, item, *_, types in rows if who == "u00"}
    proposed = {row[1] for row in found}
    assert {item for item, types in mine.items() if types == ["cart"]} <= proposed
    assert not {item for item, types in mine.items() if types == ["purchase"]} & proposed
    assert not any(row[4] == f"because_of:{row[1]}" for row in found), "a reason is another item"


def test_the_behaviour_that_tells_has_the_larger_weight(shop: tuple[list[tuple], FittedModel]) -> None:
    _, model = shop
    weights = model.metadata["weights"]
    assert set(weights) == {"view", "cart", "purchase"}
    assert set(model.metadata["own_weights"]) == {"view", "cart"}
    assert weights["view"] < min(weights["cart"], weights["purchase"])
    assert model.metadata["validation_users"] == 60


def test_a_cart_that_is_always_bought_next_leads_the_list(spark: SparkSession, tmp_path: Path) -> None:
    """Of two items a user, both in the cart, one has been bought: left out, it comes back from the cart alone."""
    random = np.random.default_rng(1)
    rows = []
    for number in range(40):
        cart = [int(item) for item in random.permutation(30)[:2]]
        rows += [pair(f"u{number}", f"i{cart[0]:02}", "cart", "purchase"), pair(f"u{number}", f"i{cart[1]:02}", "cart")]
    frame = interactions(spark, rows)
    model = MULTI.fit(fitting(frame, tmp_path, SETTINGS))
    assert model.metadata["validation_ndcg"] > 0.6
    assert model.metadata["own_weights"].keys() == {"cart"}
    best = {row[0]: row[1] for row in proposals(MULTI.propose(model, request(frame, SETTINGS, ["u0", "u1"], 1)))}
    assert best == {user: item for user, item, *_, types in rows if types == ["cart"] and user in ("u0", "u1")}


def test_what_was_left_out_does_not_tell_itself(spark: SparkSession, tmp_path: Path) -> None:
    """Two items a user, no two users alike: nobody else says anything, so that a pair that is left out cannot be found."""
    rows = [pair(f"u{number}", f"{kind}{number}", kind) for number in range(12) for kind in ("cart", "purchase")]
    model = MULTI.fit(fitting(interactions(spark, rows), tmp_path, SETTINGS))
    assert (model.metadata["validation_users"], model.metadata["validation_ndcg"]) == (12, 0.0)


def test_a_log_of_one_type_has_nothing_of_its_own(spark: SparkSession, tmp_path: Path) -> None:
    rows = [(user, item) for user, items in (("a", "xy"), ("b", "xyz"), ("c", "yz"), ("d", "x")) for item in items]
    frame = interactions(spark, rows)
    model = MULTI.fit(fitting(frame, tmp_path, SETTINGS))
    assert model.metadata["own_weights"] == {}
    assert model.metadata["weights"] == {"interaction": 1.0}
    found = proposals(MULTI.propose(model, request(frame, SETTINGS, ["a", "d"], 5)))
    assert [row[:2] for row in found] == [("a", "z"), ("d", "y"), ("d", "z")]


def test_where_nobody_consumed_two_the_weights_are_equal_and_that_is_said(spark: SparkSession, tmp_path: Path) -> None:
    model = MULTI.fit(fitting(interactions(spark, [("a", "x"), ("b", "x")]), tmp_path, SETTINGS))
    assert model.metadata["validation_users"] == 0
    assert model.metadata["weights"] == {"interaction": 1.0}


def test_bits_of_behaviours() -> None:
    column = pa.chunked_array([[["cart", "view"], None, []], [["skip"], ["purchase"]]], pa.list_(pa.string()))
    bits = behaviour_bits(column)
    names = [[name for place, name in enumerate(BEHAVIOURS) if one >> place & 1] for one in bits.tolist()]
    assert names == [["view", "cart"], [], [], [], ["purchase"]]
    weights = np.arange(1.0, len(BEHAVIOURS) + 1)
    assert weights_of(bits, weights).tolist() == [1.0 + 3.0, 0, 0, 0, 4.0]

"""The kernel against sorting everything, and against numbers that can be checked by hand."""

from typing import Any

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from repertoire.candidates import top_k_kernel
from repertoire.candidates.top_k_kernel import Items, TopK, exact_top_k, float32_error, six_digits

NONE = np.array([], np.int64)


def lists(top: TopK) -> list[list[tuple[int, float]]]:
    return [
        list(zip(positions[:length].tolist(), scores[:length].tolist(), strict=True))
        for positions, scores, length in zip(top.positions, top.scores, top.lengths, strict=True)
    ]


def brute_force(
    users: NDArray, matrix: NDArray, k: int, masked: list[tuple[int, int]]
) -> list[list[tuple[int, float]]]:
    """Every score in float64, factor by factor; rounded; sorted by score, then position."""
    answer = []
    for row, user in enumerate(users.astype(float).tolist()):
        out = {item for who, item in masked if who == row}
        scored = []
        for position, item in enumerate(matrix.astype(float).tolist()):
            total = 0.0
            for mine, its in zip(user, item, strict=True):
                total += mine * its
            if position not in out:
                scored.append((position, float(six_digits(np.array(total)))))
        answer.append(sorted(scored, key=lambda one: (-one[1], one[0]))[:k])
    return answer


def top_k(users: NDArray, matrix: NDArray, k: int, masked: list[tuple[int, int]]) -> list[list[tuple[int, float]]]:
    rows, items = np.array(masked, np.int64).reshape(-1, 2).T
    return lists(exact_top_k(users.astype(np.float32), Items.of(matrix.astype(np.float32), k), rows, items))


def test_by_hand() -> None:
    users = np.array([[1, 0], [1, 2], [0, 0]])
    matrix = np.array([[1, 0], [3, 0], [0, 1], [3, -1]])
    # Scores: user 0: 1 3 0 3; user 1: 1 3 2 1; user 2: all 0, so by position. User 0 may not get item 1.
    assert top_k(users, matrix, 3, [(0, 1)]) == [
        [(3, 3.0), (0, 1.0), (2, 0.0)],
        [(1, 3.0), (2, 2.0), (0, 1.0)],
        [(0, 0.0), (1, 0.0), (2, 0.0)],
    ]


def test_a_user_with_few_or_no_items_left_gets_those() -> None:
    masked = [(0, 0), (0, 1), (0, 2), (1, 0), (1, 2), (1, 2)]
    assert top_k(np.ones((2, 1)), np.array([[1], [2], [3]]), 2, masked) == [[], [(1, 2.0)]]


def test_no_items_and_no_users() -> None:
    assert top_k(np.ones((2, 3)), np.ones((0, 3)), 2, []) == [[], []]
    assert top_k(np.ones((0, 3)), np.ones((2, 3)), 2, []) == []


def test_scores_too_close_for_float32_are_ordered_by_float64() -> None:
    # u·y is 1 + i·2^-29 for item i: float32 sees 1 everywhere. Six digits make all equal, so the order is by position,
    # although the float32 sums could come out either way.
    matrix = np.stack([np.ones(50), np.arange(50) * 2.0**-20], axis=1)
    assert top_k(np.array([[1.0, 2.0**-9]] * 3), matrix, 4, [(0, 1)])[0] == [(0, 1.0), (2, 1.0), (3, 1.0), (4, 1.0)]


def test_cancellation_that_float32_cannot_resolve() -> None:
    # 2^20·y - 2^20·y leaves only the third factor, which float32 loses when it is added in the middle.
    big = np.full(40, 2.0**20)
    matrix = np.stack([big, np.arange(40) * 1e-3, -big], axis=1)
    best = top_k(np.ones((30, 3)) + np.arange(30)[:, None] * [[0, 1e-6, 0]], matrix, 2, [])
    assert [[position for position, _ in one] for one in best] == [[39, 38]] * 30


def test_factors_whose_products_overflow_float32() -> None:
    matrix = np.array([[1e20, 0], [2e20, 1], [3e20, -1e25]] + [[0, 0]] * 30)
    users = np.array([[1e20, 0]] * 20 + [[1e20, 1e20]] * 20) * np.linspace(1, 2, 40)[:, None]
    assert top_k(users, matrix, 2, []) == brute_force(users.astype(np.float32), matrix.astype(np.float32), 2, [])


def test_factors_must_be_finite() -> None:
    with pytest.raises(ValueError, match="item factors are not all finite"):
        Items.of(np.array([[np.nan]], np.float32), 1)
    with pytest.raises(ValueError, match="user factors are not all finite"):
        exact_top_k(np.array([[np.inf]], np.float32), Items.of(np.ones((1, 1), np.float32), 1), NONE, NONE)
    with pytest.raises(ValueError, match="k is 0"):
        Items.of(np.ones((1, 1), np.float32), 0)


@st.composite
def problems(draw: st.DrawFn) -> tuple[NDArray, NDArray, int, list[tuple[int, int]]]:
    """Small, with what makes ties: few distinct values, duplicate items and users, zero vectors, near-equal items."""
    users, items, factors = draw(st.integers(1, 12)), draw(st.integers(1, 60)), draw(st.integers(1, 5))
    random = np.random.default_rng(draw(st.integers(0, 2**32)))
    kind = draw(st.sampled_from(["whole", "real", "near"]))
    if kind == "whole":
        matrix = random.integers(-2, 3, (items, factors)).astype(float)
        people = random.integers(-2, 3, (users, factors)).astype(float)
    else:
        matrix, people = random.normal(size=(items, factors)), random.normal(size=(users, factors))
    if kind == "near":
        matrix = matrix[0] * (1 + random.integers(-3, 4, (items, 1)) * 2.0**-22)
    matrix[random.random(items) < draw(st.sampled_from([0, 0.3]))] = matrix[0]
    matrix[random.random(items) < draw(st.sampled_from([0, 0.3]))] = 0
    people[random.random(users) < draw(st.sampled_from([0, 0.5]))] = people[0]
    masked = np.argwhere(random.random((users, items)) < draw(st.sampled_from([0, 0.3, 1])))
    k = draw(st.integers(1, 70))
    return people.astype(np.float32), matrix.astype(np.float32), k, [(int(row), int(item)) for row, item in masked]


@given(problems())
@example((np.zeros((3, 2), np.float32), np.zeros((40, 2), np.float32), 3, [(0, 0), (1, 39)]))
@settings(max_examples=300, deadline=None)
def test_equals_brute_force(problem: tuple[NDArray, NDArray, int, list[tuple[int, int]]]) -> None:
    assert top_k(*problem) == brute_force(*problem)


@given(problems(), st.integers(1, 5))
@settings(max_examples=60, deadline=None)
def test_the_block_does_not_matter(problem: tuple[NDArray, NDArray, int, list[tuple[int, int]]], block: int) -> None:
    users, matrix, k, masked = problem
    whole = top_k(*problem)
    for start in range(0, len(users), block):
        inside = [(row - start, item) for row, item in masked if start <= row < start + block]
        assert top_k(users[start : start + block], matrix, k, inside) == whole[start : start + block]


@given(problems())
@settings(max_examples=60, deadline=None)
def test_a_longer_list_begins_with_the_shorter(problem: tuple[NDArray, NDArray, int, list[tuple[int, int]]]) -> None:
    users, matrix, k, masked = problem
    assert [one[:k] for one in top_k(users, matrix, k + 3, masked)] == top_k(users, matrix, k, masked)


@given(problems(), st.sampled_from([-4, 6]))
@settings(max_examples=60, deadline=None)
def test_scores_scale_without_changing_the_order(
    problem: tuple[NDArray, NDArray, int, list[tuple[int, int]]], power: int
) -> None:
    users, matrix, k, masked = problem
    # Whole numbers up to 9 and at most 5 factors: a score is at most 405, and 405/16 = 25.3125 needs no rounding.
    users, matrix = (np.clip(np.round(factors * 3), -9, 9) for factors in (users, matrix))
    scaled = top_k(users, matrix * 2.0**power, k, masked)
    assert scaled == [[(item, score * 2.0**power) for item, score in one] for one in top_k(users, matrix, k, masked)]


def test_a_large_block_takes_the_float32_path_and_agrees(monkeypatch: pytest.MonkeyPatch) -> None:
    random = np.random.default_rng(7)
    users, matrix = random.normal(size=(300, 16)).astype(np.float32), random.normal(size=(900, 16)).astype(np.float32)
    matrix[100:140] = matrix[0]  # 41 equal items: where they reach the end of a list, float32 proves nothing
    masked = [(int(row), int(item)) for row, item in random.integers(0, (300, 900), (20_000, 2))]
    rescued: list[int] = []
    from_orders = top_k_kernel._fill_from_orders

    def counting(answer: TopK, chosen: NDArray, *rest: Any) -> None:
        rescued.append(len(chosen))
        from_orders(answer, chosen, *rest)

    monkeypatch.setattr(top_k_kernel, "_fill_from_orders", counting)
    monkeypatch.setattr(top_k_kernel, "_CELLS", 100_000)  # several steps within the block
    assert top_k(users, matrix, 10, masked) == brute_force(users, matrix, 10, masked)
    assert 0 < sum(rescued) < 150


def test_users_who_share_a_vector_are_sorted_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(top_k_kernel, "_CELLS", 500)  # several walks down one order
    random = np.random.default_rng(3)
    matrix = random.integers(0, 4, (200, 1)).astype(np.float32)
    masked = [(int(row), int(item)) for row, item in random.integers(0, (100, 200), (6_000, 2))]
    users = np.where(np.arange(100)[:, None] % 3 == 0, 1, 2).astype(np.float32)
    assert top_k(users, matrix, 10, masked) == brute_force(users, matrix, 10, masked)


def test_float32_error_bounds_a_product_in_any_order() -> None:
    random = np.random.default_rng(5)
    left, right = random.normal(size=(2, 2000, 48)).astype(np.float32)
    exact = (left.astype(float) * right.astype(float)).sum(axis=1)
    bound = float32_error(48) * (np.abs(left).astype(float) * np.abs(right)).sum(axis=1)
    for order in (np.arange(48), np.arange(48)[::-1], random.permutation(48)):
        total = np.zeros(2000, np.float32)
        for factor in order:
            total += left[:, factor] * right[:, factor]
        assert (np.abs(total - exact) <= bound).all()
    assert float32_error(48) == pytest.approx(48 * 2**-24, rel=1e-5)


@pytest.mark.parametrize(
    ("value", "rounded"),
    [
        (0.123456789, 0.123457),
        (1234567.0, 1234570.0),
        (-2.5000049e-9, -2.5e-9),
        (0.9999996, 1.0),
        (9.999996, 10.0),
        (0.0, 0.0),
        (1e-3, 1e-3),
        (123456.5, 123456.0),
        (3e-30, 0.0),
        (1e30, 1e30),
    ],
)
def test_six_digits_by_hand(value: float, rounded: float) -> None:
    assert six_digits(np.array([value, -value])).tolist() == [rounded, -rounded]


def test_six_digits_has_no_negative_zero() -> None:
    assert not np.signbit(six_digits(np.array([-0.0, -1e-30]))).any()


@given(st.floats(1e-15, 1e20), st.floats(1e-15, 1e20))
@settings(max_examples=300)
def test_six_digits_keeps_the_order_and_comes_close(low: float, high: float) -> None:
    low, high = sorted((low, high))
    one, other = six_digits(np.array([low, high])).tolist()
    assert one <= other
    assert one == pytest.approx(low, rel=5.1e-6)
    assert six_digits(np.array(one)) == pytest.approx(one, rel=1e-15)


@given(st.integers(-14, 20), st.floats(1 - 1e-5, 1 + 1e-5), st.floats(1 - 1e-5, 1 + 1e-5))
@settings(max_examples=300)
def test_six_digits_keeps_the_order_across_a_power_of_ten(power: int, low: float, high: float) -> None:
    low, high = sorted((low * float(f"1e{power}"), high * float(f"1e{power}")))
    one, other = six_digits(np.array([low, high])).tolist()
    assert one <= other

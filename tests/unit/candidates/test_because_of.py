"""Which item of the history explains a proposal: by hand, and whatever the block."""

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from repertoire.candidates.because_of import most_similar_in_history, unit_rows

# Directions in the plane: east, east again but longer, north-east, north, west, and nowhere.
PLANE = unit_rows(np.array([[1, 0], [9, 0], [1, 1], [0, 1], [-1, 0], [0, 0]], np.float32))
EAST, FAR_EAST, NORTH_EAST, NORTH, WEST, NOWHERE = range(6)


def test_unit_rows() -> None:
    assert PLANE[FAR_EAST].tolist() == [1, 0]
    assert PLANE[NORTH_EAST].tolist() == [np.float32(0.5**0.5)] * 2
    assert PLANE[NOWHERE].tolist() == [0, 0]


def test_by_hand() -> None:
    proposed = np.array([[FAR_EAST, NORTH], [WEST, -1], [NOWHERE, NORTH_EAST]])
    history = np.array([[NORTH_EAST, EAST, WEST], [EAST, NORTH, -1], [NORTH, EAST, -1]])
    assert most_similar_in_history(proposed, history, PLANE).tolist() == [
        [EAST, NORTH_EAST],
        [-1, -1],  # everything is at right angles to west or opposite to it
        [-1, EAST],  # north and east are equally near: the lower position is named
    ]


def test_an_item_does_not_explain_itself() -> None:
    assert most_similar_in_history(np.array([[EAST]]), np.array([[EAST, NORTH_EAST]]), PLANE) == [[NORTH_EAST]]
    assert most_similar_in_history(np.array([[EAST]]), np.array([[EAST]]), PLANE) == [[-1]]


def test_empty_history() -> None:
    assert most_similar_in_history(np.array([[EAST]]), np.full((1, 0), -1), PLANE) == [[-1]]


@given(st.integers(0, 2**32), st.integers(1, 6))
@settings(max_examples=60, deadline=None)
def test_equals_brute_force_whatever_the_block(seed: int, block: int) -> None:
    random = np.random.default_rng(seed)
    matrix = random.normal(size=(30, 4))
    matrix[10:20] = matrix[0] * (1 + 2.0**-20 * random.integers(0, 3, (10, 1)))  # cosines that float32 cannot order
    unit = unit_rows(matrix.astype(np.float32))
    proposed, history = random.integers(-1, 30, (12, 3)), random.integers(-1, 30, (12, 8))

    def best(item: int, items: list[int]) -> int:
        cosines = {}
        for other in items:
            total = 0.0
            for mine, its in zip(unit[item].astype(float).tolist(), unit[other].astype(float).tolist(), strict=True):
                total += mine * its
            if item >= 0 and other >= 0 and other != item and total > 0:
                cosines[other] = total
        return min(cosines, key=lambda other: (-cosines[other], other), default=-1)

    rows = zip(proposed.tolist(), history.tolist(), strict=True)
    expected = [[best(item, items) for item in row] for row, items in rows]
    found = [
        most_similar_in_history(proposed[start : start + block], history[start : start + block], unit)
        for start in range(0, 12, block)
    ]
    assert np.concatenate(found).tolist() == expected

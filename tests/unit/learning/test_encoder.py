"""Columns as the numbers that a model takes, by hand-computed examples."""

import numpy as np
import pyarrow as pa
import pytest

from repertoire.learning.encoder import CategoryCode, Encoder, Form, NumberCode, Slot

AGE = NumberCode("age", fill=30.0, low=20.0, high=60.0, mean=40.0, deviation=10.0, missing=True, cuts=(30.0, 50.0))
SHOP = CategoryCode("shop", levels=("film", "game"), missing=True, order=(1.0, 2.0, 0.0, 3.0))

ROWS = pa.table(
    {
        "shop": pa.array(["game", "film", "book", None]),
        "age": pa.array([50.0, None, 90.0, 10.0]),
    }
)


def _numbers(form: Form) -> list[list[float]]:
    return Encoder(form, (AGE, SHOP)).encode(ROWS).numbers.tolist()


def test_one_hot_standardises_clips_fills_and_marks_what_is_missing() -> None:
    assert _numbers(Form.ONE_HOT) == [
        # age, missing | other, film, game, missing
        [1.0, 0.0, 0.0, 0.0, 1.0, 0.0],
        [-1.0, 1.0, 0.0, 1.0, 0.0, 0.0],
        [2.0, 0.0, 1.0, 0.0, 0.0, 0.0],
        [-2.0, 0.0, 0.0, 0.0, 0.0, 1.0],
    ]


def test_ordered_keeps_numbers_and_ranks_levels() -> None:
    assert _numbers(Form.ORDERED) == [[50.0, 0.0, 0.0], [30.0, 1.0, 2.0], [60.0, 0.0, 1.0], [20.0, 0.0, 3.0]]


def test_binned_has_one_feature_of_each_column_set_in_every_row() -> None:
    encoder = Encoder(Form.BINNED, (AGE, SHOP))
    assert [slot.says for slot in encoder.slots] == [
        "up to 30", "30 to 50", "above 50", "(missing)", "(other)", "film", "game", "(missing)",
    ]  # fmt: skip
    assert _numbers(Form.BINNED) == [
        [0, 1, 0, 0, 0, 0, 1, 0],
        [0, 0, 0, 1, 0, 1, 0, 0],
        [0, 0, 1, 0, 1, 0, 0, 0],
        [1, 0, 0, 0, 0, 0, 0, 1],
    ]


def test_coded_gives_categories_as_codes_of_which_0_is_an_unseen_level() -> None:
    encoder = Encoder(Form.CODED, (AGE, SHOP))
    encoded = encoder.encode(ROWS)
    assert encoded.codes.tolist() == [[2], [1], [0], [3]]
    assert encoded.numbers.shape == (4, 2)
    assert encoder.levels == [4]


@pytest.mark.parametrize("form", Form)
def test_an_encoder_comes_back_from_json_as_it_was(form: Form) -> None:
    encoder = Encoder(form, (AGE, SHOP))
    again = Encoder.from_json(encoder.as_json())
    assert again == encoder
    assert np.array_equal(again.encode(ROWS).numbers, encoder.encode(ROWS).numbers)


def test_null_where_training_had_none_counts_as_another_level_or_the_filler() -> None:
    age = NumberCode("age", 30.0, 20.0, 60.0, 40.0, 10.0, False, ())
    shop = CategoryCode("shop", ("film",), False, (1.0, 0.0))
    encoder = Encoder(Form.ONE_HOT, (age, shop))
    rows = pa.table({"age": pa.array([None], pa.float64()), "shop": pa.array([None], pa.string())})
    assert encoder.slots == [Slot("age"), Slot("shop", "(other)"), Slot("shop", "film")]
    assert encoder.encode(rows).numbers.tolist() == [[-1.0, 1.0, 0.0]]

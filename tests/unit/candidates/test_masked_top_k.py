"""The scorer in Spark: by hand, and equal to the kernel for every partitioning and block."""

import numpy as np
import pyarrow as pa
import pytest
from pyspark.errors import PythonException
from pyspark.sql import DataFrame, SparkSession

from repertoire.candidates.item_factors import ItemFactors, item_factors
from repertoire.candidates.masked_top_k import masked_top_k
from repertoire.candidates.recommender import FittedModel
from repertoire.candidates.top_k_kernel import Items, exact_top_k

USERS = "user_id string, factors array<float>, masked array<int>, history array<int>, reason string"
IDS = pa.array(["a", "b", "c/é", "d"])
ITEMS = ItemFactors(IDS, np.array([[1, 0], [2, 0], [0, 1], [2, 0]], np.float32))


def rows(frame: DataFrame) -> list[tuple]:
    return [tuple(row) for row in frame.orderBy("user_id", "rank").collect()]


@pytest.mark.quick
def test_by_hand(spark: SparkSession) -> None:
    users = spark.createDataFrame(
        [
            ("u1", [1.0, 0.5], None, None, "model"),
            ("u2", [1.0, 0.5], [1], [0, 2], "model"),  # b is masked; a and c are the history
            ("u3", [0.0, 1.0], [0, 1, 2, 3], [0], "model"),  # nothing is left
            ("u4", [0.0, -1.0], [0, 1, 3], [], "other"),  # only c is left
        ],
        USERS,
    )
    assert rows(masked_top_k(users, ITEMS, k=3)) == [
        ("u1", "b", 2.0, 1, "model"),
        ("u1", "d", 2.0, 2, "model"),
        ("u1", "a", 1.0, 3, "model"),
        ("u2", "d", 2.0, 1, "because_of:a"),
        ("u2", "a", 1.0, 2, "model"),  # it is at right angles to c, and does not explain itself
        ("u2", "c/é", 0.5, 3, "model"),
        ("u4", "c/é", -1.0, 1, "other"),
    ]


def test_what_is_not_proposable_can_be_masked_and_can_explain(spark: SparkSession) -> None:
    users = spark.createDataFrame([("u1", [1.0, 0.5], [1, 0], [1], "model"), ("u2", [0.0, 1.0], None, [1], "m")], USERS)
    items = ItemFactors(ITEMS.ids, ITEMS.matrix, np.array([True, False, True, True]))
    assert rows(masked_top_k(users, items, k=2)) == [
        ("u1", "d", 2.0, 1, "because_of:b"),
        ("u1", "c/é", 0.5, 2, "model"),
        ("u2", "c/é", 1.0, 1, "m"),
        ("u2", "a", 0.0, 2, "because_of:b"),
    ]
    nothing = ItemFactors(ITEMS.ids, ITEMS.matrix, np.zeros(4, bool))
    assert rows(masked_top_k(users, nothing, k=2)) == []


def test_partitions_and_blocks_do_not_matter(spark: SparkSession) -> None:
    random = np.random.default_rng(11)
    count, items, k = 200, 400, 7
    factors = random.normal(size=(count, 8)).astype(np.float32)
    matrix = random.normal(size=(items, 8)).astype(np.float32)
    matrix[50:80] = matrix[0]
    masked = random.random((count, items)) < 0.2
    history = random.integers(0, items, (count, 5))
    ids = [f"i{position:03}" for position in range(items)]
    users = spark.createDataFrame(
        [
            (f"u{row:03}", factors[row].tolist(), np.flatnonzero(masked[row]).tolist(), history[row].tolist(), "model")
            for row in range(count)
        ],
        USERS,
    )
    catalogue = ItemFactors(pa.array(ids), matrix)
    found = [
        rows(masked_top_k(users.repartition(partitions), catalogue, k=k, users_per_block=block))
        for partitions, block in ((1, 1024), (8, 64), (3, 1), (8, 7))
    ]
    assert all(other == found[0] for other in found)

    top = exact_top_k(factors, Items.of(matrix, k), *np.nonzero(masked))
    expected = [
        (f"u{row:03}", ids[top.positions[row, place]], top.scores[row, place], place + 1)
        for row in range(count)
        for place in range(k)
    ]
    assert [row[:4] for row in found[0]] == expected
    assert sum(row[4].startswith("because_of:i") for row in found[0]) > count


def test_items_in_a_file_are_scored_in_blocks_with_the_same_lists(spark: SparkSession) -> None:
    random = np.random.default_rng(5)
    matrix = random.normal(size=(300, 4)).astype(np.float32)
    matrix[100:140] = matrix[7]  # ties across blocks
    ids = [f"i{position:03}" for position in range(300)]
    table = spark.createDataFrame(
        [(ids[row], matrix[row].tolist()) for row in random.permutation(300)], "item_id string, factors array<float>"
    )
    model = FittedModel("toy", {"item_factors": table.repartition(5)}, {"items": 300, "factors": 4})
    eligible = spark.createDataFrame([(item,) for item in ids if item[-1] != "3"], "item_id string")
    here, in_file = (item_factors(model, eligible, memory_mb=most) for most in (1, 0))
    assert here.ids == in_file.ids == pa.array(ids)
    assert np.array_equal(here.matrix, in_file.matrix.open())
    users = spark.createDataFrame(
        [
            (
                f"u{row:02}",
                random.normal(size=4).tolist(),
                random.integers(0, 300, 90).tolist(),
                [row, 3 * row],
                "model",
            )
            for row in range(50)
        ]
        + [("zero", [0.0] * 4, list(range(298)), None, "model")],
        USERS,
    )
    expected = rows(masked_top_k(users, here, k=9))
    assert len(expected) == 50 * 9 + 2
    assert any(row[4].startswith("because_of") for row in expected)
    for block_bytes in (1, 70 * 16, 10_000):  # an item a block, some, all
        assert rows(masked_top_k(users, in_file, k=9, block_bytes=block_bytes)) == expected


def test_users_and_items_must_have_as_many_factors(spark: SparkSession) -> None:
    users = spark.createDataFrame([("u1", [1.0], None, None, "model")], USERS)
    with pytest.raises(PythonException, match="1 users have 1 factors; the items have 2 each"):
        masked_top_k(users, ITEMS, k=1).collect()

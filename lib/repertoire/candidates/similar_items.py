"""Item similarities as a model: a row for each item, with the items that speak for it."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray
from pyspark.sql import DataFrame, SparkSession

from repertoire import vocabulary as v
from repertoire.candidates.pair_kernel import Floats, Ints, Longs
from repertoire.candidates.pair_matrix import PairMatrix, over_items
from repertoire.candidates.recommender import FittedModel, Fitting
from repertoire.candidates.similarity_kernel import SCALED, columns_of_range, similar_rows
from repertoire.candidates.training_pairs import nothing_to_learn_from, wanted_rows
from repertoire.candidates.user_blocks import PairRows
from repertoire.errors import InputError

SIMILAR_ITEMS = "similar_items"
NEIGHBOURS, WEIGHTS = "neighbours", "weights"
SCHEMA = f"{v.ITEM_ID} string, {NEIGHBOURS} array<int>, {WEIGHTS} array<float>"
"""neighbours: who speaks for the item, as positions among the table's items in the order of their ids, ascending; weights: what
a user's liking of each adds to the item's score."""

SparseRows = tuple[Longs, Ints, Floats]
Similarity = Callable[[PairMatrix], Callable[[int, int], SparseRows]]
"""From the matrix, once in each task, to the rows of items first to last: starts, neighbours ascending, weights."""


def fit_similar_items(
    fitting: Fitting,
    name: str,
    similarity: Similarity,
    parameters: dict[str, Any],
    pairs: PairRows | None = None,
    refusal: Callable[[str], InputError] = nothing_to_learn_from,
) -> FittedModel:
    """A model of pairs, the wanted ones by default, by a similarity of items. Raises what `refusal` makes of the name where there
    are none."""
    pairs = pairs or wanted_rows(fitting.interactions)
    ids, counts = pairs.items()
    count = int(counts.sum())
    if not count:
        raise refusal(name)
    table = table_of_similar_items(pairs, ids, count, similarity)
    return similar_items_model(fitting, name, table, parameters, len(ids), count)


def table_of_similar_items(pairs: PairRows, ids: pa.Array, count: int, similarity: Similarity) -> DataFrame:
    """The table of so many pairs, in SCHEMA. ids: of the items, ascending."""

    def make(matrix: PairMatrix) -> Callable[[int, int], pa.RecordBatch]:
        rows = similarity(matrix)
        return lambda first, last: batch_of_items(ids.slice(first, last - first), rows(first, last))

    return over_items(pairs, ids, count, make, SCHEMA)


def scaled_products(
    matrix: PairMatrix, of_users: NDArray[np.float64], own: NDArray[np.float64], others: NDArray[np.float64], most: int
) -> Callable[[int, int], SparseRows]:
    """Rows of own_i × others_j × Σ_u of_users_u, over the users u who have both items; the `most` largest of each."""
    weighed = matrix.with_values(np.repeat(np.asarray(of_users, np.float32), matrix.items_of))
    right = (weighed.starts, weighed.columns, weighed.values)

    def rows(first: int, last: int) -> SparseRows:
        starts, users, values = matrix.of_items(first, last)
        left = (starts, users, np.ones_like(values))
        found: SparseRows = similar_rows(first, last, left, right, SCALED, own, others, 0.0, most)
        return found

    return rows


def similar_items_model(
    fitting: Fitting, name: str, table: DataFrame, parameters: dict[str, Any], items: int, pairs: int
) -> FittedModel:
    """A model of a table in SCHEMA."""
    return FittedModel(
        name=name,
        tables={SIMILAR_ITEMS: table},
        metadata={"parameters": parameters, "items": items, "pairs": pairs, "as_of": fitting.as_of.isoformat()},
    )


def similar_items_table(spark: SparkSession, ids: pa.Array, rows: SparseRows, partitions: int) -> DataFrame:
    """The table of rows that the driver holds."""
    table = pa.Table.from_batches([batch_of_items(ids, rows)])
    return spark.createDataFrame(table, SCHEMA).repartition(partitions)


def batch_of_items(ids: pa.Array, rows: SparseRows) -> pa.RecordBatch:
    """Rows in SCHEMA."""
    starts, neighbours, weights = rows
    ends = pa.array(starts, pa.int32())
    return pa.record_batch(
        {
            v.ITEM_ID: ids,
            NEIGHBOURS: pa.ListArray.from_arrays(ends, pa.array(neighbours, pa.int32())),
            WEIGHTS: pa.ListArray.from_arrays(ends, pa.array(weights, pa.float32())),
        }
    )


def similar_items(model: FittedModel) -> tuple[pa.Array, SparseRows]:
    """The ids, ascending, and for each item those that it speaks for. The driver holds them, 8 bytes a neighbour."""
    table = (
        model.tables[SIMILAR_ITEMS].select(v.ITEM_ID, NEIGHBOURS, WEIGHTS).toArrow().sort_by(v.ITEM_ID).combine_chunks()
    )
    ids, neighbours, weights = (column.combine_chunks() for column in table.columns)
    starts = np.append(0, np.cumsum(neighbours.value_lengths().to_numpy(zero_copy_only=False))).astype(np.int64)
    columns, values = (each.flatten().to_numpy(zero_copy_only=False) for each in (neighbours, weights))
    return ids, columns_of_range(starts, columns.astype(np.int32), values.astype(np.float32), 0, len(ids))

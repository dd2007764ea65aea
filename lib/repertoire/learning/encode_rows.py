"""Training rows as the arrays that algorithms are fitted on."""

from collections.abc import Iterator

import numpy as np
import pyarrow as pa
from pyspark.sql import DataFrame

from repertoire.learning.encoder import Encoder
from repertoire.learning.row_columns import CODES, GROUP, HELD, LABEL, NUMBERS, WEIGHT, quoted

_CARRIED = {LABEL: "int", WEIGHT: "double", HELD: "boolean", GROUP: "bigint"}


def encode_rows(rows: DataFrame, encoder: Encoder) -> DataFrame:
    """numbers, codes, and the columns of `row_columns` that rows carry."""
    kept = [name for name in _CARRIED if name in rows.columns]
    needed = [*map(quoted, encoder.names), *kept]
    schema = f"{NUMBERS} array<float>, {CODES} array<int>, " + ", ".join(f"{name} {_CARRIED[name]}" for name in kept)

    def encode(batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        for batch in batches:
            encoded = encoder.encode(batch)
            arrays = [_lists(encoded.numbers), _lists(encoded.codes), *(batch.column(name) for name in kept)]
            yield pa.RecordBatch.from_arrays(arrays, [NUMBERS, CODES, *kept])

    return rows.select(*needed).mapInArrow(encode, schema)


def _lists(rows: np.ndarray) -> pa.Array:
    ends = np.arange(0, rows.size + 1, rows.shape[1]) if rows.shape[1] else np.zeros(len(rows) + 1)
    return pa.ListArray.from_arrays(pa.array(ends.astype(np.int32)), pa.array(rows.ravel()))

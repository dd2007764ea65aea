"""Rows are scored where they lie: Arrow batches, the model loaded once in each Python worker."""

from collections.abc import Callable, Iterator, Sequence

import pyarrow as pa
from pyspark.sql import DataFrame
from pyspark.sql.types import ArrayType, DoubleType, IntegerType, StructField, StructType

from repertoire.learning.classifier import Classifier
from repertoire.learning.row_columns import quoted

SCORES, DECISION = "__scores", "__decision"


def score_rows(
    rows: DataFrame,
    model: Classifier,
    keep: Sequence[str],
    read: Callable[[pa.RecordBatch], list[pa.Array]] | None = None,
) -> DataFrame:
    """The columns `keep` of rows, with `__scores` array<double> (a score for each class) and `__decision` int (a class number).

    rows: besides, the encoder's columns. read: gives these of a batch as double and string, in their order; by default as they
    are.
    """
    names = list(model.encoder.names)
    needed = list(dict.fromkeys([*keep, *names]))
    chosen = rows.select(*map(quoted, needed))
    fields = [field for field in chosen.schema.fields if field.name in keep]
    schema = StructType(
        [
            *fields,
            StructField(SCORES, ArrayType(DoubleType(), False), False),
            StructField(DECISION, IntegerType(), False),
        ]
    )
    shared = rows.sparkSession.sparkContext.broadcast(model)

    def score(batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        loaded = shared.value
        scorer = loaded.scorer()
        for batch in batches:
            features = read(batch) if read else [batch.column(name) for name in names]
            scores = scorer(pa.RecordBatch.from_arrays(features, names))
            ends = pa.array(range(0, scores.size + 1, scores.shape[1]), pa.int32())
            arrays = [batch.column(field.name) for field in fields]
            arrays.append(pa.ListArray.from_arrays(ends, pa.array(scores.ravel())))
            arrays.append(pa.array(loaded.decide(scores), pa.int32()))
            yield pa.RecordBatch.from_arrays(arrays, [*(field.name for field in fields), SCORES, DECISION])

    return chosen.mapInArrow(score, schema)

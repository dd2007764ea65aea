"""What each column is worth to a model: how much worse it gets when that column's values are shuffled among the rows."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray
from pyspark.sql import DataFrame
from pyspark.sql import functions as F
from scipy import stats

from repertoire.learning.classifier import Classifier
from repertoire.learning.row_columns import LABEL, quoted


@dataclass(frozen=True)
class Importance:
    """drop: how much auc a column's shuffling takes, on average, with a 95 % interval over the shuffles."""

    column: str
    drop: float
    low: float
    high: float


def permutation_importance(
    rows: DataFrame, model: Classifier, *, repeats: int, most_rows: int, seed: int
) -> list[Importance]:
    """Permutation importance (Breiman 2001; Fisher, Rudin and Dominici 2019) of every column of the model, greatest first.

    rows: the encoder's columns and `__label`, rows that the model was not fitted on. The driver and each task hold most_rows of
    them, taken by hash; the columns are shared out among tasks. Columns that say the same share their worth: shuffling one
    alone costs little. Interval: Student's t over `repeats` shuffles, so of the shuffling, not of the sample of rows.
    """
    names = model.encoder.names
    columns = [*map(quoted, names), LABEL]
    order = F.xxhash64(F.lit(seed), *columns)
    sample = rows.select(*columns).orderBy(order).limit(most_rows).toArrow()
    spark = rows.sparkSession
    shared = spark.sparkContext.broadcast((model, _bytes(sample)))

    def shuffle(batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        loaded, given = shared.value
        table = pa.ipc.open_stream(given).read_all()
        score, labels = loaded.scorer(), table.column(LABEL).to_numpy()
        whole = mean_auc(score(table), labels)
        for batch in batches:
            places = batch.column("id").to_pylist()
            drops = []
            for place in places:
                rng = np.random.default_rng([seed, place])
                column = table.column(names[place])
                index = table.column_names.index(names[place])
                for _ in range(repeats):
                    mixed = table.set_column(index, names[place], column.take(pa.array(rng.permutation(len(table)))))
                    drops.append(whole - mean_auc(score(mixed), labels))
            yield pa.RecordBatch.from_arrays(
                [pa.array(np.repeat(places, repeats), pa.int64()), pa.array(drops, pa.float64())], ["place", "drop"]
            )

    tasks = min(len(names), spark.sparkContext.defaultParallelism)
    found = spark.range(0, len(names), 1, tasks).mapInArrow(shuffle, "place bigint, drop double").toArrow()
    places, drops = found.column("place").to_numpy(), found.column("drop").to_numpy()
    made = [_importance(name, drops[places == place]) for place, name in enumerate(names)]
    return sorted(made, key=lambda one: (-one.drop, one.column))


def _importance(name: str, drops: NDArray[np.float64]) -> Importance:
    mean = float(drops.mean())
    margin = (
        float(stats.t.ppf(0.975, len(drops) - 1) * drops.std(ddof=1) / np.sqrt(len(drops))) if len(drops) > 1 else 0.0
    )
    return Importance(name, mean, mean - margin, mean + margin)


def mean_auc(scores: NDArray[np.float64], labels: NDArray[np.int64]) -> float:
    """The area under the ROC curve of the second of two classes; of more, the mean of each that occurs against the rest."""
    wanted = [1] if scores.shape[1] == 2 else range(scores.shape[1])
    areas = []
    for place in wanted:
        hits = labels == place
        if 0 < hits.sum() < len(hits):
            ranks = stats.rankdata(scores[:, place])
            count = int(hits.sum())
            areas.append((ranks[hits].sum() - count * (count + 1) / 2) / (count * (len(hits) - count)))
    return float(np.mean(areas)) if areas else 0.5


def _bytes(table: pa.Table) -> bytes:
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, table.schema) as writer:
        writer.write_table(table)
    return sink.getvalue().to_pybytes()

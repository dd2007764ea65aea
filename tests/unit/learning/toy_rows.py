"""Rows that a network can learn from and a line cannot, as a frame that is read from files."""

from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray
from pyspark.sql import DataFrame, SparkSession

LEVELS = [5, 3]


class Toy:
    """Class 1 where the product of the first two numbers is above what the first code moves."""

    def __init__(self, rows: int = 2000, seed: int = 1, held: int = 5) -> None:
        random = np.random.default_rng(seed)
        self.numbers: NDArray[np.float32] = random.normal(size=(rows, 4)).astype(np.float32)
        self.codes: NDArray[np.int32] = np.stack(
            [random.integers(1, levels, rows, dtype=np.int32) for levels in LEVELS], 1
        )
        logits = 4 * self.numbers[:, 0] * self.numbers[:, 1] + np.array([0, -3, 3, 0, 1])[self.codes[:, 0]]
        self.labels: NDArray[np.int32] = (random.random(rows) < 1 / (1 + np.exp(-logits))).astype(np.int32)
        self.weights: NDArray[np.float64] = np.ones(rows)
        self.held: NDArray[np.bool_] = np.arange(rows) % held == 0 if held else np.zeros(rows, bool)

    def frame(self, spark: SparkSession, folder: Path, files: int = 3) -> DataFrame:
        table = pa.table(
            {
                "numbers": pa.array(list(self.numbers), pa.list_(pa.float32())),
                "codes": pa.array(list(self.codes), pa.list_(pa.int32())),
                "label": self.labels,
                "weight": self.weights,
                "held": self.held,
            }
        )
        folder.mkdir(parents=True)
        size = -(-len(table) // files)
        for file in range(files):
            pq.write_table(table.slice(file * size, size), folder / f"part-{file}.parquet")
        return spark.read.parquet(str(folder))

"""Rows that a network can learn from and a line cannot: as a frame that is read from files, or trained on in this process."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray
from pyspark.sql import DataFrame, SparkSession

from repertoire.learning.network.checkpoint import Progress
from repertoire.learning.network.job import Job, Plan
from repertoire.learning.network.quiet_tensorflow import quiet_tensorflow
from repertoire.learning.network.spool import Spool
from repertoire.learning.network.trained import EpochResult
from repertoire.learning.network.training import train
from repertoire.settings.network import NetworkSettings

LEVELS = (5, 3)
_MOVED = np.array([0, -3, 3, 0, 1])


class Toy:
    """Class 1 where the product of the first two numbers is above what the first code moves."""

    def __init__(self, rows: int = 2000, seed: int = 1, held: int = 5) -> None:
        random = np.random.default_rng(seed)
        self.numbers: NDArray[np.float32] = random.normal(size=(rows, 4)).astype(np.float32)
        codes = [random.integers(1, levels, rows, dtype=np.int32) for levels in LEVELS]
        self.codes: NDArray[np.int32] = np.stack(codes, 1)
        logits = 4 * self.numbers[:, 0] * self.numbers[:, 1] + _MOVED[self.codes[:, 0]]
        self.labels: NDArray[np.int32] = (random.random(rows) < 1 / (1 + np.exp(-logits))).astype(np.int32)
        self.weights: NDArray[np.float64] = np.ones(rows)
        self.held: NDArray[np.bool_] = np.arange(rows) % held == 0 if held else np.zeros(rows, bool)

    def __len__(self) -> int:
        return len(self.labels)

    def taken(self, rows: NDArray[Any]) -> "Toy":
        """These rows alone, in this order."""
        found = object.__new__(Toy)
        for name, values in vars(self).items():
            setattr(found, name, values[rows])
        return found

    def table(self) -> pa.Table:
        return pa.table(
            {
                "numbers": pa.array(list(self.numbers), pa.list_(pa.float32())),
                "codes": pa.array(list(self.codes), pa.list_(pa.int32())),
                "label": self.labels,
                "weight": self.weights,
                "held": self.held,
            }
        )

    def frame(self, spark: SparkSession, folder: Path, files: int = 3) -> DataFrame:
        folder.mkdir(parents=True)
        table, size = self.table(), -(-len(self) // files)
        for file in range(files):
            pq.write_table(table.slice(file * size, size), folder / f"part-{file}.parquet")
        return spark.read.parquet(str(folder))

    def batches(self, plan: Plan, worker: int, size: int = 700) -> list[pa.RecordBatch]:
        """What a worker is sent."""
        streams, index = plan.streams, np.where(self.held, np.cumsum(self.held), np.cumsum(~self.held)) - 1
        owner = np.where(self.held, index % streams.workers, index % streams.batch_size // streams.share)
        table = self.table().append_column("index", pa.array(index)).filter(pa.array(owner == worker))
        table = table.set_column(table.schema.get_field_index("weight"), "weight", table["weight"].cast(pa.float32()))
        return list(table.combine_chunks().to_batches(max_chunksize=size))

    def plan(self, settings: NetworkSettings, levels: Sequence[int] = LEVELS, **changes: Any) -> Plan:
        held = int(self.held.sum())
        facts: dict[str, Any] = {"classes": 2, "seed": 3, "threads": 1, "checkpoints": None, **changes}
        return Plan(levels=tuple(levels), rows=len(self) - held, held_rows=held, settings=settings, **facts)

    def train_here(
        self,
        folder: Path,
        plan: Plan,
        after_epoch: Callable[[EpochResult], None] = lambda _: None,
        resume: bool = False,
    ) -> tuple[Any, Progress]:
        """In this process by one worker: the model, and how it went."""
        tf = quiet_tensorflow(threads=1)
        import keras

        folder.mkdir(parents=True)
        spool, width = Spool(str(folder), plan, 0), self.numbers.shape[1]
        for batch in self.batches(plan, 0):
            spool.add(batch)
        assert spool.close(width)
        keras.utils.set_random_seed(plan.seed)
        job = Job(plan, 0, ["here"], width, str(folder), plan.fingerprint(width, spool.checksum), resume)
        return train(tf, tf.distribute.get_strategy(), job, after_epoch)

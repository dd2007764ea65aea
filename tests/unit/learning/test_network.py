"""The network on Spark: the same for one worker and two, after a worker was killed, and errors in one line."""

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from pyspark.sql import DataFrame, SparkSession
from tests.unit.learning.toy_rows import LEVELS, Toy

from repertoire.errors import InputError, SettingsError
from repertoire.learning.network import TrainedNetwork, fit_network, network_scores
from repertoire.learning.network.free_slots import refuse_too_few_slots, threads_of_a_worker
from repertoire.settings.network import NetworkSettings

SETTINGS = NetworkSettings(
    hidden=[16, 8],
    batch_size=64,
    epochs=40,
    learning_rate=0.005,
    dropout=0.1,
    patience=None,
    threads=1,
    checkpoint_seconds=0,
)


@dataclass
class Fits:
    """Fits of the same rows; what was said."""

    frame: DataFrame
    folder: Path
    said: list[str] = field(default_factory=list)

    def fit(self, scratch: str | None = None, **changes: object) -> TrainedNetwork:
        settings = NetworkSettings.model_validate(SETTINGS.model_dump() | changes)
        folder = str(self.folder / "scratch") if scratch is None else scratch
        return fit_network(
            self.frame, levels=LEVELS, classes=2, settings=settings, seed=3, scratch=folder, say=self.said.append
        )


@pytest.fixture(scope="module")
def toy() -> Toy:
    return Toy()


@pytest.fixture(scope="module")
def fits(spark: SparkSession, toy: Toy, tmp_path_factory: pytest.TempPathFactory) -> Fits:
    folder = tmp_path_factory.mktemp("network")
    return Fits(toy.frame(spark, folder / "rows"), folder)


@pytest.fixture(scope="module")
def by_one(fits: Fits) -> TrainedNetwork:
    return fits.fit()


def losses(trained: TrainedNetwork) -> list[tuple[float, float | None]]:
    return [(epoch.loss, epoch.held_loss) for epoch in trained.history]


def weights(trained: TrainedNetwork, folder: Path) -> list[np.ndarray]:
    import keras

    path = folder / "network.keras"
    path.write_bytes(trained.keras)
    found: list[np.ndarray] = keras.models.load_model(path).get_weights()
    return found


def kill_a_process(after: Path) -> threading.Thread:
    """Kills one that trains for this process, as soon as there is a file in the folder."""

    def parent(process: Path) -> int:
        return int((process / "stat").read_text().rsplit(")", 1)[1].split()[1])

    def started_here(process: Path) -> bool:
        while int(process.name) > 1:
            if int(process.name) == os.getpid():
                return True
            process = Path("/proc", str(parent(process)))
        return False

    def kill() -> None:
        while not any(after.glob("*.npz")):
            time.sleep(0.01)
        for process in Path("/proc").glob("[0-9]*"):
            try:
                trains = b"repertoire.learning.network.process" in (process / "cmdline").read_bytes()
                if trains and started_here(process):
                    os.kill(int(process.name), signal.SIGKILL)
                    return
            except OSError:  # it has ended
                continue

    thread = threading.Thread(target=kill, daemon=True)
    thread.start()
    return thread


def test_the_same_fit_gives_the_same_bytes(fits: Fits, by_one: TrainedNetwork, toy: Toy) -> None:
    again = fits.fit()
    assert losses(again) == losses(by_one)
    assert again.keras == by_one.keras
    assert (by_one.rows, by_one.held_rows, by_one.workers) == (1600, 400, 1)
    assert len(by_one.history) == 40
    assert "40 epochs of 1,600 rows" in fits.said[0]
    assert not any((fits.folder / "scratch").iterdir())


def test_a_killed_worker_changes_nothing_and_nor_do_two(fits: Fits, by_one: TrainedNetwork, tmp_path: Path) -> None:
    """Two workers; one is killed; Spark starts both again, and they go on from the checkpoint."""
    killer = kill_a_process(tmp_path)
    fits.said.clear()
    trained = fits.fit(scratch=str(tmp_path), workers=2)
    killer.join(0)
    assert not killer.is_alive()
    assert "from a checkpoint" in fits.said[0]
    np.testing.assert_allclose(losses(trained), losses(by_one), rtol=1e-5)
    assert trained.best_epoch == by_one.best_epoch
    for ours, theirs in zip(weights(trained, tmp_path), weights(by_one, tmp_path), strict=True):
        np.testing.assert_allclose(ours, theirs, atol=1e-4)


def test_scores_in_spark_are_those_of_this_process(fits: Fits, by_one: TrainedNetwork, toy: Toy) -> None:
    scores = network_scores(by_one.keras)

    def scored(batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        for batch in batches:
            numbers = batch.column("numbers").flatten().to_numpy().reshape(-1, 4)
            codes = batch.column("codes").flatten().to_numpy().reshape(-1, 2)
            keys = {"first": numbers[:, 0], "second": numbers[:, 1]}
            yield pa.record_batch(keys | {"score": scores(numbers, codes)[:, 1]})

    # Coalesced: one Python worker is enough.
    rows = fits.frame.coalesce(1).mapInArrow(scored, "first float, second float, score double").collect()
    found, here = {row[:2]: row["score"] for row in rows}, scores(toy.numbers, toy.codes)
    np.testing.assert_allclose([found[a, b] for a, b in toy.numbers[:, :2].tolist()], here[:, 1], atol=1e-6)
    np.testing.assert_allclose(here.sum(axis=1), 1)
    assert np.mean((here[:, 1] > 0.5) == toy.labels) > 0.75


def test_what_cannot_be_learnt_is_said_in_one_line(fits: Fits) -> None:
    fits.said.clear()
    with pytest.raises(InputError) as caught:
        fits.fit(scratch="hdfs://nowhere/folder", learning_rate=1e30)
    assert "the loss of the" in str(caught.value)
    assert "lower learning_rate" in str(caught.value)
    assert "\n" not in str(caught.value)
    assert fits.said == [
        "network: no checkpoints are kept, because hdfs://nowhere/folder is no folder of a disk; "
        "set checkpoints of the network to one"
    ]


@pytest.mark.parametrize(
    "changes, words",
    [
        ({"workers": 3, "batch_size": 63}, "by 3 workers at the same time, but Spark has room for 2 tasks"),
        ({"workers": 2, "batch_size": 63}, "batch_size of the network is 63, which its 2 workers cannot share evenly"),
    ],
)
def test_workers_that_there_is_no_room_for(changes: dict[str, Any], words: str, fits: Fits) -> None:
    with pytest.raises(SettingsError) as caught:
        fits.fit(**changes)
    assert words in str(caught.value)


def test_there_has_to_be_something_to_learn_from(spark: SparkSession, tmp_path: Path) -> None:
    toy = Toy(rows=10, held=1)
    with pytest.raises(InputError, match="no rows to train the network on"):
        Fits(toy.frame(spark, tmp_path / "rows"), tmp_path).fit()


def cluster(slots: int, **conf: str) -> Any:
    """A session of another machine's Spark."""
    scala = SimpleNamespace(
        maxNumConcurrentTasks=lambda profile: slots,
        resourceProfileManager=lambda: SimpleNamespace(defaultResourceProfile=lambda: None),
    )
    given = {"spark.master": "yarn"} | {f"spark.{name}": value for name, value in conf.items()}
    context = SimpleNamespace(_jsc=SimpleNamespace(sc=lambda: scala))
    return SimpleNamespace(conf=given, sparkContext=context)


def test_the_room_on_a_cluster() -> None:
    executors = {"executor.instances": "4", "executor.cores": "3", "task.cpus": "1"}
    refuse_too_few_slots(cluster(2, **executors), 12)  # executors that may be on their way
    with pytest.raises(SettingsError, match="13 workers at the same time, but Spark has room for 12 tasks"):
        refuse_too_few_slots(cluster(2, **executors), 13)
    dynamic = cluster(100, **{"dynamicAllocation.enabled": "true"})
    with pytest.raises(SettingsError, match="Spark has none while spark.dynamicAllocation.enabled is true"):
        refuse_too_few_slots(dynamic, 2)
    refuse_too_few_slots(dynamic, 1)
    assert [threads_of_a_worker(cluster(12, **executors), workers) for workers in (1, 4, 12)] == [3, 3, 1]


def test_tensorflow_is_imported_late_and_without_a_word() -> None:
    code = (
        "import sys, repertoire.learning.network as network; assert 'tensorflow' not in sys.modules\n"
        "from repertoire.learning.network.quiet_tensorflow import quiet_tensorflow\n"
        "quiet_tensorflow(1); import keras; keras.ops.add(1, 1)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")

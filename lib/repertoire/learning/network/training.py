"""Epoch after epoch, until the held-out rows' loss gets no better."""

import math
import time
from collections.abc import Callable
from contextlib import suppress
from typing import Any

import numpy as np
from numpy.typing import NDArray

from repertoire.errors import InputError
from repertoire.learning.network.checkpoint import Progress, read_checkpoint, write_checkpoint
from repertoire.learning.network.job import Job
from repertoire.learning.network.layers import Layers
from repertoire.learning.network.spool import Rows, chunks, rows_in
from repertoire.learning.network.steps import Steps
from repertoire.learning.network.trained import EpochResult

_CHUNK_BYTES = 32 << 20  # of the rows that TensorFlow is given at once


def train(tf: Any, strategy: Any, job: Job, after_epoch: Callable[[EpochResult], None]) -> tuple[Any, Progress]:
    """The Keras model with the best epoch's weights. after_epoch is called when the checkpoint is written.

    Every worker calls it at the same time and gets the same. Raises InputError where a loss is not a number.
    """
    settings = job.plan.settings
    layers = Layers(job.width, job.plan.levels, job.plan.classes, settings)
    steps = Steps(tf, strategy, layers, job)
    learnt, held = rows_in(job.folder, "learnt"), rows_in(job.folder, "held")
    keeper = _Keeper(job)
    progress = keeper.found() or Progress()
    steps.restore(progress.state)
    while progress.epoch < settings.epochs and not _gets_no_better(job, progress):
        began = time.perf_counter()
        epoch = progress.epoch + 1
        loss = _mean(_learn(steps, learnt, job, epoch), f"epoch {epoch}", "learnt from")
        held_loss = _mean(_measure(steps, held), f"epoch {epoch}", "held-out") if job.plan.held_rows else None
        result = EpochResult(epoch, loss, held_loss, time.perf_counter() - began)
        progress.history.append(result)
        if held_loss is None or held_loss < progress.best_loss - settings.min_delta or epoch == 1:
            progress.best, progress.best_epoch = steps.weights(), epoch
            progress.best_loss = math.inf if held_loss is None else held_loss
        keeper.keep(progress, steps)
        after_epoch(result)
    steps.restore(progress.best)
    return layers.model, progress


def _gets_no_better(job: Job, progress: Progress) -> bool:
    patience = job.plan.settings.patience
    if patience is None or not job.plan.held_rows:
        return False
    return progress.epoch - progress.best_epoch >= patience


def _learn(steps: Steps, rows: Rows, job: Job, epoch: int) -> NDArray[np.float64]:
    order = job.plan.streams.order(job.worker, job.plan.seed, epoch)
    sums = np.zeros(2)
    for some in chunks(len(order), _at_once(rows, job.plan.streams.share)):
        sums += steps.learn(rows.take(order[some]))
    return sums


def _measure(steps: Steps, rows: Rows) -> NDArray[np.float64]:
    sums = np.zeros(2)
    for some in chunks(len(rows), _at_once(rows, 1)):
        sums += steps.measure([array[some] for array in rows.arrays()])
    return steps.total(sums)


def _at_once(rows: Rows, together: int) -> int:
    """How many groups of so many rows TensorFlow is given at once."""
    row = 4 * (rows.numbers.shape[1] + rows.codes.shape[1] + 2)
    return max(1, _CHUNK_BYTES // (row * together))


def _mean(sums: NDArray[np.float64], when: str, which: str) -> float:
    loss, weight = sums
    if weight <= 0:
        raise InputError(f"the weights of the {which} rows add up to nothing: give some rows a weight above 0")
    if not math.isfinite(loss):
        raise InputError(
            f"the loss of the {which} rows is not a number in {when}: lower learning_rate, or scale down large numbers"
        )
    return float(loss / weight)


class _Keeper:
    """Reads and writes the checkpoint; only the first worker writes."""

    def __init__(self, job: Job) -> None:
        self._job, self._last = job, time.monotonic()
        self._path = job.plan.checkpoint

    def found(self) -> Progress | None:
        if self._path is None or not self._job.resume:
            return None
        progress = read_checkpoint(self._path, self._job.fingerprint)
        if progress is None:
            raise RuntimeError(f"the checkpoint {self._path} was there a moment ago, and cannot be read now")
        return progress

    def keep(self, progress: Progress, steps: Steps) -> None:
        due = time.monotonic() - self._last >= self._job.plan.settings.checkpoint_seconds
        if self._path is None or self._job.worker or not due:
            return
        progress.state = steps.state()
        with suppress(OSError):  # a full disk must not end what it was to protect
            write_checkpoint(self._path, progress, self._job.fingerprint)
        self._last = time.monotonic()

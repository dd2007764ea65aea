"""Trains the network on a frame's rows: the driver's side."""

import json
import re
from collections.abc import Callable, Iterator, Sequence
from urllib.parse import urlsplit

import pyarrow as pa
from py4j.protocol import Py4JError
from pyspark.errors import PySparkException
from pyspark.sql import DataFrame

from repertoire.errors import InputError, RepertoireError, SettingsError
from repertoire.learning.network.free_slots import refuse_too_few_slots, threads_of_a_worker
from repertoire.learning.network.job import Plan
from repertoire.learning.network.placed_rows import count_rows, placed_rows
from repertoire.learning.network.task import BROKEN, HISTORY, KERAS, NOTE, REFUSED, SCHEMA, train_in_task
from repertoire.learning.network.trained import EpochResult, TrainedNetwork
from repertoire.settings.network import NetworkSettings

Say = Callable[[str], None]


def fit_network(
    frame: DataFrame,
    *,
    levels: Sequence[int],
    classes: int,
    settings: NetworkSettings,
    seed: int,
    scratch: str,
    say: Say,
) -> TrainedNetwork:
    """A feed-forward classifier by Adam (Kingma & Ba 2015) on the weighted log loss, all workers sharing every batch.

    frame: read from files, so that its rows come in the same order each time. numbers array<float>, of one width;
    codes array<int>, one of each column of `levels`: 0 for what is unknown, up to levels - 1; either may be empty, not both;
    label int, from 0 to classes - 1; weight double, 0 or more; held boolean: rows that only measure each epoch.
    The best epoch on held-out rows gives the network, the last one where there are none. The batches, and but for the order
    of sums the results, are the same for any number of workers; with the same settings on one machine, they are the same bits.
    A fit that ended early goes on from its checkpoint when it is called again with the same rows and settings.
    Runs two queries: one counts, one trains. Raises SettingsError, InputError where a row or a loss is no number or none that
    is allowed, RepertoireError where a worker cannot go on.
    """
    spark = frame.sparkSession
    _refuse(levels, classes, settings)
    refuse_too_few_slots(spark, settings.workers)
    counts = count_rows(frame)
    if not counts.rows:
        raise InputError("there are no rows to train the network on: all are held out, or there are none")
    plan = Plan(
        levels=tuple(levels),
        classes=classes,
        rows=counts.rows,
        held_rows=counts.held_rows,
        seed=seed,
        threads=settings.threads or threads_of_a_worker(spark, settings.workers),
        checkpoints=_folder(settings.checkpoints or scratch, say),
        settings=settings,
    )

    def work(batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        return train_in_task(plan, batches)

    trained_rows = placed_rows(frame, counts, plan.streams).mapInArrow(work, SCHEMA, barrier=settings.workers > 1)
    if settings.workers > 1:
        # Where a task of a barrier stage is lost, Spark starts the stage again, but only if another one follows.
        trained_rows = trained_rows.repartition(1)
    try:
        rows = trained_rows.collect()
    except (PySparkException, Py4JError) as error:
        raise RepertoireError(f"the network could not be trained: {_in_one_line(error)}") from error
    found = {row["kind"]: bytes(row["content"]) for row in rows}
    for kind, error_class in ((REFUSED, InputError), (BROKEN, RepertoireError)):
        if kind in found:
            raise error_class(f"the network could not be trained: {found[kind].decode()}")
    if NOTE in found:
        say(f"network: {found[NOTE].decode()}")
    told = json.loads(found[HISTORY])
    trained = TrainedNetwork(
        keras=found[KERAS],
        history=[EpochResult(**epoch) for epoch in told["history"]],
        best_epoch=told["best_epoch"],
        rows=counts.rows,
        held_rows=counts.held_rows,
        workers=settings.workers,
    )
    say(_in_words(trained))
    return trained


def _refuse(levels: Sequence[int], classes: int, settings: NetworkSettings) -> None:
    if classes < 2:
        raise InputError(f"a classifier needs two classes or more, and there is {classes}")
    if any(count < 1 for count in levels):
        raise InputError(f"a coded column needs one level or more: {list(levels)}")
    if settings.batch_size % settings.workers:
        raise SettingsError(
            f"batch_size of the network is {settings.batch_size}, which its {settings.workers} workers cannot share evenly. "
            f"Set it to {-(-settings.batch_size // settings.workers) * settings.workers}, or change workers."
        )


def _folder(path: str, say: Say) -> str | None:
    """The folder of a disk that a path or a file: address names."""
    address = urlsplit(path)
    if address.scheme in ("", "file"):
        return address.path or None
    say(
        f"network: no checkpoints are kept, because {path} is no folder of a disk; set checkpoints of the network to one"
    )
    return None


def _in_one_line(error: Exception) -> str:
    """What the worker that failed said, without the stack of the JVM around it."""
    raised = re.findall(r"^(?:\w+\.)*(?:\w*Error|\w*Exception): (.+)$", str(error), re.MULTILINE)
    ours = re.findall(r"^RuntimeError: (.+)$", str(error), re.MULTILINE)
    return (ours or raised or str(error).strip().splitlines() or ["Spark gave no reason"])[-1]


def _in_words(trained: TrainedNetwork) -> str:
    last, best = trained.history[-1], trained.history[trained.best_epoch - 1]
    shared = f" on {trained.workers} workers" if trained.workers > 1 else ""
    held = "" if best.held_loss is None else f", held-out loss {best.held_loss:.4f} after epoch {best.epoch}"
    return f"network: {last.epoch} epochs of {trained.rows:,} rows{shared}, loss {best.loss:.4f}{held}"

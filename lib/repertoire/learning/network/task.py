"""A worker's task: takes its rows, has a process train on them, and gives the network back."""

import json
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pyarrow as pa
from pyspark import BarrierTaskContext, TaskContext

from repertoire.errors import InputError
from repertoire.learning.network.checkpoint import read_checkpoint
from repertoire.learning.network.job import Job, Plan
from repertoire.learning.network.process import NETWORK
from repertoire.learning.network.spool import Spool
from repertoire.learning.network.training_process import TrainingProcess

SCHEMA = "kind string, content binary"
FAILED, RESUMED, HISTORY, KERAS = "failed", "resumed", "history", "keras"


def train_in_task(plan: Plan, batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
    """Rows of SCHEMA, from the first worker alone: FAILED, a sentence; or HISTORY, KERAS, and RESUMED: the epoch before.

    Raises RuntimeError where the process ends before it has an outcome; of several workers, Spark then starts all again.
    """
    peers = _Peers(plan)
    # The process ends before its folder does.
    with tempfile.TemporaryDirectory(prefix="repertoire-network-") as folder, TrainingProcess(folder, plan) as process:
        spool = Spool(folder, plan, peers.worker)
        refused = _filled(spool, batches)
        address = f"{peers.host()}:{process.port()}" if refused is None else ""
        every = peers.tell({"refused": refused, "address": address, "width": spool.width, "checksum": spool.checksum})
        failed = next((one["refused"] for one in every if one["refused"] is not None), None) or _unlike(every)
        if failed is None:
            width = max(one["width"] or 0 for one in every)
            spool.close(width)
            fingerprint = plan.fingerprint(width, sum(one["checksum"] for one in every) % 2**64)
            done = _epochs_done(plan, fingerprint, peers)
            addresses = [one["address"] for one in every]
            outcome = process.train(Job(plan, peers.worker, addresses, width, folder, fingerprint, resume=done > 0))
            failed = outcome.get("failed")
        peers.tell({})  # no process ends while another may need it
        if peers.worker:
            return
        if failed is not None:
            yield _row(FAILED, failed)
            return
        if done:
            yield _row(RESUMED, str(done))
        yield _row(HISTORY, json.dumps(outcome["done"]))
        yield _row(KERAS, Path(folder, NETWORK).read_bytes())
        if plan.checkpoint:
            plan.checkpoint.unlink(missing_ok=True)


class _Peers:
    """The tasks that train together."""

    def __init__(self, plan: Plan) -> None:
        found = BarrierTaskContext.get() if plan.settings.workers > 1 else TaskContext.get()
        if found is None:
            raise RuntimeError("there is no Spark task to train in")
        self._context = found
        self.worker = found.partitionId()

    def tell(self, facts: dict[str, Any]) -> list[dict[str, Any]]:
        """What each of them tells, in the order of the workers. Waits for all."""
        if isinstance(self._context, BarrierTaskContext):
            return [json.loads(one) for one in self._context.allGather(json.dumps(facts))]
        return [facts]

    def host(self) -> str:
        if isinstance(self._context, BarrierTaskContext):
            return self._context.getTaskInfos()[self.worker].address.rsplit(":", 1)[0]
        return "localhost"


def _filled(spool: Spool, batches: Iterator[pa.RecordBatch]) -> str | None:
    """Why the rows will not do. All are taken, for the others' sake."""
    try:
        for batch in batches:
            spool.add(batch)
    except InputError as error:
        for _ in batches:
            pass
        return str(error)
    return None


def _unlike(every: list[dict[str, Any]]) -> str | None:
    widths = sorted({one["width"] for one in every if one["width"] is not None})
    return f"numbers: {widths[0]} in some rows, {widths[-1]} in others" if len(widths) > 1 else None


def _epochs_done(plan: Plan, fingerprint: str, peers: _Peers) -> int:
    """Epochs of the checkpoint, if every worker sees the same one."""
    if plan.checkpoint is None:
        return 0
    found = read_checkpoint(plan.checkpoint, fingerprint)
    every = {one["epoch"] for one in peers.tell({"epoch": found.epoch if found else 0})}
    return int(every.pop()) if len(every) == 1 else 0


def _row(kind: str, content: str | bytes) -> pa.RecordBatch:
    coded = content.encode() if isinstance(content, str) else content
    return pa.record_batch({"kind": [kind], "content": pa.array([coded], pa.binary())})

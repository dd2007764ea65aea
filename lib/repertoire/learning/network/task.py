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
from repertoire.learning.network.job import NETWORK, Job, Plan
from repertoire.learning.network.spool import Spool
from repertoire.learning.network.training_process import TrainingProcess

SCHEMA = "kind string, content binary"
REFUSED, BROKEN, NOTE, HISTORY, KERAS = "refused", "broken", "note", "history", "keras"


def train_in_task(plan: Plan, batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
    """Rows of SCHEMA, from the first worker alone: HISTORY, KERAS, and a NOTE of what became of a checkpoint.

    Or one row that says why not: REFUSED, for what the input is; BROKEN, for what another try will not change. Raises
    RuntimeError where a process ends before it has an outcome; of several workers, Spark then starts all again.
    """
    peers = _Peers(plan)
    # The process ends before its folder does.
    with tempfile.TemporaryDirectory(prefix="repertoire-network-") as folder, TrainingProcess(folder, plan) as process:
        spool = Spool(folder, plan, peers.worker)
        mine = _ready(spool, batches, process)
        every = peers.tell(mine | {"host": peers.host(), "width": spool.width, "checksum": spool.checksum})
        width = max(one["width"] or 0 for one in every)
        end = _first_end(every, width) or _first_end(peers.tell(_closed(spool, width)), width)
        if end is None:
            fingerprint = plan.fingerprint(width, sum(one["checksum"] for one in every) % 2**64)
            done, note = _epochs_done(plan, fingerprint, peers)
            addresses = [f"{one['host']}:{one['port']}" for one in every]
            job = Job(plan, peers.worker, addresses, width, folder, fingerprint, resume=done > 0)
            outcome = process.train(job)
            end = _first_end([outcome], width)
        peers.tell({})  # no process ends while another may need it
        if peers.worker:
            return
        if end is not None:
            yield _row(*end)
            return
        if note:
            yield _row(NOTE, note)
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
        """By which the others reach this one."""
        if isinstance(self._context, BarrierTaskContext):
            return self._context.getTaskInfos()[self.worker].address.rsplit(":", 1)[0]
        return "localhost"


def _ready(spool: Spool, batches: Iterator[pa.RecordBatch], process: TrainingProcess) -> dict[str, Any]:
    """Takes all rows, and the process's port; or says why they will not do, which the others have to know."""
    try:
        for batch in batches:
            spool.add(batch)
    except InputError as error:
        return {REFUSED: str(error)}
    return process.ready()


def _closed(spool: Spool, width: int) -> dict[str, str]:
    return {} if spool.close(width) else {BROKEN: "its rows changed while they were read. Write them to files first"}


def _first_end(every: list[dict[str, Any]], width: int) -> tuple[str, str] | None:
    """Why there will be no network, if one of the workers says so."""
    for told in every:
        for kind in (REFUSED, BROKEN):
            if kind in told:
                return kind, told[kind]
        if told.get("width") not in (None, width):
            return REFUSED, f"numbers: {told['width']} in some rows, {width} in others"
    return None


def _epochs_done(plan: Plan, fingerprint: str, peers: _Peers) -> tuple[int, str]:
    """Epochs of the checkpoint, if every worker sees the same one, and a word about it."""
    if plan.checkpoint is None:
        return 0, ""
    found = read_checkpoint(plan.checkpoint, fingerprint)
    epochs = [one["epoch"] for one in peers.tell({"epoch": found.epoch if found else 0})]
    if len(set(epochs)) > 1:
        return 0, f"a checkpoint in {plan.checkpoints} was not used, because not every worker sees the same there"
    return epochs[0], f"went on after epoch {epochs[0]}, from a checkpoint" if epochs[0] else ""


def _row(kind: str, content: str | bytes) -> pa.RecordBatch:
    coded = content.encode() if isinstance(content, str) else content
    return pa.record_batch({"kind": [kind], "content": pa.array([coded], pa.binary())})

"""The process that trains, started beside each worker's task: `python -m repertoire.learning.network.process FOLDER THREADS`.

TensorFlow's cluster can be set up once in a process and before anything else is done with it, but Spark uses its Python
workers again. A process of its own gives every training a fresh TensorFlow, gives the memory back, and may crash alone.

It writes a port that is free, reads its Job, trains, and writes the outcome: a line of JSON each. Then it waits to be ended,
for the others may need it until all are done. When its standard input ends, so does it: the task, or its worker, is no more.
"""

import json
import os
import shutil
import socket
import sys
import threading
import time
from dataclasses import asdict
from pathlib import Path
from typing import IO, Any

from repertoire.errors import RepertoireError
from repertoire.learning.network.job import NETWORK, Job
from repertoire.learning.network.keras_file import write_keras
from repertoire.learning.network.quiet_tensorflow import quiet_tensorflow
from repertoire.learning.network.training import train

_LAST_WORDS = 300
# Where another worker is killed, this one only sees that the connection is closed. The other's task is to say why first.
_FIRST_WORD_SECONDS = 3


def main() -> None:
    folder, threads = sys.argv[1], int(sys.argv[2])
    answers = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)  # whatever else is printed is no answer
    try:
        tf = quiet_tensorflow(threads)
    except ImportError as error:
        _answer(answers, broken=f"TensorFlow cannot be imported by {sys.executable}: {error}")
        return
    with socket.socket() as free:
        free.bind(("", 0))
        _answer(answers, port=free.getsockname()[1])
        told = sys.stdin.readline()  # the port is kept until it is needed
    if not told:
        return
    threading.Thread(target=_end_with_the_task, args=(folder,), daemon=True).start()
    try:
        _train(tf, Job.from_json(told), answers)
    except RepertoireError as error:
        _answer(answers, refused=str(error))
    except Exception as error:
        if isinstance(error, tf.errors.OpError):
            time.sleep(_FIRST_WORD_SECONDS)
        words = str(error).strip().splitlines() or [""]
        _answer(answers, crashed=f"{type(error).__name__}: {words[-1].strip()[-_LAST_WORDS:].rstrip('.')}")
    threading.Event().wait()


def _train(tf: Any, job: Job, answers: IO[str]) -> None:
    import keras

    if len(job.addresses) > 1:
        cluster = {"cluster": {"worker": list(job.addresses)}, "task": {"type": "worker", "index": job.worker}}
        os.environ["TF_CONFIG"] = json.dumps(cluster)
        ring = tf.distribute.experimental.CommunicationImplementation.RING
        options = tf.distribute.experimental.CommunicationOptions(implementation=ring)
        strategy = tf.distribute.MultiWorkerMirroredStrategy(communication_options=options)
    else:
        strategy = tf.distribute.get_strategy()
    keras.utils.set_random_seed(job.plan.seed)
    tf.config.experimental.enable_op_determinism()
    model, progress = train(tf, strategy, job, lambda epoch: _answer(answers, epoch=asdict(epoch)))
    if job.worker == 0:
        write_keras(model, Path(job.folder, NETWORK))
    _answer(answers, done={"best_epoch": progress.best_epoch, "history": [asdict(epoch) for epoch in progress.history]})


def _answer(answers: IO[str], **facts: object) -> None:
    answers.write(json.dumps(facts) + "\n")
    answers.flush()


def _end_with_the_task(folder: str) -> None:
    sys.stdin.read()
    shutil.rmtree(folder, ignore_errors=True)
    os._exit(0)


if __name__ == "__main__":
    main()

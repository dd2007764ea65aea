"""The task's side of the process that trains: starts it, talks to it, ends it."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

from repertoire.learning.network.job import Job, Plan

_ENDED = "the training process of worker"
_LAST_WORDS = 300


class TrainingProcess:
    """Started at once, so that TensorFlow is imported while the rows come in. folder: where it may write."""

    def __init__(self, folder: str, plan: Plan) -> None:
        paths = os.pathsep.join(path for path in sys.path if path)
        environment = {name: value for name, value in os.environ.items() if name != "TF_CONFIG"} | {"PYTHONPATH": paths}
        command = [sys.executable, "-m", "repertoire.learning.network.process", folder, str(plan.threads)]
        self._errors = Path(folder, "stderr")
        with self._errors.open("wb") as errors:
            # In a session of its own: Spark hangs up on the whole group of its Python workers, which would leave files behind.
            self._process = subprocess.Popen(
                command,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=errors,
                env=environment,
                text=True,
                start_new_session=True,
            )
        self._worker = 0

    def __enter__(self) -> "TrainingProcess":
        return self

    def __exit__(self, *raised: object) -> None:
        self._process.kill()
        self._process.communicate()

    def ready(self) -> dict[str, Any]:
        """A `port` that is free, which it takes when it trains; or `broken`. Waits for TensorFlow."""
        return self._answer()

    def train(self, job: Job) -> dict[str, Any]:
        """Its last answer: `done`, or `refused`. Raises RuntimeError where it ends without one."""
        self._worker = job.worker
        if self._process.stdin is not None:
            self._process.stdin.write(job.to_json() + "\n")
            self._process.stdin.flush()
        answer = self._answer()
        while "epoch" in answer:
            answer = self._answer()
        if "crashed" in answer:
            raise RuntimeError(f"{_ENDED} {job.worker + 1} ended early: {answer['crashed']}.")
        return answer

    def _answer(self) -> dict[str, Any]:
        line = self._process.stdout.readline() if self._process.stdout else ""
        if not line:
            code = self._process.wait()
            words = self._errors.read_text(encoding="utf-8", errors="replace").strip().splitlines()
            last = words[-1].strip()[-_LAST_WORDS:].rstrip(".") if words else "it said nothing"
            why = f"was killed by signal {-code}, for memory perhaps" if code < 0 else f"ended with {code}: {last}"
            raise RuntimeError(f"{_ENDED} {self._worker + 1} {why}.")
        answer: dict[str, Any] = json.loads(line)
        return answer

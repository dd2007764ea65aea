"""The task's side of the process that trains: starts it, talks to it, ends it."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

from repertoire.learning.network.job import Job, Plan

ENDED = "the training process of worker"
_LAST_WORDS = 300


class TrainingProcess:
    """Started at once, so that TensorFlow is imported while the rows come in. folder: where it may write."""

    def __init__(self, folder: str, plan: Plan) -> None:
        paths = os.pathsep.join(path for path in sys.path if path)
        environment = {name: value for name, value in os.environ.items() if name != "TF_CONFIG"} | {"PYTHONPATH": paths}
        command = [sys.executable, "-m", "repertoire.learning.network.process", folder, str(plan.threads)]
        self._errors = Path(folder, "stderr")
        with self._errors.open("wb") as errors:
            self._process = subprocess.Popen(
                command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=errors, env=environment, text=True
            )
        self._worker = 0

    def __enter__(self) -> "TrainingProcess":
        return self

    def __exit__(self, *raised: object) -> None:
        self._process.kill()
        self._process.communicate()

    def port(self) -> int:
        """A free one, which it takes when it trains. Waits for TensorFlow. Raises RuntimeError where that is not there."""
        answer = self._answer()
        if "failed" in answer:
            raise RuntimeError(f"{ENDED} could not start: {answer['failed']}.")
        return int(answer["port"])

    def train(self, job: Job) -> dict[str, Any]:
        """Its last answer: `done` or `failed`. Raises RuntimeError where it ends without one."""
        self._worker = job.worker
        if self._process.stdin is not None:
            self._process.stdin.write(job.to_json() + "\n")
            self._process.stdin.flush()
        while True:
            answer = self._answer()
            if "epoch" not in answer:
                return answer

    def _answer(self) -> dict[str, Any]:
        line = self._process.stdout.readline() if self._process.stdout else ""
        if not line:
            code = self._process.wait()
            words = self._errors.read_text(encoding="utf-8", errors="replace").strip().splitlines()
            last = words[-1][-_LAST_WORDS:] if words else "it said nothing"
            why = f"was killed by signal {-code}, for memory perhaps" if code < 0 else f"ended with {code}: {last}"
            raise RuntimeError(f"{ENDED} {self._worker + 1} {why}.")
        answer: dict[str, Any] = json.loads(line)
        return answer

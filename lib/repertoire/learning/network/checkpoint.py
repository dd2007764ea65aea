"""Where an interrupted training goes on from: one file, replaced as a whole."""

import json
import os
import zipfile
from dataclasses import asdict, dataclass, field
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from repertoire.learning.network.trained import EpochResult

Arrays = list[NDArray[np.generic]]


@dataclass
class Progress:
    """state: the weights and what Adam remembers, after the last epoch of history; best: the weights after best_epoch."""

    history: list[EpochResult] = field(default_factory=list)
    state: Arrays = field(default_factory=list)
    best: Arrays = field(default_factory=list)
    best_epoch: int = 0
    best_loss: float = float("inf")

    @property
    def epoch(self) -> int:
        """The last one that was finished."""
        return len(self.history)


def write_checkpoint(path: Path, progress: Progress, fingerprint: str) -> None:
    """fingerprint: of what is trained on what. The folder is made; a file that is half written is never there."""
    facts = {
        "fingerprint": fingerprint,
        "history": [asdict(epoch) for epoch in progress.history],
        "best_epoch": progress.best_epoch,
        "best_loss": progress.best_loss,
    }
    arrays = {f"state_{number}": array for number, array in enumerate(progress.state)}
    arrays |= {f"best_{number}": array for number, array in enumerate(progress.best)}
    path.parent.mkdir(parents=True, exist_ok=True)
    half = path.with_name(f"{path.name}.{os.getpid()}")
    try:
        with half.open("wb") as file:
            np.savez(file, facts=np.array(json.dumps(facts)), **arrays)  # type: ignore[arg-type]
            file.flush()
            os.fsync(file.fileno())
        half.replace(path)
    finally:
        half.unlink(missing_ok=True)


def read_checkpoint(path: Path, fingerprint: str) -> Progress | None:
    """None where there is none of that fingerprint, or none that can be read."""
    try:
        with np.load(path) as file:
            facts = json.loads(str(file["facts"]))
            if facts["fingerprint"] != fingerprint:
                return None
            state, best = ([file[f"{kind}_{n}"] for n in range(_count(file, kind))] for kind in ("state", "best"))
    except (OSError, ValueError, KeyError, zipfile.BadZipFile):
        return None
    history = [EpochResult(**epoch) for epoch in facts["history"]]
    return Progress(history, state, best, facts["best_epoch"], facts["best_loss"])


def _count(file: "np.lib.npyio.NpzFile", kind: str) -> int:
    return sum(name.startswith(f"{kind}_") for name in file.files)

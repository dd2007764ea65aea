"""What a training process is told: JSON on its standard input."""

import hashlib
import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from repertoire.learning.network.streams import Streams
from repertoire.settings.network import NetworkSettings

NETWORK = "network.keras"  # the file that the first worker leaves in its folder
# These change how fast a network is trained, or when that ends, but not the way there.
_NO_MATTER = {"workers", "threads", "checkpoints", "checkpoint_seconds"}


@dataclass(frozen=True)
class Plan:
    """The same for all workers. levels: codes of each coded column, the 0 of unknown ones included; checkpoints: the folder."""

    levels: tuple[int, ...]
    classes: int
    rows: int
    held_rows: int
    seed: int
    threads: int
    checkpoints: str | None
    settings: NetworkSettings

    @property
    def streams(self) -> Streams:
        return Streams(self.rows, self.settings.batch_size, self.settings.workers)

    def held_rows_of(self, worker: int) -> int:
        return max(0, -(-(self.held_rows - worker) // self.settings.workers))

    @property
    def checkpoint(self) -> Path | None:
        """The file. Its name keeps networks apart that are trained at the same time."""
        return Path(self.checkpoints, f"network-{self.fingerprint()[:16]}.npz") if self.checkpoints else None

    def fingerprint(self, *of_the_rows: int) -> str:
        """Of all that the result depends on, with the width and the checksum of all rows."""
        settings = self.settings.model_dump(mode="json", exclude=_NO_MATTER)
        facts = [self.levels, self.classes, self.rows, self.held_rows, self.seed, settings, of_the_rows]
        return hashlib.sha256(json.dumps(facts, sort_keys=True).encode()).hexdigest()


@dataclass(frozen=True)
class Job:
    """One worker's part. addresses: host:port of each worker; folder: its rows, and where it puts the network."""

    plan: Plan
    worker: int
    addresses: Sequence[str]
    width: int
    folder: str
    fingerprint: str
    resume: bool

    def to_json(self) -> str:
        return json.dumps(asdict(self) | {"plan": asdict(self.plan) | {"settings": self.plan.settings.model_dump()}})

    @classmethod
    def from_json(cls, text: str) -> "Job":
        given = json.loads(text)
        plan = given["plan"]
        settings = NetworkSettings.model_validate(plan["settings"])
        given["plan"] = Plan(**(plan | {"settings": settings, "levels": tuple(plan["levels"])}))
        return cls(**given)

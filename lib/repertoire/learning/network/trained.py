"""What training gives."""

from dataclasses import dataclass


@dataclass(frozen=True)
class EpochResult:
    """loss: weighted mean of the log loss over the rows as they were learnt from, the ridge left out; held_loss: over the
    held-out rows after the epoch, None where there are none."""

    epoch: int
    loss: float
    held_loss: float | None
    seconds: float


@dataclass(frozen=True)
class TrainedNetwork:
    """keras: a .keras file with the weights after `best_epoch`; rows: those learnt from; workers: that shared the work."""

    keras: bytes
    history: list[EpochResult]
    best_epoch: int
    rows: int
    held_rows: int
    workers: int

"""One measured figure, as the table `metrics` holds it."""

from dataclasses import dataclass

MODEL = "model"
K = "k"


@dataclass(frozen=True)
class Measurement:
    """A metric of a model's lists at one length, or the difference of two models' in it.

    value is None where there was nothing to measure; low and high are the ends of the confidence interval, None where
    fewer than two users (or groups of users) leave nothing to estimate it from; users is how many stand behind it.
    """

    model: str
    metric: str
    k: int
    value: float | None
    low: float | None
    high: float | None
    users: int


def difference_name(left: str, right: str) -> str:
    """What stands for a model where two are compared: the figure is left's less right's."""
    return f"{left} - {right}"

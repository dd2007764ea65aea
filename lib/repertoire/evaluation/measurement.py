"""One measured figure, as the table `metrics` holds it."""

from dataclasses import dataclass

MODEL = "model"
K = "k"
SEGMENT = "segment"


@dataclass(frozen=True)
class Measurement:
    """A metric of a model's lists at one length, or the difference of two models' in it.

    value is None where there was nothing to measure; low and high are the ends of the confidence interval, None where
    there is none; users is how many stand behind it. segment: the users it is about, such as country=FR; None: all.
    p_value: of a difference.
    """

    model: str
    metric: str
    k: int
    value: float | None
    low: float | None
    high: float | None
    users: int
    segment: str | None = None
    p_value: float | None = None


def difference_name(left: str, right: str) -> str:
    """What stands for a model where two are compared: the figure is left's less right's."""
    return f"{left} - {right}"

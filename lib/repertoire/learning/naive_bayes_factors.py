"""Why a naive Bayes model says what it says: the odds of a class are a product, a factor for each column's value."""

import csv
import io
import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from repertoire.learning.classifier import Classifier
from repertoire.learning.naive_bayes import distributions


@dataclass(frozen=True)
class Factor:
    """What a value of a column multiplies the odds of the second class by: given_positive / given_other, the shares of that
    class's, and of the other class's, training rows that have the value, smoothed."""

    column: str
    value: str
    given_positive: float
    given_other: float

    @property
    def factor(self) -> float:
        return self.given_positive / self.given_other


@dataclass(frozen=True)
class Factors:
    """odds: of the second class before anything is known."""

    odds: float
    factors: tuple[Factor, ...]

    def strongest(self, count: int) -> list[Factor]:
        return sorted(self.factors, key=lambda one: -abs(math.log(one.factor)))[:count]

    def as_csv(self) -> bytes:
        text = io.StringIO()
        writer = csv.writer(text, lineterminator="\n")
        writer.writerow(["column", "value", "given_positive", "given_other", "factor"])
        for one in self.factors:
            writer.writerow([one.column, one.value, one.given_positive, one.given_other, one.factor])
        return text.getvalue().encode()


def factors_of(model: Classifier) -> Factors | None:
    """The factors of a multinomial naive Bayes model of two classes; None for any other model.

    MLlib's P(0/1 feature | class) adds up to 1 over the features of all columns; here it is divided by the sum over its column's,
    and so is the share of rows with that value: each row has one of a column's features.
    """
    if model.algorithm != "naive_bayes" or model.facts.get("kind") != "multinomial" or len(model.classes) != 2:
        return None
    shares, logs = distributions(model.files)
    slots = model.encoder.slots
    made: list[Factor] = []
    for begin, end in _columns([slot.column for slot in slots]):
        given = np.exp(logs[:, begin:end])
        given /= given.sum(axis=1, keepdims=True)
        for slot, (other, positive) in zip(slots[begin:end], given.T.tolist(), strict=True):
            made.append(Factor(slot.column, slot.says, positive, other))
    return Factors(float(shares[1] / shares[0]), tuple(made))


def _columns(names: Sequence[str]) -> list[tuple[int, int]]:
    """Where the slots of each column begin and end."""
    begins = [place for place, name in enumerate(names) if place == 0 or names[place - 1] != name]
    return list(zip(begins, [*begins[1:], len(names)], strict=True))

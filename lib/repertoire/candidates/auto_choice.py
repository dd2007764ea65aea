"""Which of some trials to take: the best one, or a cheaper one that is as good as far as one can tell."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from repertoire.settings import CandidateSettings
from repertoire.settings.section import Section

Changes = Mapping[str, Mapping[str, Any]]


@dataclass(frozen=True)
class Choice:
    """A model, and section → setting → value of what differs from the settings."""

    model: str
    changes: Changes

    def applied(self, settings: CandidateSettings) -> CandidateSettings:
        """The settings with the changes, checked as any settings are."""
        sections: dict[str, Section] = {}
        for name, values in self.changes.items():
            section: Section = getattr(settings, name)
            sections[name] = type(section).model_validate(section.model_dump() | dict(values))
        return settings.model_copy(update=sections)

    @property
    def words(self) -> str:
        told = [f"{section}.{name}={value}" for section, of in self.changes.items() for name, value in of.items()]
        return f"{self.model} ({', '.join(told)})" if told else self.model


@dataclass(frozen=True)
class Trial:
    """What was tried. figures: nDCG@10 of each user, the same users in every trial; price: a trial of a lower one costs less to
    fit; among equal ones the earlier does."""

    choice: Choice
    figures: NDArray[np.float64]
    seconds: float
    price: float

    @property
    def figure(self) -> float:
        return float(self.figures.mean())


def preferred(trials: Sequence[Trial]) -> tuple[Trial, str]:
    """The trial to take, and why, in words.

    The cheapest of those whose mean is less than one standard error below the highest: the error of the mean difference to it,
    paired by user (the one-standard-error rule of Breiman, Friedman, Olshen & Stone 1984). It depends on the trials' figures and
    prices alone. Raises ValueError where there are none.
    """
    best = max(trials, key=lambda one: one.figure)
    as_good = [one for one in trials if best.figure - one.figure <= _error(best.figures - one.figures)]
    chosen = min(as_good, key=lambda one: one.price)
    if chosen is best:
        return best, f"its nDCG@10 of {best.figure:.4f} is the highest of {len(trials)} trials"
    lost, error = best.figure - chosen.figure, _error(best.figures - chosen.figures)
    return chosen, (
        f"it is the cheapest within one standard error of the best of {len(trials)} trials: nDCG@10 {chosen.figure:.4f}, "
        f"{lost:.4f} ± {error:.4f} below {best.choice.words}"
    )


def _error(differences: NDArray[np.float64]) -> float:
    """The standard error of their mean; 0 for a single one."""
    return float(differences.std(ddof=1) / math.sqrt(len(differences))) if len(differences) > 1 else 0.0

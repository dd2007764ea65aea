"""Which settings to try next: well spread at first, then near the best so far."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from scipy.stats import qmc

from repertoire.settings.search_space import Range, search_space, with_values
from repertoire.settings.section import Section

_WIDE, _NARROW, _NARROWING = 0.25, 0.06, 0.9
_ROUNDS = 30
_EVERY = 3  # suggestion is a spread one even when it goes about refining


def spread_trials(section: Section) -> int:
    """How many suggestions are spread over the whole space before those near the best begin."""
    return max(4, 2 * len(search_space(section)))


def suggest(tried: Sequence[tuple[Section, float]], seed: int, spread: int) -> Section | None:
    """The settings to try after these, or None where the space has no more.

    tried: sections and their figures, of which higher is better; the first are the settings to start from. spread: so many
    suggestions are the points of a scrambled Halton sequence in the space that `search_space` gives; later ones, but for every
    third, change some settings of the best so far by steps of a normal distribution, which becomes narrower (as DYCORS: Regis &
    Shoemaker 2013, "Combining radial basis function surrogates and dynamic coordinate search"). Nothing is suggested twice. The
    same trials and seed give the same suggestion.
    """
    space = search_space(tried[0][0])
    if not space:
        return None
    number = len(tried) - 1
    best = max(tried, key=lambda one: one[1])[0]
    places = np.array([one.place_of(getattr(best, name)) for name, one in space.items()])
    random = np.random.default_rng([seed, number])
    spread_out = number < spread or (number - spread) % _EVERY == _EVERY - 1
    there = [section for section, _ in tried]
    for attempt in range(_ROUNDS):
        if not spread_out:
            found = _near(places, max(_NARROW, _WIDE * _NARROWING ** (number - spread)), random)
        elif attempt == 0:
            found = _halton(len(space), number, seed)
        else:
            found = random.random(len(space))
        section = _at(space, found, best)
        if section not in there:
            return section
    return None


def _halton(dimensions: int, number: int, seed: int) -> NDArray[np.float64]:
    sequence = qmc.Halton(dimensions, scramble=True, rng=np.random.default_rng(seed))
    return np.asarray(sequence.random(number + 1)[number])


def _near(places: NDArray[np.float64], width: float, random: np.random.Generator) -> NDArray[np.float64]:
    """Some of the places moved, at least one, reflected at the ends."""
    moved = random.random(len(places)) < 0.5
    moved[random.integers(len(places))] = True
    steps = np.where(moved, random.normal(0, width, len(places)), 0)
    return np.asarray(1 - np.abs(1 - np.abs(places + steps) % 2))


def _at(space: dict[str, Range], places: NDArray[np.float64], section: Section) -> Section:
    """The section at these places of the space; what has not moved keeps its value."""
    values = {}
    for (name, one), place in zip(space.items(), places, strict=True):
        value = getattr(section, name)
        values[name] = value if place == one.place_of(value) else one.at(float(place))
    return with_values(section, values)

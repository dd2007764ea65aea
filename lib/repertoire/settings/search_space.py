"""Where a setting's values are looked for: said once, beside the setting, as `Annotated[int, Between(16, 512, log=True)]`."""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from repertoire.settings.section import Section

_DIGITS = 3


@dataclass(frozen=True)
class Between:
    """Numbers from low to high, evenly, or evenly in their logarithm; `place` runs from 0 to 1 between the two."""

    low: float
    high: float
    log: bool = False

    def at(self, place: float) -> float:
        """The number at that place, to three significant digits."""
        low, high = self._scaled(self.low), self._scaled(self.high)
        found = low + place * (high - low)
        return float(f"{math.exp(found) if self.log else found:.{_DIGITS}g}")

    def place_of(self, value: Any) -> float:
        """Where a value lies; the middle for None, the nearer end for a number beyond it."""
        if value is None:
            return 0.5
        low, high = self._scaled(self.low), self._scaled(self.high)
        return (self._scaled(min(max(float(value), self.low), self.high)) - low) / (high - low)

    def _scaled(self, value: float) -> float:
        return math.log(value) if self.log else value


@dataclass(frozen=True)
class OneOf:
    """One of some values, as likely each."""

    values: tuple[Any, ...]

    def at(self, place: float) -> Any:
        return self.values[min(int(place * len(self.values)), len(self.values) - 1)]

    def place_of(self, value: Any) -> float:
        return (self.values.index(value) + 0.5) / len(self.values) if value in self.values else 0.5


Range = Between | OneOf


def search_space(section: Section) -> dict[str, Range]:
    """The settings of a section that say where they are looked for, in their order."""
    found = {}
    for name, field in type(section).model_fields.items():
        for note in field.metadata:
            if isinstance(note, Between | OneOf):
                found[name] = note
    return found


def with_values(section: Section, values: Mapping[str, Any]) -> Section:
    """The section with these values, whole numbers rounded, checked as any setting is."""
    whole = {name for name in values if type(section).model_fields[name].annotation in (int, int | None)}
    rounded = {name: round(value) if name in whole else value for name, value in values.items()}
    return type(section).model_validate(section.model_dump() | rounded)


def differing(section: Section, from_: Section) -> dict[str, Any]:
    """The settings, as JSON has them, in which a section differs from another of its kind."""
    ours, theirs = section.model_dump(mode="json"), from_.model_dump(mode="json")
    return {name: value for name, value in ours.items() if value != theirs[name]}

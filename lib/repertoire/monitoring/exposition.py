"""Figures as Prometheus reads them: the text exposition format, version 0.0.4
(https://prometheus.io/docs/instrumenting/exposition_formats/)."""

import datetime as dt
import math
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Literal

_NAME = re.compile(r"[a-z][a-z0-9_]*")


@dataclass(frozen=True)
class Sample:
    """One figure and the labels that tell it from the others of its family."""

    value: float
    labels: Mapping[str, str]


@dataclass(frozen=True)
class Family:
    """Figures of one name. about: its help line, with the unit. Raises ValueError for a name that is none, and for a
    counter whose name does not end in _total."""

    name: str
    about: str
    samples: tuple[Sample, ...]
    kind: Literal["gauge", "counter"] = "gauge"

    def __post_init__(self) -> None:
        labels = {label for sample in self.samples for label in sample.labels}
        if wrong := [name for name in (self.name, *labels) if not _NAME.fullmatch(name)]:
            raise ValueError(f"{wrong} are no names of a metric and its labels: small letters, digits and _")
        if (self.kind == "counter") != self.name.endswith("_total"):
            raise ValueError(f"{self.name} is a {self.kind}; a counter's name, and no other, ends in _total")


def sample(value: float | dt.datetime | None, **labels: str) -> tuple[Sample, ...]:
    """One sample, or none where the value is not known. A time becomes seconds since 1970."""
    if value is None:
        return ()
    number = value.timestamp() if isinstance(value, dt.datetime) else float(value)
    return () if math.isnan(number) else (Sample(number, labels),)


def exposition(families: Iterable[Family]) -> str:
    """The text; a family without samples is left out."""
    lines: list[str] = []
    for family in families:
        if family.samples:
            lines += [f"# HELP {family.name} {_escaped(family.about)}", f"# TYPE {family.name} {family.kind}"]
            lines += [f"{family.name}{_labels(one.labels)} {_number(one.value)}" for one in family.samples]
    return "".join(f"{line}\n" for line in lines)


def _labels(labels: Mapping[str, str]) -> str:
    pairs = ",".join(f'{name}="{_escaped(value, quote=True)}"' for name, value in labels.items())
    return f"{{{pairs}}}" if pairs else ""


def _escaped(text: str, *, quote: bool = False) -> str:
    text = text.replace("\\", "\\\\").replace("\n", "\\n")
    return text.replace('"', '\\"') if quote else text


def _number(value: float) -> str:
    return str(int(value)) if float(value).is_integer() else repr(float(value))

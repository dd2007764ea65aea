"""The list of stages, from stages.json, which scripts/generate_reference.py writes from lib/repertoire/pipeline/stages.py."""

import json
from dataclasses import dataclass
from pathlib import Path

from repertoire_dag.configuration import ConfigurationError, StageRange

FILE = Path(__file__).resolve().parents[1] / "stages.json"


@dataclass(frozen=True)
class StageEntry:
    """One stage: what it does, and the tables that it reads and writes."""

    name: str
    about: str
    reads: tuple[str, ...]
    writes: tuple[str, ...]

    @property
    def in_words(self) -> str:
        """For the page of a task, in Markdown."""
        return f"{self.about}\n\nreads: {', '.join(self.reads) or 'files'}\n\nwrites: {', '.join(self.writes)}"


def stage_list(chosen: StageRange, file: Path = FILE) -> list[StageEntry]:
    """The stages in their order, cut to a range. Raises ConfigurationError for a name that is not among them."""
    stages = [
        StageEntry(entry["name"], entry["about"], tuple(entry["reads"]), tuple(entry["writes"]))
        for entry in json.loads(file.read_text(encoding="utf-8"))
    ]
    names = [stage.name for stage in stages]
    for key, name in (("from", chosen.first), ("to", chosen.last)):
        if name is not None and name not in names:
            raise ConfigurationError(f'stages.{key}: unknown stage "{name}". Known: {", ".join(names)}')
    first = names.index(chosen.first) if chosen.first else 0
    last = names.index(chosen.last) if chosen.last else len(names) - 1
    if first > last:
        raise ConfigurationError(f"stages.from {chosen.first} comes after stages.to {chosen.last}")
    return stages[first : last + 1]

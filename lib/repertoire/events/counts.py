"""What became of the rows of each file: rows read = accepted + rejected + duplicate, always."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from repertoire.errors import RepertoireError
from repertoire.events.input_files import InputFile


@dataclass(frozen=True)
class FileCounts:
    """The rows of a file. rules: how many broke which rule. Raises RepertoireError if they do not add up."""

    file: InputFile
    read: int
    accepted: int
    rejected: int
    duplicate: int
    rules: Mapping[str, int] = field(default_factory=dict)

    def __post_init__(self) -> None:
        parts = (self.accepted, self.rejected, self.duplicate)
        if self.read != sum(parts) or min(parts) < 0 or self.rejected != sum(self.rules.values()):
            raise RepertoireError(
                f"{self.file.path}: {self.read:,} rows were read, but {self.accepted:,} accepted, {self.rejected:,} rejected "
                f"({dict(self.rules)}) and {self.duplicate:,} duplicate. This is a fault of Repertoire; nothing was written."
            )

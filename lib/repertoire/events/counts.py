"""What became of the rows of each file: rows read = accepted + rejected + duplicate, always."""

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from pyspark.sql import Row

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


@dataclass(frozen=True)
class RowCounts:
    """The rows of a batch. read: by the file's uri. rejected: by uri and the rule that was broken."""

    read: Counter[str]
    rejected: Counter[tuple[str, str]]

    @property
    def sound(self) -> int:
        """Rows that broke no rule."""
        return self.read.total() - self.rejected.total()

    @property
    def rules(self) -> Counter[str]:
        """Rejected rows by rule."""
        rules: Counter[str] = Counter()
        for (_, rule), rows in self.rejected.items():
            rules[rule] += rows
        return rules

    def of_file(self, file: InputFile, duplicate: int) -> FileCounts:
        """A file's rows, of which `duplicate` broke no rule and are left out all the same."""
        read = self.read[file.uri]
        rules = {rule: rows for (uri, rule), rows in sorted(self.rejected.items()) if uri == file.uri}
        rejected = sum(rules.values())
        return FileCounts(file, read, read - rejected - duplicate, rejected, duplicate, rules)


def count_rows(groups: Iterable[Row], file: str, rule: str) -> RowCounts:
    """Adds up groups of rows that have `rows`, the file's uri and the broken rule (or null) under the names given."""
    read: Counter[str] = Counter()
    rejected: Counter[tuple[str, str]] = Counter()
    for group in groups:
        read[group[file]] += group["rows"]
        if group[rule] is not None:
            rejected[group[file], group[rule]] += group["rows"]
    return RowCounts(read, rejected)

"""How the rows of a file are laid out: its format, its columns and their order. Files of one layout are read together."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from repertoire.events.formats.known_file import KnownFile

Format = Literal["delimited", "adjacency", "jsonl", "parquet"]


@dataclass(frozen=True)
class Layout:
    """What it takes to read a file's rows.

    columns: the names, in the order of the file. types: of Parquet columns, Spark SQL; `nanos` and `nanos_ntz` stand for
    times in nanoseconds, with and without a zone. folder_columns: columns that are in the path (dt=2024-01-01/).
    known: what is known of the file beforehand, where it is one of a public data set.
    """

    format: Format
    columns: tuple[str, ...]
    types: tuple[str, ...] = ()
    folder_columns: tuple[str, ...] = ()
    delimiter: str = ","
    quote: str = '"'
    header: bool = True
    multiline: bool = False
    encoding: str = "UTF-8"
    known: "KnownFile | None" = None

    @property
    def names(self) -> tuple[str, ...]:
        """All columns, those in the path last."""
        return self.columns + self.folder_columns

    @property
    def mapped(self) -> dict[str, str]:
        """Our column → the file's, as far as it is known beforehand and the file has it."""
        known = self.known.mapped if self.known else {}
        return {ours: theirs for ours, theirs in known.items() if theirs in self.names}

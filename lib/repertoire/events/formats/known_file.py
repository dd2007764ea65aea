"""What is known beforehand of the files of a public data set."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from typing import Literal

from pyspark.sql import Column

from repertoire.events.input_files import InputFile
from repertoire.events.read_rows import RawRows

Holds = Literal["events", "reviews", "impressions", "items", "users"]
Written = Callable[[RawRows, Mapping[str, Column]], dict[str, Column]]


@dataclass(frozen=True, eq=False)
class KnownFile:
    """A file of a public data set: how it is told, and how its rows are understood.

    names: patterns of its name, without .gz; none: any name. but_not: patterns of names that are something else's.
    header: what its first line must name; none: anything. keys: names that must be among those of its first rows (JSON
    Lines) or of its first line. columns: all fields in their order, for a file whose lines have no names above them.
    shape: adjacency is a user and then that user's items on each line, parted by blanks. other_delimiter: what some copies
    have in place of the delimiter. quote: empty where the file quotes nothing. mapped: our column → the file's. kept:
    patterns of columns that go into the context. event_types: the file's word → ours. default_event_type: of rows that
    name none. written: from the raw rows and our columns of them to those that the file writes in its own way.
    """

    holds: Holds
    names: tuple[str, ...] = ()
    but_not: tuple[str, ...] = ()
    header: tuple[str, ...] = ()
    keys: tuple[str, ...] = ()
    columns: tuple[str, ...] = ()
    shape: Literal["delimited", "adjacency", "json_lines"] = "delimited"
    delimiter: str = ","
    other_delimiter: str = ""
    quote: str = '"'
    encoding: str = "UTF-8"
    mapped: Mapping[str, str] = field(default_factory=dict)
    kept: tuple[str, ...] = ()
    event_types: Mapping[str, str] = field(default_factory=dict)
    default_event_type: str | None = None
    written: Written | None = None

    def is_named(self, file: InputFile) -> bool:
        """Whether the file's name is one of its names."""
        name = plain_name(file)
        if any(fnmatchcase(name, pattern) for pattern in self.but_not):
            return False
        return not self.names or any(fnmatchcase(name, pattern) for pattern in self.names)


@dataclass(frozen=True, eq=False)
class PublicFormat:
    """A public data set.

    name: as settings have it. title and source: what it is and who published it. notes: what a reader should know.
    told_by: names of files; a folder that holds all names of one of the sets is taken for this data set.
    """

    name: str
    title: str
    source: str
    files: tuple[KnownFile, ...]
    notes: str = ""
    told_by: tuple[frozenset[str], ...] = ()

    def is_in(self, files: Sequence[InputFile]) -> bool:
        """Whether a folder's files are told to be this data set's."""
        names = {plain_name(file) for file in files}
        return any(told <= names for told in self.told_by)

    def has(self, holds: Holds) -> bool:
        """Whether any of its files holds rows of a kind."""
        return any(known.holds == holds for known in self.files)

    def of_kind(self, files: Sequence[InputFile], holds: Holds) -> tuple[InputFile, ...]:
        """Those of a folder's files that hold rows of a kind."""
        known = [one for one in self.files if one.holds == holds]
        return tuple(file for file in files if any(one.is_named(file) for one in known))


def plain_name(file: InputFile) -> str:
    """The file's name without .gz."""
    return file.name.removesuffix(".gz")

"""What the rows of a file can become: events, reviews, impressions, items or users."""

from collections.abc import Mapping
from dataclasses import dataclass

from repertoire.events.columns import Field
from repertoire.events.formats.known_file import Holds
from repertoire.tables import Table


@dataclass(frozen=True)
class Kind:
    """The table that rows go to, and how its columns are found in a file.

    meanings: as what each column is read, a key of `cells.ALLOWED_TYPES`. demanded: columns that some file must have where
    settings say how they are called there; what settings say of any other may be meant for files of another kind.
    """

    name: Holds
    table: Table
    fields: tuple[Field, ...]
    meanings: Mapping[str, str]
    demanded: frozenset[str] = frozenset()

    @property
    def key(self) -> str:
        """The id of a row: the first column of the table's key."""
        return self.table.key[0]

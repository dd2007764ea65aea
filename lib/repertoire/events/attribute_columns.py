"""The columns of catalogues and user lists: their other names, and what they mean."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from pyspark.sql import Column

from repertoire.events import cells
from repertoire.events.columns import ITEM, USER, Field
from repertoire.events.kind import Kind
from repertoire.events.read_rows import RawRows
from repertoire.tables import ITEMS, USERS, Table


@dataclass(frozen=True)
class AttributeKind(Kind):
    """Items or users: an id with attributes."""

    @property
    def attributes(self) -> dict[str, str]:
        """The columns besides the key and the validity, with their types."""
        left_out = (self.key, "valid_from", "valid_to")
        return {column.name: column.type for column in self.table.columns if column.name not in left_out}


_MEANINGS = {"string": "text", "double": "number", "boolean": "truth", "date": "day", "array<string>": "tags"}
"""What a column of a type may be read from: see `cells.ALLOWED_TYPES`."""


def _meanings(table: Table) -> dict[str, str]:
    return {column.name: _MEANINGS[column.type] for column in table.columns} | {table.key[0]: "id"}


ITEM_KIND = AttributeKind(
    "items",
    ITEMS,
    (
        ITEM,
        Field("title", aliases=frozenset({"name", "itemname", "movietitle", "producttitle", "productname"})),
        Field("category", aliases=frozenset({"categorycode", "producttype", "itemtype"})),
        Field("creator_id", aliases=frozenset({"creator", "artist", "author", "director", "brand"})),
        Field("tags", aliases=frozenset({"tag", "genres", "genre", "keywords"})),
        Field("description", aliases=frozenset({"summary", "overview"})),
        Field("price"),
        Field("released", aliases=frozenset({"releasedate", "published", "publicationdate"})),
        Field("available", aliases=frozenset({"isavailable", "instock"})),
    ),
    _meanings(ITEMS),
)

USER_KIND = AttributeKind(
    "users",
    USERS,
    (
        USER,
        Field("age_band", aliases=frozenset({"age", "agegroup"})),
        Field("gender", aliases=frozenset({"sex"})),
        Field("country", aliases=frozenset({"countrycode"})),
        Field("occupation", aliases=frozenset({"job", "profession"})),
        Field("consent"),
        Field("joined", aliases=frozenset({"signupdate", "registered", "createdat"})),
    ),
    _meanings(USERS),
)

_READ: dict[str, Callable[[RawRows, str | None], Column]] = {
    "string": cells.id_or_words,
    "double": cells.finite_number,
    "boolean": cells.truth,
    "date": cells.day,
    "array<string>": cells.tags,
}


def attribute_columns(raw: RawRows, names: Mapping[str, str], kind: AttributeKind) -> dict[str, Column]:
    """The key and every attribute of the table, from a file whose columns are mapped as `names` (ours → the file's)."""
    columns = {kind.key: cells.id_or_words(raw, names[kind.key])}
    columns |= {name: _READ[type_](raw, names.get(name)) for name, type_ in kind.attributes.items()}
    if "age_band" in names:
        columns["age_band"] = cells.age_band(columns["age_band"])
    known = raw.layout.known
    return columns if known is None or known.written is None else columns | known.written(raw, columns)

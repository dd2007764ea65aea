"""Which column of a file is which of ours: as settings say, else by our own name, else by a well-known other name."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial

from repertoire.errors import InputError
from repertoire.vocabulary import EVENT_TS, ITEM_ID, SESSION_ID, USER_ID


@dataclass(frozen=True)
class Field:
    """A column of ours, and the other names under which public logs carry it (without case, `_`, `-` and spaces)."""

    name: str
    required: bool = False
    aliases: frozenset[str] = frozenset()


USER = Field(USER_ID, True, frozenset({"user", "uid", "visitor", "visitorid", "customer", "customerid", "reviewerid"}))
ITEM = Field(
    ITEM_ID,
    True,
    frozenset({"item", "iid", "sid", "movie", "movieid", "product", "productid", "artistid", "songid", "trackid"}
              | {"bookid", "gameid", "game", "gametitle", "articleid", "videoid", "asin"}),
)  # fmt: skip

TIME = Field(EVENT_TS, aliases=frozenset({"timestamp", "eventtime", "time", "ts", "datetime", "unixreviewtime"}))
SESSION = Field(SESSION_ID, aliases=frozenset({"session", "usersession"}))
VALUE_ALIASES = frozenset({"rating", "score", "overall"})


@dataclass(frozen=True)
class Mapped:
    """names: our column → the file's, for those that the file has. notes: what a person should be told of it."""

    names: Mapping[str, str]
    notes: tuple[str, ...]


def map_columns(found: Sequence[str], fields: Sequence[Field], chosen: Mapping[str, str], file: str) -> Mapped:
    """Which of the columns found in a file is which field.

    chosen: our column → the file's, from settings; one that the file does not have is passed over, unless required.
    Raises InputError where a required column cannot be told, naming the file, its columns and the setting that helps.
    """
    names = {field.name: chosen[field.name] for field in fields if chosen.get(field.name) in found}
    for field in fields:
        if field.name not in chosen and field.name in found:
            names[field.name] = field.name
    notes = []
    for field in fields:
        if field.name in names:
            continue
        if field.name in chosen:
            if field.required:
                raise _absent(field, found, chosen[field.name], file)
            continue
        likely = _candidates(field, found, set(names.values()))
        if len(likely) == 1:
            names[field.name] = likely[0]
            notes.append(f"{likely[0]} is read as {field.name}")
        elif likely and field.required:
            raise InputError(_ambiguous(field, likely, file))
        elif likely:
            notes.append(
                f"{' and '.join(likely)} could each be {field.name}, so none is: ingest.columns.{field.name} says which"
            )
        elif field.required:
            raise _absent(field, found, None, file)
    return Mapped(names, tuple(notes))


def _candidates(field: Field, found: Sequence[str], taken: set[str]) -> list[str]:
    free = [name for name in found if name not in taken]
    own = [name for name in free if _plain(name) == _plain(field.name)]
    return own or [name for name in free if _plain(name) in field.aliases]


def _plain(name: str) -> str:
    return re.sub(r"[\s_-]", "", name).lower()


def _ambiguous(field: Field, likely: Sequence[str], file: str) -> str:
    return (
        f"{file}: {' and '.join(likely)} could each be {field.name}. "
        f"Say which one it is: --set ingest.columns.{field.name}={likely[0]}"
    )


def _absent(field: Field, found: Sequence[str], chosen: str | None, file: str) -> InputError:
    """Lists the columns; not in logs, since those of a file without a header are what stands in its first row."""
    message = partial(_absent_words, field, found, chosen, file)
    return InputError(message(listed(found)), in_logs=message(f"{len(found):,}"))


def listed(names: Sequence[str]) -> str:
    return ", ".join(names) if names else "none"


def _absent_words(field: Field, found: Sequence[str], chosen: str | None, file: str, columns: str) -> str:
    if chosen is not None:
        return (
            f'{file} has no column "{chosen}", which ingest.columns.{field.name} names. Its columns: {columns}. '
            f"Say which one is {field.name}: --set ingest.columns.{field.name}=COLUMN"
        )
    message = f"{file} has no column {field.name}. Its columns: {columns}. "
    delimiter = next((sign for sign in ";|\t," if len(found) == 1 and sign in found[0]), None)
    if delimiter:
        setting = "ingest.format=tsv" if delimiter == "\t" else f"'ingest.delimiter={delimiter}'"
        return message + f"That looks like another delimiter: --set {setting}"
    if found and all(re.fullmatch(r"-?\d+([.]\d+)?", name) for name in found):
        return message + "That looks like a row: the first line must name the columns."
    return message + f"Say which one it is: --set ingest.columns.{field.name}=COLUMN"

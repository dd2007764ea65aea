"""All public data sets that are read by name."""

from collections.abc import Sequence

from repertoire.events.formats import (
    adjacency,
    amazon_reviews,
    criteo,
    lastfm_hetrec,
    movielens,
    open_bandit,
    rees46,
    retailrocket,
    steam,
)
from repertoire.events.formats.known_file import Holds, KnownFile, PublicFormat
from repertoire.events.input_files import InputFile

FORMATS: dict[str, PublicFormat] = {
    module.FORMAT.name: module.FORMAT
    for module in (
        movielens,
        lastfm_hetrec,
        rees46,
        retailrocket,
        steam,
        amazon_reviews,
        open_bandit,
        criteo,
        adjacency,
    )
}
"""By the name that settings have."""

_NEVER_GUESSED = frozenset({adjacency.FORMAT.name, criteo.FORMAT.name})


def possible(format_name: str, holds: Holds, file: InputFile) -> list[KnownFile]:
    """What a file may be by its name: of the format that settings name, or of any where they leave it open (auto)."""
    if format_name in FORMATS:
        formats = [FORMATS[format_name]]
    elif format_name == "auto":
        formats = [found for name, found in FORMATS.items() if name not in _NEVER_GUESSED]
    else:
        return []
    return [known for one in formats for known in one.files if known.holds == holds and known.is_named(file)]


def without_header(known: Sequence[KnownFile]) -> KnownFile | None:
    """The one whose columns are told by its name alone."""
    return next((one for one in known if one.columns), None)


def with_any_header(known: Sequence[KnownFile]) -> KnownFile | None:
    """The one that is told by its name, and whose first line names its columns."""
    told = (one for one in known if one.names and not (one.header or one.keys or one.columns))
    return next((one for one in told if one.shape == "delimited"), None)


def with_header(known: Sequence[KnownFile], header: Sequence[str]) -> KnownFile | None:
    """The one whose first line names just these columns; else the one that has some of them; else one with any."""
    exact = (one for one in known if one.header and one.header == tuple(header))
    return next(exact, None) or _with_keys(known, header, "delimited") or with_any_header(known)


def with_json_keys(known: Sequence[KnownFile], keys: Sequence[str]) -> KnownFile | None:
    """The one of JSON Lines whose keys are among these."""
    return _with_keys(known, keys, "json_lines")


def _with_keys(known: Sequence[KnownFile], names: Sequence[str], shape: str) -> KnownFile | None:
    told = (one for one in known if one.keys and one.shape == shape)
    return next((one for one in told if set(one.keys) <= set(names)), None)


def format_of(format_name: str, files: Sequence[InputFile]) -> PublicFormat | None:
    """The public data set that a folder holds, as settings or its files' names say."""
    if format_name != "auto":
        return FORMATS.get(format_name)
    return next((one for one in FORMATS.values() if one.is_in(files)), None)

"""A manifest: the files that a day's logs consist of, so that a reader knows when all of them are there in full.

JSON beside the files, written last, and in one step (written aside, then renamed):

    {"files": [{"name": "part-0.csv", "bytes": 120433, "sha256": "9f86…"}, {"name": "hour=23/part-1.csv", "bytes": 0}]}

name: below the manifest's folder. bytes: the size. sha256: 64 hex digits, may be left out.
"""

import hashlib
import json
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from fsspec import AbstractFileSystem

NAME = "_MANIFEST.json"

_ALLOWED = 'Allowed: {"files": [{"name": "part-0.csv", "bytes": 120433, "sha256": "64 hex digits, or left out"}]}'


class ManifestError(ValueError):
    """The manifest says something that cannot be: waiting will not mend it."""


@dataclass(frozen=True)
class ListedFile:
    """One file: its name below the folder, its size in bytes, and its SHA-256 where one is given."""

    name: str
    bytes: int
    sha256: str | None = None


def parse_manifest(text: str, where: str) -> list[ListedFile]:
    """The files that a manifest lists. where: its path, for messages. Raises ManifestError."""
    try:
        tree = json.loads(text)
    except json.JSONDecodeError as error:
        raise ManifestError(f"{where} is not JSON: {error}. {_ALLOWED}") from None
    files = tree.get("files") if isinstance(tree, dict) else None
    if not isinstance(files, list):
        raise ManifestError(f'{where} has no list "files". {_ALLOWED}')
    return [_listed(entry, f"{where}, file {number:,}") for number, entry in enumerate(files, start=1)]


def _listed(entry: Any, where: str) -> ListedFile:
    if not isinstance(entry, dict):
        raise ManifestError(f"{where}: {entry!r} is no object. {_ALLOWED}")
    name, size, digest = (entry.get(key) for key in ("name", "bytes", "sha256"))
    if not isinstance(name, str) or not name or PurePosixPath(name).is_absolute() or ".." in PurePosixPath(name).parts:
        raise ManifestError(f"{where}: name {name!r} is no path below the manifest's folder. {_ALLOWED}")
    if not isinstance(size, int) or isinstance(size, bool) or size < 0:
        raise ManifestError(f"{where}: bytes {size!r} of {name} is no size. {_ALLOWED}")
    if digest is not None and not _is_sha256(digest):
        raise ManifestError(f"{where}: sha256 {digest!r} of {name} is not 64 hex digits. {_ALLOWED}")
    return ListedFile(name, size, digest.lower() if digest else None)


def _is_sha256(text: Any) -> bool:
    return isinstance(text, str) and len(text) == 64 and set(text.lower()) <= set("0123456789abcdef")


def what_is_missing(files: "AbstractFileSystem", folder: str, listed: list[ListedFile]) -> list[str]:
    """One line for each listed file that is not there, or not as listed; contents are read only once all sizes fit."""
    wrong = [line for file in listed if (line := _wrong_size(files, folder, file))]
    if wrong:
        return wrong
    return [
        f"{file.name} has another content than its sha256 says"
        for file in listed
        if file.sha256 and _sha256(files, f"{folder}/{file.name}") != file.sha256
    ]


def _wrong_size(files: "AbstractFileSystem", folder: str, file: ListedFile) -> str | None:
    try:
        found = files.info(f"{folder}/{file.name}")
    except FileNotFoundError:
        return f"{file.name} is not there"
    if found["size"] != file.bytes:
        return f"{file.name} has {found['size']:,} bytes of {file.bytes:,}"
    return None


def _sha256(files: "AbstractFileSystem", path: str) -> str:
    digest = hashlib.sha256()
    with files.open(path, "rb") as opened:
        while part := opened.read(1 << 20):
            digest.update(part)
    return digest.hexdigest()

"""Archives whose names carry a hash of what they hold, so that one that was uploaded never changes under a running job."""

import hashlib
import os
import zipfile
from collections.abc import Iterable
from pathlib import Path

_LONG_AGO = (1980, 1, 1, 0, 0, 0)


def zip_files(files: Iterable[tuple[Path, str]], dist: Path, name: str, *, compress: bool = True) -> Path:
    """`NAME-HASH.zip` in `dist` of the files (where, name inside): the same files give the same bytes and so one name."""
    draft = dist / f".{name}.{os.getpid()}.zip"
    with zipfile.ZipFile(draft, "w", zipfile.ZIP_DEFLATED if compress else zipfile.ZIP_STORED) as archive:
        for file, inside in sorted(files, key=lambda pair: pair[1]):
            entry = zipfile.ZipInfo(inside, _LONG_AGO)
            entry.compress_type = archive.compression
            entry.external_attr = 0o644 << 16
            archive.writestr(entry, file.read_bytes())
    return named_by_hash(draft, dist, name, ".zip")


def named_by_hash(draft: Path, dist: Path, name: str, suffix: str) -> Path:
    """Moves a finished draft to `NAME-HASH.SUFFIX`, lets `NAME.SUFFIX` point to it, and removes those of before."""
    with draft.open("rb") as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()[:16]
    place = dist / f"{name}-{digest}{suffix}"
    draft.chmod(0o644)
    draft.rename(place)
    link = dist / f"{name}{suffix}"
    pointer = dist / f".{name}.{os.getpid()}.link"
    pointer.symlink_to(place.name)
    pointer.rename(link)
    for old in dist.glob(f"{name}-*{suffix}"):
        if old != place:
            old.unlink()
    return place


def files_below(folder: Path, inside: str = "") -> list[tuple[Path, str]]:
    """Every file below a folder, with its name from there; without what Python and editors leave behind."""
    return [
        (file, f"{inside}{file.relative_to(folder).as_posix()}")
        for file in folder.rglob("*")
        if file.is_file() and "__pycache__" not in file.parts and not file.name.startswith(".")
    ]

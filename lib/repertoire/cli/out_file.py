"""A file that a command writes for others: whole or not at all, and never over something that is not its own."""

import os
import uuid
from pathlib import Path

from repertoire.errors import InputError

_HEAD = 2_000  # bytes in which a file of ours says that it is


def check_out(out: Path, mark: str, what: str) -> None:
    """Raises InputError where a file cannot go, or would take the place of one that does not hold the mark.

    what: what is written, in a word.
    """
    if out.is_dir():
        raise InputError(f"--out {out} is a folder; it takes the name of a file, such as {out / what}")
    if not out.absolute().parent.is_dir():
        raise InputError(f"--out {out}: there is no folder {out.absolute().parent}; make it, or name another place")
    if out.exists():
        with out.open("rb") as there:
            head = there.read(_HEAD)
        if mark.encode() not in head:
            raise InputError(
                f"--out {out} is there and is no {Path(what).stem} of Repertoire's. Nothing was written. Name another "
                "file, or move that one away."
            )


def write_out(out: Path, content: bytes) -> None:
    """A reader sees the old file or the new one."""
    draft = out.with_name(f".{out.name}.{uuid.uuid4().hex}")
    try:
        draft.write_bytes(content)
        os.replace(draft, out)
    finally:
        draft.unlink(missing_ok=True)

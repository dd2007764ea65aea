"""A table that a command writes for others as Parquet: whole or not at all, and never over something that is not its own."""

import os
import shutil
import uuid
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from repertoire.errors import InputError

if TYPE_CHECKING:
    from pyspark.sql import DataFrame

_MARK = "_repertoire"


@dataclass(frozen=True)
class Made:
    """What is written. command: of `repertoire`; what: in words; has: whether a file with these columns is one."""

    command: str
    what: str
    has: Callable[[Sequence[str]], bool]


def is_single(out: Path) -> bool:
    """Whether the table is to be one file, not a folder."""
    return out.suffix == ".parquet"


def check_out_table(out: Path, made: Made) -> None:
    """Raises InputError where writing to `out` would overwrite something that the command did not write."""
    if not out.exists():
        return
    if out.is_dir() and not is_single(out) and ((out / _MARK).exists() or not any(out.iterdir())):
        return
    if out.is_file() and is_single(out) and _is_ours(out, made):
        return
    found = "a folder" if out.is_dir() else "a file"
    raise InputError(
        f"--out {out} is {found} that holds something else than {made.what}. Nothing was written. "
        f"Allowed: a name that is free, an empty folder, or what `repertoire {made.command}` wrote before."
    )


def write_out_table(table: "DataFrame", out: Path, draft: Path, made: Made) -> list[Path]:
    """Writes the table aside, then renames it into place; gives its files. draft: a free path on the same disk.

    A single file takes a table of one partition.
    """
    table.write.parquet(str(draft))
    if is_single(out):
        os.replace(next(draft.glob("part-*.parquet")), out)
        return [out]
    for leftover in (*draft.glob(".*"), *draft.glob("_SUCCESS")):
        leftover.unlink()
    (draft / _MARK).write_text(f"Of Repertoire: {made.what}; `repertoire {made.command}` may replace it.\n")
    replace_folder(draft, out)
    return sorted(out.glob("part-*.parquet"))


def replace_folder(draft: Path, out: Path) -> None:
    """The draft takes the place of what is there."""
    if out.exists():
        old = out.with_name(f".{out.name}.{uuid.uuid4().hex}")
        out.rename(old)
        draft.rename(out)
        shutil.rmtree(old)
    else:
        draft.rename(out)


def _is_ours(file: Path, made: Made) -> bool:
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        return made.has(pq.read_schema(file).names)
    except (pa.ArrowInvalid, OSError):
        return False

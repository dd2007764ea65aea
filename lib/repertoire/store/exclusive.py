"""One writer at a time for a table on the local disk.

A commit to a Delta log must create its file or fail. HDFS and object stores see to that; on a local disk Spark asks
whether the file is there and then renames, so that of two processes which commit at once one could lose its commit. A
lock of the operating system keeps them apart; it ends with its process.
"""

import contextlib
import fcntl
import os
from collections.abc import Iterator

from repertoire.store.files import is_local


@contextlib.contextmanager
def exclusive(folder: str, name: str) -> Iterator[None]:
    """Waits until no other writer of the table `name` in `folder` is inside; at once where the folder is not local."""
    if not is_local(folder):
        yield
        return
    locks = f"{folder.removeprefix('file://')}/.locks"
    os.makedirs(locks, exist_ok=True)
    with open(f"{locks}/{name}", "w", encoding="utf-8") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield

"""Lets time pass for a warehouse."""

import os
import re
import time
from pathlib import Path

from repertoire.store import Warehouse


def grow_old(warehouse: Warehouse, days: int) -> None:
    """Makes all that was written until now look as if it had been written so many days before."""
    for path in Path(warehouse.root, "tables").rglob("*"):
        if path.suffix == ".json":
            text = re.sub(
                r'"(timestamp|deletionTimestamp|modificationTime)":(\d+)',
                lambda found: f'"{found[1]}":{int(found[2]) - days * 86_400_000}',
                path.read_text(),
            )
            path.write_text(text)
            path.with_name(f".{path.name}.crc").unlink(missing_ok=True)  # Hadoop's checksum of what stood there
        if path.is_file():
            os.utime(path, (time.time() - days * 86_400,) * 2)

"""A warehouse: the folder that holds every table, model and lease, and the live lists."""

import os
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from repertoire.errors import RepertoireError
from repertoire.store.delta_tables import DeltaTables
from repertoire.store.files import Files, HadoopFiles, LocalFiles, is_local

if TYPE_CHECKING:
    from pyspark.sql import SparkSession


@dataclass(frozen=True)
class Warehouse:
    """Where things lie: tables/, models/, live/, leases/, scratch/ below `root`, an absolute path or URL."""

    root: str
    files: Files
    tables: DeltaTables

    def folder(self, *parts: str) -> str:
        return "/".join([self.root, *parts])


def open_warehouse(path: str, spark: "SparkSession | None" = None) -> Warehouse:
    """The warehouse at a path, which need not exist yet.

    spark: needed for paths that are not local. Raises RepertoireError where it is missing.
    """
    if is_local(path):
        root = os.path.abspath(path.removeprefix("file://"))
        if Path(root).exists() and not Path(root).is_dir():
            raise RepertoireError(f"the warehouse {root} is a file; run.warehouse takes a folder")
        return Warehouse(root, LocalFiles(), DeltaTables(f"{root}/tables"))
    if spark is None:
        raise RepertoireError(f"{path} can only be opened with Spark; this command works without")
    root = path.rstrip("/")
    return Warehouse(root, HadoopFiles(spark), DeltaTables(f"{root}/tables"))

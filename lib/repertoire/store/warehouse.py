"""A warehouse: the folder that holds every table, model and lease, and the live lists."""

import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from repertoire.errors import RepertoireError, SettingsError
from repertoire.store.delta_tables import DeltaTables
from repertoire.store.file_systems import file_system
from repertoire.store.files import Files, HadoopFiles, LocalFiles, is_local
from repertoire.store.object_files import ObjectFiles

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


def open_warehouse(path: str, session: "Callable[[], SparkSession] | None" = None) -> Warehouse:
    """The warehouse at a path, which need not exist yet.

    session: gives the session through whose JVM files on HDFS are read and written; it is asked for at the first of
    them. Tables, and files in an object store, are read without. Raises SettingsError for a file system that cannot hold
    a warehouse.
    """
    kind = file_system(path)
    if is_local(path):
        root = os.path.abspath(path.removeprefix("file://"))
        if Path(root).exists() and not Path(root).is_dir():
            raise RepertoireError(f"the warehouse {root} is a file; run.warehouse takes a folder")
        return Warehouse(root, LocalFiles(), DeltaTables(f"{root}/tables", LocalFiles()))
    root = path.rstrip("/")
    if root.startswith("hdfs:///") and not os.environ.get("HADOOP_CONF_DIR"):
        raise SettingsError(
            f"run.warehouse is {path}, which names no name node, and HADOOP_CONF_DIR is not set. Set HADOOP_CONF_DIR to "
            "the folder of the cluster's core-site.xml, or write hdfs://HOST:PORT/PATH."
        )
    files: Files = HadoopFiles(session)
    if kind.is_object_store:
        files = ObjectFiles(root, elsewhere=files)
    return Warehouse(root, files, DeltaTables(f"{root}/tables", files))

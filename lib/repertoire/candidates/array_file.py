"""Arrays in files that Spark brings to every executor once, for what would be too large in each Python worker's memory."""

import shutil
import uuid
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa
from numpy.typing import DTypeLike, NDArray
from pyspark import SparkFiles
from pyspark.sql import SparkSession


@dataclass(frozen=True)
class ArrayFile:
    """An array in a file that lies on every executor's disk until the session ends."""

    name: str
    type: str
    shape: tuple[int, ...]

    def open(self) -> NDArray:
        """The array, read from the file as it is used: what is in memory is the machine's, shared by its workers."""
        if not np.prod(self.shape):
            return np.zeros(self.shape, self.type)
        return np.memmap(SparkFiles.get(self.name), self.type, "r", shape=self.shape)


def array_file(spark: SparkSession, what: str, parts: Iterable[NDArray | Path], type: DTypeLike) -> ArrayFile:
    """Brings an array of one dimension to all executors. parts: pieces of it, or files of their bytes, one after the other."""
    kind, path = np.dtype(type), _new_file(what)
    with path.open("wb") as file:
        for part in parts:
            if isinstance(part, Path):
                with part.open("rb") as source:
                    shutil.copyfileobj(source, file)
            else:
                np.ascontiguousarray(part, kind).tofile(file)
    count = path.stat().st_size // kind.itemsize
    if count:
        spark.sparkContext.addFile(str(path))
    return ArrayFile(path.name, kind.str, (count,))


@dataclass(frozen=True)
class IdFile:
    """Strings in such a file."""

    name: str

    def open(self) -> pa.ChunkedArray:
        with pa.memory_map(SparkFiles.get(self.name)) as file:
            return pa.ipc.open_file(file).read_all().column(0)


def id_file(spark: SparkSession, what: str, parts: Iterable[Path]) -> IdFile:
    """Brings strings to all executors. parts: files that hold an Arrow stream of one column each."""
    path = _new_file(what)
    with pa.ipc.new_file(str(path), pa.schema({what: pa.string()})) as writer:
        for part in parts:
            for batch in pa.ipc.open_stream(part.read_bytes()):
                writer.write_batch(batch)
    spark.sparkContext.addFile(str(path))
    return IdFile(path.name)


def _new_file(what: str) -> Path:
    """In a folder that goes with Spark's own files when the session ends."""
    path = Path(SparkFiles.getRootDirectory(), "written", f"{what}-{uuid.uuid4().hex}")
    path.parent.mkdir(exist_ok=True)
    return path

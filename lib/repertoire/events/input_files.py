"""The files of an input path, local or on a Hadoop file system, each known by a checksum of its content.

Everything goes through Hadoop's FileSystem in Spark's JVM, so that there is one code path for `file:` and `hdfs:`.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from py4j.protocol import Py4JJavaError
from pyspark.sql import SparkSession

from repertoire.errors import InputError

_SCHEME = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*://|file:")


@dataclass(frozen=True)
class InputFile:
    """A file to read.

    path: as a person writes it, without scheme where it is local. below: the same from the folder that was asked for.
    location: what Spark is asked to read. uri: what Spark says of a row that came from it. content_id: checksum of the
    bytes, with the algorithm's name before it. modified: milliseconds since 1970.
    """

    path: str
    below: str
    location: str
    uri: str
    bytes: int
    modified: int
    content_id: str

    @property
    def name(self) -> str:
        return self.path.rsplit("/", 1)[-1]

    @property
    def is_gzip(self) -> bool:
        return self.name.lower().endswith(".gz")


def list_files(spark: SparkSession, path: str, what: str = "events") -> tuple[InputFile, ...]:
    """The file at a path, or all files below a folder, sorted by path.

    Files and folders whose name begins with a dot or an underscore are left out, as Spark does.
    what: the setting that named the path, for the messages. Raises InputError where there is nothing to read.
    """
    hadoop = _Hadoop(spark)
    where = f"ingest.{what}"
    try:
        root = hadoop.status(path)
    except Py4JJavaError as error:
        raise InputError(f'{where}: "{path}" cannot be read: {root_cause(error)}.') from None
    if root is None:
        raise InputError(f'{where}: there is no "{path}". Allowed: a file or a folder, local or on hdfs://.')
    try:
        found = sorted(hadoop.walk(root), key=lambda status: str(status.getPath().toString()))
        files = tuple(hadoop.input_file(status, root) for status in found)
    except Py4JJavaError as error:
        raise InputError(f'{where}: "{path}" cannot be read: {root_cause(error)}.') from None
    if not files:
        raise InputError(
            f'{where}: the folder "{path}" holds no file (names that begin with . or _ are left out). '
            "Allowed: a folder with at least one CSV, TSV, JSON Lines or Parquet file."
        )
    return files


def distinct_contents(files: Sequence[InputFile]) -> tuple[list[InputFile], list[str]]:
    """The files without those that hold the same bytes as one before, and a line on each of these."""
    first: dict[str, InputFile] = {}
    notes = []
    for file in files:
        known = first.setdefault(file.content_id, file)
        if known is not file and file.bytes:
            notes.append(f"{file.path} holds the same bytes as {known.path} and is left out")
    return list(first.values()), notes


def read_head(spark: SparkSession, file: InputFile, size: int) -> bytes:
    """The first `size` bytes of a file, unpacked where its name ends in .gz; all of it where it is shorter."""
    jvm: Any = spark._jvm
    try:
        stream = _Hadoop(spark).open(file)
        try:
            return bytes(
                jvm.org.apache.commons.io.IOUtils.toByteArray(
                    jvm.org.apache.commons.io.input.BoundedInputStream(stream, size)
                )
            )
        finally:
            stream.close()
    except Py4JJavaError as error:
        raise InputError(f"{file.path} cannot be read: {root_cause(error)}.") from None


def read_tail(spark: SparkSession, file: InputFile, size: int) -> bytes:
    """The last `size` bytes of a file, as they lie on disk; all of it where it is shorter."""
    jvm: Any = spark._jvm
    try:
        stream = _Hadoop(spark).open(file, unpack=False)
        try:
            stream.seek(max(0, file.bytes - size))
            return bytes(jvm.org.apache.commons.io.IOUtils.toByteArray(stream))
        finally:
            stream.close()
    except Py4JJavaError as error:
        raise InputError(f"{file.path} cannot be read: {root_cause(error)}.") from None


def check_unchanged(spark: SparkSession, files: Sequence[InputFile]) -> None:
    """Raises InputError if a file is gone or has been written to since it was listed."""
    hadoop = _Hadoop(spark)
    for file in files:
        status = hadoop.status(file.location)
        if status is None:
            raise InputError(f"{file.path} vanished while it was read. Nothing was written; start the run again.")
        if (int(status.getLen()), int(status.getModificationTime())) != (file.bytes, file.modified):
            raise InputError(f"{file.path} changed while it was read. Nothing was written; start the run again.")


class _Hadoop:
    """Hadoop's FileSystem behind py4j."""

    def __init__(self, spark: SparkSession) -> None:
        self._jvm: Any = spark._jvm
        self._conf = spark._jsc.hadoopConfiguration()

    def status(self, path: str) -> Any | None:
        place = self._path(path)
        system = place.getFileSystem(self._conf)
        return system.getFileStatus(place) if system.exists(place) else None

    def walk(self, status: Any) -> Iterator[Any]:
        """The files at or below a status, in any order."""
        if not status.isDirectory():
            yield status
            return
        for child in status.getPath().getFileSystem(self._conf).listStatus(status.getPath()):
            name = str(child.getPath().getName())
            if name == "_delta_log":
                raise InputError(
                    f"{display_path(str(status.getPath().toString()))} is a Delta table: its files also hold dead rows. "
                    "Write the rows to take in as plain Parquet and name that folder."
                )
            if not name.startswith((".", "_")):
                yield from self.walk(child)

    def input_file(self, status: Any, root: Any) -> InputFile:
        place = status.getPath()
        location = str(place.toString())
        folder = str((root.getPath() if root.isDirectory() else place.getParent()).toString())
        return InputFile(
            path=display_path(location),
            below=location.removeprefix(folder).lstrip("/"),
            location=location,
            uri=self._uri(location),
            bytes=int(status.getLen()),
            modified=int(status.getModificationTime()),
            content_id=self._content_id(place),
        )

    def _uri(self, location: str) -> str:
        """As `input_file_name()` writes it."""
        uri = str(self._jvm.org.apache.spark.paths.SparkPath.fromPathString(location).urlEncoded())
        return re.sub("^file:/(?!/)", "file:///", uri)

    def open(self, file: InputFile, *, unpack: bool = True) -> Any:
        place = self._jvm.org.apache.hadoop.fs.Path(file.location)
        stream = place.getFileSystem(self._conf).open(place)
        if not (unpack and file.is_gzip):
            return stream
        return self._jvm.java.util.zip.GZIPInputStream(stream)

    def _content_id(self, place: Any) -> str:
        system = place.getFileSystem(self._conf)
        checksum = system.getFileChecksum(place)  # HDFS keeps one; a local disk does not
        if checksum is not None:
            return f"{checksum.getAlgorithmName()}:{bytes(checksum.getBytes()).hex()}"
        stream = system.open(place)
        try:
            return f"sha256:{self._jvm.org.apache.commons.codec.digest.DigestUtils.sha256Hex(stream)}"
        finally:
            stream.close()

    def _path(self, path: str) -> Any:
        if _SCHEME.match(path):
            return self._jvm.org.apache.hadoop.fs.Path(path)
        # By way of a URI, so that a colon or a percent sign in a local name is taken as it stands.
        return self._jvm.org.apache.hadoop.fs.Path(self._jvm.java.io.File(str(Path(path).absolute())).toURI())


def display_path(location: str) -> str:
    return re.sub(r"^file:(//)?(?=/)", "", location)


def root_cause(error: Py4JJavaError) -> str:
    """The innermost reason, in one line."""
    reason = error.java_exception
    while reason.getCause() is not None:
        reason = reason.getCause()
    name = str(reason.getClass().getSimpleName())
    if name in _DAMAGE:
        return "its bytes make no sense"
    text = _SAID.get(name) or str(reason.getMessage() or name).strip()
    return text.splitlines()[0].rstrip(".")


_SAID = {"EOFException": "it ends in the middle", "AccessDeniedException": "access is denied"}
"""Exceptions of Java that come without words, or with such as "Unexpected end of ZLIB input stream"."""

_DAMAGE = frozenset({
    "NullPointerException", "ArrayIndexOutOfBoundsException", "IndexOutOfBoundsException", "NegativeArraySizeException",
    "BufferUnderflowException", "ClassCastException",
})  # fmt: skip
"""What readers of binary formats fail with when a byte is wrong; their words help nobody."""

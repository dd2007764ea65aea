"""Small files and folders on a local disk or on a Hadoop file system: what leases, models and exports need.

Frames are read and written by Spark and Delta, not here.
"""

import json
import os
import shutil
import uuid
from collections.abc import Callable
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol
from urllib.parse import urlsplit

from repertoire.errors import RepertoireError

if TYPE_CHECKING:  # what needs no Spark should not pay for its import
    from pyspark.sql import SparkSession


def is_local(path: str) -> bool:
    """Whether a path lies on this machine's disk: no scheme, or `file:`."""
    return urlsplit(path).scheme in ("", "file")


class Files(Protocol):
    """A file system. Paths are absolute."""

    def exists(self, path: str) -> bool: ...

    def names(self, folder: str) -> list[str]:
        """Names in a folder, sorted; none if there is no such folder."""

    def read(self, path: str) -> str | None:
        """The text of a file, or None if there is none."""

    def create(self, path: str, text: str) -> bool:
        """Writes a new file; False, and nothing written, if there is one already. Atomic: one of two callers wins."""

    def replace(self, path: str, text: str) -> None:
        """Writes a file, whether there is one or not. A reader sees the old text or the new."""

    def delete(self, path: str) -> None:
        """Removes a file, a folder with all that it holds, or nothing."""

    def point(self, path: str, folder: str) -> None:
        """Makes `path` show what `folder` holds; in an object store, `path`.json name it. A reader sees the old folder
        or the new one, never a mixture."""


class LocalFiles:
    """The local disk."""

    def exists(self, path: str) -> bool:
        return os.path.lexists(path)

    def names(self, folder: str) -> list[str]:
        return sorted(os.listdir(folder)) if os.path.isdir(folder) else []

    def read(self, path: str) -> str | None:
        try:
            return Path(path).read_text(encoding="utf-8")
        except FileNotFoundError:
            return None

    def create(self, path: str, text: str) -> bool:
        # Written in full beside its place, then linked there: no reader sees it half-written, and a link is exclusive.
        draft = self._draft(path, text)
        try:
            os.link(draft, path)
        except FileExistsError:
            return False
        finally:
            os.unlink(draft)
        return True

    def replace(self, path: str, text: str) -> None:
        os.replace(self._draft(path, text), path)

    def delete(self, path: str) -> None:
        if os.path.isdir(path) and not os.path.islink(path):
            shutil.rmtree(path, ignore_errors=True)
        else:
            Path(path).unlink(missing_ok=True)

    def point(self, path: str, folder: str) -> None:
        draft = f"{path}.{uuid.uuid4().hex}"
        os.makedirs(os.path.dirname(path), exist_ok=True)
        os.symlink(os.path.relpath(folder, os.path.dirname(path)), draft)
        try:
            os.replace(draft, path)
        except OSError as error:
            os.unlink(draft)
            raise RepertoireError(
                f"{path} cannot be pointed at {folder}: {error.strerror}. "
                "Something else than Repertoire made it; move it away and publish again."
            ) from error

    def _draft(self, path: str, text: str) -> str:
        os.makedirs(os.path.dirname(path), exist_ok=True)
        draft = f"{path}.{uuid.uuid4().hex}"
        with open(draft, "x", encoding="utf-8") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        return draft


class HadoopFiles:
    """HDFS, or another file system that Hadoop knows and that can rename folders, through Spark's JVM.

    session: gives the session; asked for at the first use, which raises RepertoireError where there is none.
    """

    def __init__(self, session: "Callable[[], SparkSession] | None") -> None:
        self._session = session

    @cached_property
    def _spark(self) -> "SparkSession":
        if self._session is None:
            raise RepertoireError("files that are not on this machine need Spark, and this command works without it")
        return self._session()

    @property
    def _jvm(self) -> Any:
        return self._spark._jvm

    @cached_property
    def _conf(self) -> Any:
        return self._spark._jsc.hadoopConfiguration()

    def exists(self, path: str) -> bool:
        return bool(self._fs(path).exists(self._path(path)))

    def names(self, folder: str) -> list[str]:
        if not self.exists(folder):
            return []
        return sorted(str(status.getPath().getName()) for status in self._fs(folder).listStatus(self._path(folder)))

    def read(self, path: str) -> str | None:
        try:
            stream = self._fs(path).open(self._path(path))
        except Exception as error:
            if "FileNotFound" in str(error):
                return None
            raise
        try:
            return str(self._jvm.org.apache.commons.io.IOUtils.toString(stream, "UTF-8"))
        finally:
            stream.close()

    def create(self, path: str, text: str) -> bool:
        try:
            self._write(path, text, "NONE")
        except Exception as error:
            if "AlreadyExists" in str(error):
                return False
            raise
        return True

    def replace(self, path: str, text: str) -> None:
        self._write(path, text, "OVERWRITE")

    def delete(self, path: str) -> None:
        self._fs(path).delete(self._path(path), True)

    def point(self, path: str, folder: str) -> None:
        # HDFS has no symbolic links: the folder itself moves into place. Between the two renames there is no table
        # for a moment; there is never a half one.
        fs, place = self._fs(path), self._path(path)
        if not fs.exists(self._path(folder)):
            if fs.exists(place):
                return  # moved there before
            raise RepertoireError(f"{folder} is gone, and {path} is not there")
        fs.mkdirs(place.getParent())
        if fs.exists(place):
            fs.rename(place, self._path(f"{folder}.replaced"))
        fs.rename(self._path(folder), place)

    def _write(self, path: str, text: str, option: str) -> None:
        """Writes a file beside its place and renames it, which is atomic; an open file would be seen empty."""
        draft = f"{path}.{uuid.uuid4().hex}"
        hadoop = self._jvm.org.apache.hadoop.fs
        options = self._jvm.java.lang.reflect.Array.newInstance(hadoop.Options.Rename.NONE.getClass(), 1)
        options[0] = getattr(hadoop.Options.Rename, option)
        fs = self._fs(path)
        try:
            stream = fs.create(self._path(draft), False)
            stream.write(bytearray(text.encode()))
            stream.close()
            # Unlike a FileSystem, a FileContext takes no path without the file system's name.
            draft_and_place = (fs.makeQualified(self._path(name)) for name in (draft, path))
            hadoop.FileContext.getFileContext(fs.getUri(), self._conf).rename(*draft_and_place, options)
        except BaseException:
            fs.delete(self._path(draft), False)
            raise

    def _path(self, path: str) -> Any:
        return self._jvm.org.apache.hadoop.fs.Path(path)

    def _fs(self, path: str) -> Any:
        return self._path(path).getFileSystem(self._conf)


def read_json(files: Files, path: str) -> dict[str, Any] | None:
    """A JSON object in a file, or None if there is no such file."""
    text = files.read(path)
    return None if text is None else json.loads(text)

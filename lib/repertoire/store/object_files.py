"""Small files in an object store (S3, Azure), without Spark: by the same client and the same environment as delta-rs.

An object appears whole or not at all, so a plain write replaces; creating is a conditional write, of which the store
lets one of two succeed. There are no links, and a folder is only what its objects' names have in common.
"""

import contextlib
import json
import os
import uuid
from collections.abc import Iterator
from functools import cached_property
from typing import TYPE_CHECKING

from repertoire.errors import RepertoireError, SettingsError
from repertoire.store.files import Files
from repertoire.store.unreachable import unreachable

if TYPE_CHECKING:  # what lies elsewhere should not pay for its import
    from obstore.store import ObjectStore


class ObjectFiles:
    """An object store below a URL (s3a://BUCKET/…, abfss://CONTAINER@ACCOUNT.dfs.core.windows.net/…).

    Where the store is, and who asks, is said by the environment: AWS_… or AZURE_… (docs/object-stores.md).
    elsewhere: removes what lies outside of the URL, such as a scratch folder on another file system.
    Raises RepertoireError where the store cannot be reached.
    """

    def __init__(self, root: str, elsewhere: Files) -> None:
        self._root, self._elsewhere = root, elsewhere
        self._tried = False

    def exists(self, path: str) -> bool:
        import obstore

        with self._explained(path):
            try:
                obstore.head(self._store, self._key(path))
                return True
            except FileNotFoundError:
                return any(True for _ in obstore.list(self._store, self._key(path), chunk_size=1))

    def names(self, folder: str) -> list[str]:
        import obstore

        with self._explained(folder):
            found = obstore.list_with_delimiter(self._store, self._key(folder))
        keys = [*found["common_prefixes"], *(one["path"] for one in found["objects"])]
        below = f"{self._key(folder)}/" if self._key(folder) else ""
        return sorted({key.removeprefix(below) for key in keys if key.startswith(below)})

    def read(self, path: str) -> str | None:
        import obstore

        with self._explained(path):
            try:
                return bytes(obstore.get(self._store, self._key(path)).bytes()).decode()
            except FileNotFoundError:
                return None

    def create(self, path: str, text: str) -> bool:
        self._require_exclusive_creation()
        return self._create(self._key(path), text)

    def replace(self, path: str, text: str) -> None:
        import obstore

        with self._explained(path):
            obstore.put(self._store, self._key(path), text.encode())

    def delete(self, path: str) -> None:
        import obstore

        if not path.startswith(f"{self._root}/"):
            self._elsewhere.delete(path)
            return
        with self._explained(path):
            for batch in obstore.list(self._store, self._key(path)):
                obstore.delete(self._store, [one["path"] for one in batch])
            with contextlib.suppress(FileNotFoundError):
                obstore.delete(self._store, self._key(path))

    def point(self, path: str, folder: str) -> None:
        """Writes `path`.json, which names the folder, relative to its own: readers look there first."""
        shown = os.path.relpath(self._key(folder), os.path.dirname(self._key(path)))
        self.replace(f"{path}.json", json.dumps({"folder": shown}))

    @cached_property
    def _store(self) -> "ObjectStore":
        from obstore.store import from_url

        with self._explained(self._root):
            return from_url(self._root)

    def _require_exclusive_creation(self) -> None:
        """Tried once before the first creation that matters: a store that does not know the condition ignores it."""
        import obstore

        if self._tried:
            return
        key = f".exclusive-{uuid.uuid4().hex}"
        try:
            first, second = self._create(key, "1"), self._create(key, "2")
        finally:
            with contextlib.suppress(Exception):  # what went wrong before is what matters
                obstore.delete(self._store, key)
        if not first or second:
            raise SettingsError(
                f"the object store of {self._root} lets a file be created twice (it ignores If-None-Match), so no lease "
                "would hold and commits could be lost. Allowed: Amazon S3, Azure, or another that knows conditional writes. "
                "Nothing was written but a probe, which was removed."
            )
        self._tried = True

    def _create(self, key: str, text: str) -> bool:
        import obstore
        from obstore.exceptions import AlreadyExistsError

        with self._explained(f"{self._root}/{key}"):
            try:
                obstore.put(self._store, key, text.encode(), mode="create")
            except AlreadyExistsError:
                return False
        return True

    def _key(self, path: str) -> str:
        if path != self._root and not path.startswith(f"{self._root}/"):
            raise RepertoireError(f"{path} does not lie below {self._root}")
        return path[len(self._root) + 1 :]

    @contextlib.contextmanager
    def _explained(self, path: str) -> Iterator[None]:
        """Turns the client's errors into ours."""
        from obstore.exceptions import BaseError

        try:
            yield
        except (BaseError, OSError) as error:
            raise unreachable(path, error) from error

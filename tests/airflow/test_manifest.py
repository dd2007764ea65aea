"""A manifest: what it may say, and when the files are as it says."""

import hashlib
import io
import json
from typing import Any

import pytest

from repertoire_dag.manifest import ListedFile, ManifestError, parse_manifest, what_is_missing

pytestmark = pytest.mark.quick

DIGEST = hashlib.sha256(b"a,b\n1,2\n").hexdigest()


class Folder:
    """A file system of a few texts: what a manifest asks of fsspec."""

    def __init__(self, **texts: bytes) -> None:
        self.texts = {f"/logs/{name.replace('__', '.')}": text for name, text in texts.items()}
        self.opened: list[str] = []

    def info(self, path: str) -> dict[str, Any]:
        if path not in self.texts:
            raise FileNotFoundError(path)
        return {"size": len(self.texts[path])}

    def open(self, path: str, mode: str) -> io.BytesIO:
        self.opened.append(path)
        return io.BytesIO(self.texts[path])


def missing(folder: Folder, *listed: ListedFile) -> list[str]:
    return what_is_missing(folder, "/logs", list(listed))  # type: ignore[arg-type]


def test_a_manifest_lists_files_with_their_sizes() -> None:
    text = json.dumps(
        {"files": [{"name": "a.csv", "bytes": 8, "sha256": DIGEST.upper()}, {"name": "h=1/b", "bytes": 0}]}
    )
    assert parse_manifest(text, "m") == [ListedFile("a.csv", 8, DIGEST), ListedFile("h=1/b", 0)]


@pytest.mark.parametrize(
    "text, word",
    [
        ("{", "is not JSON"),
        ("[]", 'has no list "files"'),
        ('{"files": ["a.csv"]}', "file 1: 'a.csv' is no object"),
        ('{"files": [{"name": "../a", "bytes": 1}]}', "no path below"),
        ('{"files": [{"name": "/a", "bytes": 1}]}', "no path below"),
        ('{"files": [{"bytes": 1}]}', "name None"),
        ('{"files": [{"name": "a", "bytes": "1"}]}', "bytes '1' of a is no size"),
        ('{"files": [{"name": "a", "bytes": true}]}', "is no size"),
        ('{"files": [{"name": "a", "bytes": 1, "sha256": "ff"}]}', "not 64 hex digits"),
    ],
)
def test_what_cannot_be_understood_is_told(text: str, word: str) -> None:
    with pytest.raises(ManifestError, match=word) as raised:
        parse_manifest(text, "hdfs://h/logs/_MANIFEST.json")
    assert str(raised.value).startswith("hdfs://h/logs/_MANIFEST.json")
    assert "Allowed: " in str(raised.value)


def test_missing_and_short_files_are_named_and_nothing_is_read_meanwhile() -> None:
    folder = Folder(a__csv=b"a,b\n1,2\n", b__csv=b"half")
    lines = missing(folder, ListedFile("a.csv", 8, DIGEST), ListedFile("b.csv", 9_000), ListedFile("c.csv", 1))
    assert lines == ["b.csv has 4 bytes of 9,000", "c.csv is not there"]
    assert folder.opened == []


def test_a_file_of_the_right_size_and_the_wrong_content_is_not_complete() -> None:
    listed = ListedFile("a.csv", 8, DIGEST)
    assert missing(Folder(a__csv=b"a,b\n1,3\n"), listed) == ["a.csv has another content than its sha256 says"]
    assert missing(Folder(a__csv=b"a,b\n1,2\n"), listed) == []
    assert missing(Folder(a__csv=b"a,b\n1,3\n"), ListedFile("a.csv", 8)) == []

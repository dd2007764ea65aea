"""A small S3 on loopback: as much of its API as delta-rs and leases use, in memory, with conditional writes."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from email.utils import formatdate
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, unquote, urlsplit
from xml.etree import ElementTree
from xml.sax.saxutils import escape

WHEN = "2026-03-01T00:00:00.000Z"


class ObjectStore(ThreadingHTTPServer):
    """Objects by `bucket/key`. conditional: whether it heeds If-None-Match; a store that does not, ignores it.
    conditioned: the objects that somebody asked to be created only if there was none."""

    daemon_threads = True

    def __init__(self, *, conditional: bool = True) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.objects: dict[str, bytes] = {}
        self.conditioned: set[str] = set()
        self.conditional = conditional
        self.lock = threading.Lock()

    @property
    def environment(self) -> dict[str, str]:
        """What names this store and a user of it to delta-rs and to leases."""
        return {
            "AWS_ENDPOINT_URL": f"http://127.0.0.1:{self.server_port}",
            "AWS_ALLOW_HTTP": "true",
            "AWS_REGION": "us-east-1",
            "AWS_ACCESS_KEY_ID": "tester",
            "AWS_SECRET_ACCESS_KEY": "not-a-secret",
        }

    def keys(self, below: str) -> list[str]:
        return sorted(key for key in self.objects if key.startswith(below))


@contextmanager
def serving(*, conditional: bool = True) -> Iterator[ObjectStore]:
    with ObjectStore(conditional=conditional) as store:
        thread = threading.Thread(target=store.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
        thread.start()
        try:
            yield store
        finally:
            store.shutdown()
            thread.join()


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    wbufsize = -1  # head and body leave together: apart, the second waits for the first to be acknowledged
    server: ObjectStore

    def do_PUT(self) -> None:
        body, key = self._body(), self._key()
        with self.server.lock:
            if self.headers.get("If-None-Match") == "*":
                self.server.conditioned.add(key)
                if self.server.conditional and key in self.server.objects:
                    self._answer(412, "<Error><Code>PreconditionFailed</Code></Error>")
                    return
            self.server.objects[key] = body
        self._answer(200, headers={"ETag": _etag(body)})

    def do_GET(self) -> None:
        query = {name: values[0] for name, values in parse_qs(urlsplit(self.path).query).items()}
        if query.get("list-type") == "2":
            self._answer(200, self._listing(query))
        elif (found := self.server.objects.get(self._key())) is None:
            self._answer(404, "<Error><Code>NoSuchKey</Code></Error>")
        else:
            self._give(found)

    def do_HEAD(self) -> None:
        found = self.server.objects.get(self._key())
        if found is None:
            self._answer(404)
        else:
            self._answer(200, found, {"ETag": _etag(found)})

    def do_DELETE(self) -> None:
        self.server.objects.pop(self._key(), None)
        self._answer(204)

    def do_POST(self) -> None:
        """Bulk deletion."""
        bucket = self._key().rstrip("/")
        keys = [one.text for one in ElementTree.fromstring(self._body()).iter() if one.tag.endswith("Key")]
        for key in keys:
            self.server.objects.pop(f"{bucket}/{key}", None)
        deleted = "".join(f"<Deleted><Key>{escape(str(key))}</Key></Deleted>" for key in keys)
        self._answer(200, f"<DeleteResult>{deleted}</DeleteResult>")

    def log_message(self, format: str, *arguments: object) -> None:
        pass

    def _listing(self, query: dict[str, str]) -> str:
        bucket = f"{self._key().rstrip('/')}/"
        prefix, after, until = query.get("prefix", ""), query.get("start-after", ""), query.get("delimiter")
        files, folders = [], set()
        for key in (key.removeprefix(bucket) for key in self.server.keys(bucket + prefix)):
            rest = key.removeprefix(prefix)
            if key <= after:
                continue
            if until and until in rest:
                folders.add(prefix + rest.split(until)[0] + until)
            else:
                files.append(key)
        contents = "".join(
            f"<Contents><Key>{escape(key)}</Key><LastModified>{WHEN}</LastModified>"
            f"<ETag>{_etag(self.server.objects[bucket + key])}</ETag><Size>{len(self.server.objects[bucket + key])}</Size>"
            "</Contents>"
            for key in files
        )
        below = "".join(f"<CommonPrefixes><Prefix>{escape(one)}</Prefix></CommonPrefixes>" for one in sorted(folders))
        return f"<ListBucketResult>{contents}{below}<IsTruncated>false</IsTruncated></ListBucketResult>"

    def _give(self, found: bytes) -> None:
        headers = {"ETag": _etag(found)}
        wanted = self.headers.get("Range", "").removeprefix("bytes=")
        if not wanted:
            self._answer(200, found, headers)
            return
        first, _, last = wanted.partition("-")
        start = int(first) if first else max(0, len(found) - int(last))
        end = min(int(last) if first and last else len(found) - 1, len(found) - 1)
        self._answer(206, found[start : end + 1], headers | {"Content-Range": f"bytes {start}-{end}/{len(found)}"})

    def _answer(self, status: int, body: str | bytes = b"", headers: dict[str, str] | None = None) -> None:
        data = body.encode() if isinstance(body, str) else body
        self.send_response(status)
        for name, value in {"Last-Modified": formatdate(usegmt=True), **(headers or {})}.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(data)

    def _body(self) -> bytes:
        return self.rfile.read(int(self.headers.get("Content-Length", 0)))

    def _key(self) -> str:
        return unquote(urlsplit(self.path).path).lstrip("/")


def _etag(data: bytes) -> str:
    return f'"{hash(data) & 0xFFFFFFFFFFFF:x}"'

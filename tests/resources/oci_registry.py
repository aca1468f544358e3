"""A container registry on loopback: as much of OCI's distribution API as real skopeo asks for."""

import hashlib
import re
import threading
from base64 import b64encode
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, urlsplit

_PATH = re.compile(r"/v2/(?P<name>.+)/(?P<kind>manifests|blobs)/(?P<reference>[^/]*(/[^/]*)?)")


@dataclass
class RunningRegistry:
    """What it holds. `login` is `user:password`, asked for when not empty; so many uploads are
    broken off first.
    """

    host: str = ""
    login: str = ""
    breaks: int = 0
    manifests: dict[str, bytes] = field(default_factory=dict)
    blobs: dict[str, bytes] = field(default_factory=dict)
    uploaded: list[str] = field(default_factory=list)  # digests, in order


@contextmanager
def oci_registry(login: str = "", breaks: int = 0) -> Iterator[RunningRegistry]:
    """Listens on a free port until the block ends."""
    registry = RunningRegistry(login=login, breaks=breaks)

    class Handler(_Handler):
        held = registry

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    registry.host = f"127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield registry
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


class _Handler(BaseHTTPRequestHandler):
    held: RunningRegistry
    protocol_version = "HTTP/1.1"

    def respond(self) -> None:
        body = self._body()
        if self.held.login and self._authorization() != self.held.login:
            return self._send(401, b"{}", **{"WWW-Authenticate": 'Basic realm="test"'})
        path = _PATH.fullmatch(urlsplit(self.path).path)
        if path is None:
            return self._send(200 if self.path == "/v2/" else 404)
        if self.command in ("GET", "HEAD"):
            return self._give(path["kind"], path["reference"])
        if path["kind"] == "manifests":
            return self._keep_manifest(path["reference"], body)
        return self._keep_blob(body)

    do_GET = do_HEAD = do_POST = do_PATCH = do_PUT = respond  # noqa: N815 - http.server's names

    def _give(self, kind: str, reference: str) -> None:
        content = (self.held.manifests if kind == "manifests" else self.held.blobs).get(reference)
        if content is None:
            code = "MANIFEST_UNKNOWN" if kind == "manifests" else "BLOB_UNKNOWN"
            return self._send(404, f'{{"errors":[{{"code":"{code}"}}]}}'.encode())
        media = "application/vnd.oci.image.manifest.v1+json" if kind == "manifests" else "any/thing"
        return self._send(200, content, **{"Content-Type": media})

    def _keep_manifest(self, reference: str, body: bytes) -> None:
        self.held.manifests |= {reference: body, _digest(body): body}
        self._send(201, **{"Docker-Content-Digest": _digest(body)})

    def _keep_blob(self, body: bytes) -> None:
        """POST opens an upload, PATCH sends it, PUT names its digest."""
        if self.command == "PATCH" and self.held.breaks:
            self.held.breaks -= 1
            self.close_connection = True
            return None
        name = urlsplit(self.path).path.partition("/blobs/")[0]
        location = {"Location": f"{name}/blobs/uploads/1"}
        if self.command == "POST":
            return self._send(202, **location)
        if self.command == "PATCH":
            self.held.blobs[_digest(body)] = body
            return self._send(202, **{**location, "Range": f"0-{len(body) - 1}"})
        (digest,) = parse_qs(urlsplit(self.path).query)["digest"]
        known = digest in self.held.blobs
        self.held.uploaded.append(digest)
        return self._send(201 if known else 400, **{"Docker-Content-Digest": digest})

    def _body(self) -> bytes:
        if self.headers.get("Transfer-Encoding") != "chunked":
            return self.rfile.read(int(self.headers.get("Content-Length", 0)))
        content = b""
        while size := int(self.rfile.readline(), 16):
            content += self.rfile.read(size)
            self.rfile.readline()
        self.rfile.readline()
        return content

    def _authorization(self) -> str:
        expected = "Basic " + b64encode(self.held.login.encode()).decode()
        return self.held.login if self.headers.get("Authorization") == expected else ""

    def _send(self, status: int, body: bytes = b"", **headers: str) -> None:
        self.send_response(status)
        for name, value in {"Content-Length": str(len(body)), **headers}.items():
            self.send_header(name, value)
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Nothing: the tests look at what is held."""


def _digest(content: bytes) -> str:
    return f"sha256:{hashlib.sha256(content).hexdigest()}"

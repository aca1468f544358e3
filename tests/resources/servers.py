"""Loopback servers for the adapters' tests: a web server that can misbehave, a Hub, and S3.

Each is a context manager that listens on a free port and remembers the requests it got.
"""

import hashlib
import json
import re
import threading
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

_NOT_FOUND = 404
_PARTIAL = 206


@dataclass(frozen=True)
class Request:
    """What one request asked for."""

    method: str
    path: str
    range: str
    authorization: str
    accept_encoding: str = ""


@dataclass(frozen=True)
class Answer:
    """What the web server does with one request."""

    content: bytes = b""
    status: int = 200
    ranges: bool = True
    headers: Mapping[str, str] = field(default_factory=dict)
    breaks_off_after: int | None = None  # bytes of the body


@dataclass
class RunningServer:
    """Where a server listens, and what it was asked."""

    url: str
    requests: list[Request]


@contextmanager
def web_server(*answers: Answer) -> Iterator[RunningServer]:
    """Gives the answers one after the other; the last one for ever."""
    left = deque(answers)
    with _running(lambda _: left.popleft() if len(left) > 1 else left[0]) as server:
        yield server


@dataclass(frozen=True)
class HubRepository:
    """One repository, of data or of a model, with one commit that every branch points to."""

    files: Mapping[str, bytes]
    commit: str = "c0" * 20
    branches: tuple[str, ...] = ("main",)
    token: str = ""  # asked for when not empty
    error: str = "GatedRepo"  # for who has no token
    unreadable: Mapping[str, Answer] = field(default_factory=dict)  # listed, but answers this


@contextmanager
def hub_server(repositories: Mapping[str, HubRepository]) -> Iterator[RunningServer]:
    """The part of the Hub's API that `datasets` and `huggingface_hub` call."""
    with _running(lambda request: _hub_answer(repositories, request)) as server:
        yield server


@contextmanager
def s3_server() -> Iterator[RunningServer]:
    """Moto's S3, with its requests remembered. POST /moto-api/reset-auth makes it check keys."""
    from moto.moto_server.werkzeug_app import (
        DomainDispatcherApplication,
        MotoRequestHandler,
        create_backend_app,
    )
    from werkzeug.serving import make_server

    application = DomainDispatcherApplication(create_backend_app)
    requests: list[Request] = []

    def remembered(environ: dict[str, Any], start_response: Any) -> Any:
        requests.append(
            Request(
                environ["REQUEST_METHOD"],
                environ["PATH_INFO"],
                environ.get("HTTP_RANGE", ""),
                environ.get("HTTP_AUTHORIZATION", ""),
            )
        )
        return application(environ, start_response)

    server = make_server(
        "127.0.0.1", 0, remembered, threaded=True, request_handler=MotoRequestHandler
    )
    with _serving(server):
        yield RunningServer(f"http://127.0.0.1:{server.server_port}", requests)


@contextmanager
def _running(answer: Callable[[Request], Answer]) -> Iterator[RunningServer]:
    requests: list[Request] = []

    class Handler(_Handler):
        def respond(self) -> None:
            request = Request(
                self.command,
                self.path,
                self.headers.get("Range", ""),
                self.headers.get("Authorization", ""),
                self.headers.get("Accept-Encoding", ""),
            )
            requests.append(request)
            self.send(answer(request))

        do_GET = do_HEAD = do_POST = respond  # noqa: N815 - the names http.server looks for

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    with _serving(server):
        yield RunningServer(f"http://127.0.0.1:{server.server_port}", requests)


@contextmanager
def _serving(server: Any) -> Iterator[None]:
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


class _Handler(BaseHTTPRequestHandler):
    def send(self, answer: Answer) -> None:
        body, status, headers = answer.content, answer.status, dict(answer.headers)
        start, end = _wanted(self.headers.get("Range", ""), len(body))
        if answer.ranges and status == 200 and "Range" in self.headers:
            if start >= len(body):
                body, status = b"", 416
            else:
                headers["Content-Range"] = f"bytes {start}-{end - 1}/{len(body)}"
                body, status = body[start:end], _PARTIAL
        self.send_response(status)
        for name, value in {"Content-Length": str(len(body)), **headers}.items():
            if value:
                self.send_header(name, value)
        self.end_headers()
        if self.command != "HEAD":
            with suppress(ConnectionError):  # whoever has what they wanted hangs up
                self.wfile.write(body[: answer.breaks_off_after])

    def log_message(self, *_: Any) -> None:
        """Nothing: the requests are remembered."""


def _wanted(header: str, size: int) -> tuple[int, int]:
    found = re.fullmatch(r"bytes=(\d+)-(\d*)", header)
    if not found:
        return 0, size
    return int(found[1]), min(int(found[2]) + 1, size) if found[2] else size


def _hub_answer(repositories: Mapping[str, HubRepository], request: Request) -> Answer:
    parts = [unquote(part) for part in urlsplit(request.path).path.strip("/").split("/")]
    if parts[:1] == ["api"]:  # then "datasets" or "models"
        kind, rest = "about", parts[2:]
    else:
        kind, rest = "file", parts[1:] if parts[0] == "datasets" else parts
    name = next(
        (name for name in repositories if rest[: name.count("/") + 1] == name.split("/")), None
    )
    if name is None:
        return _hub_error("RepoNotFound", 401)  # as the real one answers who has no token
    repository = repositories[name]
    if repository.token and request.authorization != f"Bearer {repository.token}":
        return _hub_error(repository.error, 403)
    rest = rest[name.count("/") + 1 :]
    if rest[1:2] and rest[1] not in (repository.commit, *repository.branches):
        return _hub_error("RevisionNotFound", _NOT_FOUND)
    path = "/".join(rest[2:])
    if kind == "file":
        return _hub_file(repository, path)
    if rest[:1] == ["tree"]:
        return _json(_entries(repository, path))
    if rest[:1] == ["paths-info"]:
        wanted = parse_qs(urlsplit(request.path).query).get("paths", [])
        return _json([entry for entry in _entries(repository, "") if entry["path"] in wanted])
    siblings = [
        {"rfilename": path, "size": len(content)} for path, content in repository.files.items()
    ]
    about = {"id": name, "sha": repository.commit, "siblings": siblings}
    return _json({**about, "private": False, "tags": []})


def _hub_file(repository: HubRepository, path: str) -> Answer:
    if path in repository.unreadable:
        return repository.unreadable[path]
    if path not in repository.files:
        return _hub_error("EntryNotFound", _NOT_FOUND)
    content = repository.files[path]
    headers = {"ETag": f'"{_blob(content)}"', "X-Repo-Commit": repository.commit}
    return Answer(content, headers=headers)


def _entries(repository: HubRepository, folder: str) -> list[dict[str, Any]]:
    below = [path for path in repository.files if not folder or path.startswith(f"{folder}/")]
    files = [
        {
            "type": "file",
            "path": path,
            "size": len(repository.files[path]),
            "oid": _blob(repository.files[path]),
        }
        for path in below
    ]
    folders = {path.rpartition("/")[0] for path in below} - {"", folder}
    return files + [
        {"type": "directory", "path": path, "size": 0, "oid": "0" * 40} for path in sorted(folders)
    ]


def _blob(content: bytes) -> str:
    return hashlib.sha1(content, usedforsecurity=False).hexdigest()


def _json(value: Mapping[str, Any] | Iterable[Any]) -> Answer:
    content = json.dumps(value).encode()
    return Answer(content, ranges=False, headers={"Content-Type": "application/json"})


def _hub_error(code: str, status: int) -> Answer:
    return Answer(b'{"error":"no"}', status=status, headers={"X-Error-Code": code})

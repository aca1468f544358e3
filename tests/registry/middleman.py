"""A loopback server between a client and a registry, which can misbehave at any request."""

import http.client
import ssl
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import urlsplit


@dataclass(frozen=True)
class Asked:
    """One request. `writes`: how many of POST and PATCH came up to it, with it."""

    method: str
    path: str
    headers: Mapping[str, str]
    body: bytes
    writes: int

    @property
    def is_write(self) -> bool:
        return self.method in ("POST", "PATCH")


@dataclass(frozen=True)
class Reply:
    """What is answered. No status: nothing, the connection ends."""

    status: int = 0
    body: bytes = b""
    content_type: str = "application/json"
    headers: Mapping[str, str] = field(default_factory=dict)


DROP = Reply()
Behaviour = Callable[[Asked], Reply]


@dataclass
class Middleman:
    """Where it listens, and what it was asked."""

    url: str
    requests: list[Asked] = field(default_factory=list)
    ended: threading.Event = field(default_factory=threading.Event)

    @property
    def writes(self) -> list[str]:
        return [asked.path for asked in self.requests if asked.is_write]


def forward(upstream: str, asked: Asked) -> Reply:
    """The registry's own answer; none when it is not there."""
    parts = urlsplit(upstream)
    connection = http.client.HTTPConnection(parts.hostname or "", parts.port or 0, timeout=20)
    headers = {k: v for k, v in asked.headers.items() if k.lower() in _PASSED_ON}
    try:
        connection.request(asked.method, asked.path, asked.body or None, headers)
        answer = connection.getresponse()
        return Reply(answer.status, answer.read(), answer.headers.get("Content-Type", ""))
    except OSError:
        return DROP
    finally:
        connection.close()


_PASSED_ON = ("authorization", "content-type", "accept")


@contextmanager
def middleman(behaviour: Behaviour, tls: ssl.SSLContext | None = None) -> Iterator[Middleman]:
    """Answers what `behaviour` says, until the block ends."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), BaseHTTPRequestHandler)
    server.daemon_threads = True
    scheme = "https" if tls else "http"
    running = Middleman(f"{scheme}://127.0.0.1:{server.server_address[1]}")
    server.RequestHandlerClass = _handler(running, behaviour)
    server.handle_error = lambda *_: None  # type: ignore[method-assign]
    if tls:
        server.socket = tls.wrap_socket(server.socket, server_side=True)
    thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
    thread.start()
    try:
        yield running
    finally:
        running.ended.set()
        server.shutdown()
        server.server_close()
        thread.join()


def _handler(running: Middleman, behaviour: Behaviour) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        wbufsize = -1
        disable_nagle_algorithm = True

        def answer(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            writes = len(running.writes) + (self.command in ("POST", "PATCH"))
            asked = Asked(self.command, self.path, dict(self.headers), body, writes)
            running.requests.append(asked)
            self._send(behaviour(asked))

        def _send(self, reply: Reply) -> None:
            if not reply.status:
                self.close_connection = True
                return
            self.send_response(reply.status)
            self.send_header("Content-Type", reply.content_type)
            self.send_header("Content-Length", str(len(reply.body)))
            for name, value in reply.headers.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(reply.body)
            self.wfile.flush()

        do_GET = do_POST = do_PATCH = answer  # noqa: N815 - http.server's names

        def log_message(self, *_: Any) -> None:
            pass

    return Handler

"""A file on the web, through httpx.

A transfer that breaks off goes on where it broke, as long as the file is still the same. Presigned
links work: only GET is used, and neither the address nor anything a redirect leads to is ever shown
whole.
"""

import io
import logging
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import Any, BinaryIO, cast
from urllib.parse import unquote, urlsplit

import httpx

from osft_assets.core.errors import SourceError
from osft_assets.core.ports import FoundSource
from osft_assets.core.records import SourceRecord
from osft_assets.core.sources import WebLocation
from resources.row_files import RowFile, read_files

_TIMEOUT = httpx.Timeout(60, connect=10)
_HEADERS = {
    "Accept-Encoding": "identity"
}  # what is compressed stays so: the reader looks at the bytes
_ATTEMPTS = 5
_FIRST_PAUSE_SECONDS = 0.5
_REMEDIES = {
    401: "It wants a log-in: put a link that carries it in an environment variable, and set "
    "data_uri to env:NAME.",
    403: "It is forbidden; a presigned link may have run out. Get a new one.",
    404: "There is no such file. Check the address.",
    410: "The file is gone. Check the address.",
    416: "The file is empty.",
}


@dataclass(frozen=True)
class _Version:
    """What identifies the content behind an address; empty where the server tells nothing."""

    etag: str
    modified: str
    size_bytes: int | None

    @property
    def revision(self) -> str:
        # A weak ETag promises the same meaning, not the same bytes.
        return f"etag:{self.etag}" if self.etag and not self.etag.startswith("W/") else ""


class _BrokenOffError(Exception):
    """The transfer ended early; worth another try."""


@dataclass(frozen=True)
class HttpSource:
    """Reads one file."""

    pause: Callable[[float], None] = time.sleep

    def find(self, location: WebLocation) -> FoundSource:
        """The file's name, size and ETag, from a request for its first byte (presigned links allow
        no HEAD)."""
        _keep_addresses_out_of_logs()
        version = self._probe(location)
        name = unquote(PurePosixPath(urlsplit(location.url).path).name) or "data"
        file = RowFile(name, lambda: _stream(self._blocks(location, version)))
        record = SourceRecord(uri=str(location), revision=version.revision, files=(name,))
        return FoundSource(record, version.size_bytes, lambda: read_files([file]))

    def _probe(self, location: WebLocation) -> _Version:
        for attempt in range(1, _ATTEMPTS + 1):
            try:
                with _response(location, "bytes=0-0") as response:
                    _refuse_web_page(location, response)
                    return _version(response)
            except _BrokenOffError as problem:
                self._wait(location, attempt, problem)
        raise AssertionError("_wait raises after the last attempt")

    def _blocks(self, location: WebLocation, version: _Version) -> Iterator[bytes]:
        """The file's bytes, picked up again where the connection broke."""
        position = failures = 0
        while True:
            problem = None
            try:
                for block in _blocks_from(location, position, version):
                    yield block
                    position, failures = position + len(block), 0
            except _BrokenOffError as broken:
                problem = broken
            if problem is None and position >= (version.size_bytes or 0):
                return
            failures += 1
            self._wait(location, failures, problem or _BrokenOffError("it ended too early"))

    def _wait(self, location: WebLocation, failures: int, problem: _BrokenOffError) -> None:
        if failures == _ATTEMPTS:
            raise SourceError(
                f"{location} broke off {failures} times: {problem}. Check the network and the "
                f"server."
            )
        self.pause(_FIRST_PAUSE_SECONDS * 2 ** (failures - 1))


def _keep_addresses_out_of_logs() -> None:
    # httpx logs every address in full at INFO, httpcore its target at DEBUG.
    for name in ("httpx", "httpcore"):
        logging.getLogger(name).setLevel(logging.WARNING)


def _blocks_from(location: WebLocation, position: int, version: _Version) -> Iterator[bytes]:
    with _response(location, f"bytes={position}-") as response:
        if _version(response) != version:
            raise SourceError(f"{location} was changed while it was read. Run again.")
        # A server without ranges answers 200 and starts over: what we have already is skipped.
        skip = 0 if response.status_code == httpx.codes.PARTIAL_CONTENT else position
        try:
            for block in response.iter_raw():
                kept = block[skip:]
                skip -= len(block) - len(kept)
                if kept:
                    yield kept
        except httpx.TransportError as problem:
            raise _BrokenOffError(type(problem).__name__) from None


@contextmanager
def _response(location: WebLocation, wanted: str) -> Iterator[httpx.Response]:
    with ExitStack() as stack:
        try:
            client = stack.enter_context(
                httpx.Client(timeout=_TIMEOUT, headers=_HEADERS, follow_redirects=True)
            )
            response = stack.enter_context(
                client.stream("GET", location.url, headers={"Range": wanted})
            )
        except httpx.TransportError as problem:
            raise _BrokenOffError(type(problem).__name__) from None
        except (httpx.HTTPError, httpx.InvalidURL) as problem:
            raise SourceError(
                f"{location} cannot be fetched: {type(problem).__name__}. Check the address."
            ) from None
        _refuse_failure(location, response)
        yield response


def _refuse_failure(location: WebLocation, response: httpx.Response) -> None:
    status = response.status_code
    if status in (httpx.codes.OK, httpx.codes.PARTIAL_CONTENT):
        return
    if status == httpx.codes.TOO_MANY_REQUESTS or status >= httpx.codes.INTERNAL_SERVER_ERROR:
        raise _BrokenOffError(f"HTTP status {status}")
    raise SourceError(
        f"{location} answers HTTP status {status}. {_REMEDIES.get(status, 'Check the address.')}"
    )


def _refuse_web_page(location: WebLocation, response: httpx.Response) -> None:
    if response.headers.get("Content-Type", "").startswith("text/html"):
        raise SourceError(
            f"{location} is a web page, not data; perhaps a log-in. Give the address of the file "
            f"itself."
        )


def _version(response: httpx.Response) -> _Version:
    headers = response.headers
    if response.status_code == httpx.codes.PARTIAL_CONTENT:
        total = headers.get("Content-Range", "").rpartition("/")[2]
    else:
        total = headers.get("Content-Length", "")
    size_bytes = int(total) if total.isdigit() else None
    return _Version(headers.get("ETag", ""), headers.get("Last-Modified", ""), size_bytes)


def _stream(blocks: Iterator[bytes]) -> BinaryIO:
    return cast(BinaryIO, _BlockStream(blocks))


class _BlockStream(io.RawIOBase):
    """Blocks of any length, as a stream whose reads come back full until the end."""

    def __init__(self, blocks: Iterator[bytes]) -> None:
        self._blocks = blocks
        self._held = b""

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        held = [self._held]
        missing = len(buffer) - len(self._held)
        while missing > 0 and (block := next(self._blocks, None)) is not None:
            held.append(block)
            missing -= len(block)
        joined = b"".join(held)
        taken, self._held = joined[: len(buffer)], joined[len(buffer) :]
        buffer[: len(taken)] = taken
        return len(taken)

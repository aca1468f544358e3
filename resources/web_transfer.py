"""One request for a part of a web file, and what its answer tells.

Neither the address nor anything a redirect leads to is ever shown whole. Trying again is
`resources.http_source`.
"""

import io
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from typing import Any

import httpx

from osft_assets.core.errors import SourceError
from osft_assets.core.sources import WebLocation

_TIMEOUT = httpx.Timeout(60, connect=10)
# What is compressed stays so: the reader looks at the bytes.
_HEADERS = {"Accept-Encoding": "identity"}
_REMEDIES = {
    401: "It wants a log-in: put a link that carries it in an environment variable, and set "
    "data_uri to env:NAME.",
    403: "It is forbidden; a presigned link may have run out. Get a new one.",
    404: "There is no such file. Check the address.",
    410: "The file is gone. Check the address.",
    416: "The file is empty.",
}


@dataclass(frozen=True)
class Version:
    """What identifies the content behind an address; empty where the server tells nothing."""

    etag: str
    modified: str
    size_bytes: int | None

    @property
    def strong_etag(self) -> str:
        """A weak ETag promises the same meaning, not the same bytes."""
        return "" if self.etag.startswith("W/") else self.etag


class BrokenOffError(Exception):
    """The transfer ended early; worth another try."""


def blocks_from(location: WebLocation, position: int, version: Version) -> Iterator[bytes]:
    """The bytes from `position` on, if the file is still the same."""
    with response_to(location, f"bytes={position}-") as response:
        if version_of(response) != version:
            raise SourceError(
                f"{location} was changed while it was read. Run again.", transient=True
            )
        if _first_byte(response) not in (0, position):
            raise SourceError(
                f"{location} sends another part than was asked for. Check the server."
            )
        # A server without ranges answers 200 and starts over: what we have already is skipped.
        skip = position - _first_byte(response)
        try:
            for block in response.iter_raw():
                kept = block[skip:]
                skip -= len(block) - len(kept)
                if kept:
                    yield kept
        except httpx.TransportError as problem:
            raise BrokenOffError(type(problem).__name__) from None


def _first_byte(response: httpx.Response) -> int:
    """Where the answer begins; a server that does not say so begins at the beginning."""
    start = response.headers.get("Content-Range", "").removeprefix("bytes ").partition("-")[0]
    partial = response.status_code == httpx.codes.PARTIAL_CONTENT
    return int(start) if partial and start.isdecimal() else 0


@contextmanager
def response_to(location: WebLocation, wanted: str) -> Iterator[httpx.Response]:
    """The answer to a request for a range, or the reason why there is none."""
    with ExitStack() as stack:
        try:
            client = stack.enter_context(
                httpx.Client(timeout=_TIMEOUT, headers=_HEADERS, follow_redirects=True)
            )
            response = stack.enter_context(
                client.stream("GET", location.url, headers={"Range": wanted})
            )
        except httpx.TransportError as problem:
            raise BrokenOffError(type(problem).__name__) from None
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
        raise BrokenOffError(f"HTTP status {status}")
    raise SourceError(
        f"{location} answers HTTP status {status}. {_REMEDIES.get(status, 'Check the address.')}"
    )


def refuse_web_page(location: WebLocation, response: httpx.Response) -> None:
    """Refuse what is meant for a browser."""
    if response.headers.get("Content-Type", "").lower().startswith("text/html"):
        raise SourceError(
            f"{location} is a web page, not data; perhaps a log-in. Give the address of the file "
            "itself."
        )


def version_of(response: httpx.Response) -> Version:
    """What the answer tells of the whole file."""
    headers = response.headers
    if response.status_code == httpx.codes.PARTIAL_CONTENT:
        total = headers.get("Content-Range", "").rpartition("/")[2]
    else:
        total = headers.get("Content-Length", "")
    size_bytes = int(total) if total.isdigit() else None
    return Version(headers.get("ETag", ""), headers.get("Last-Modified", ""), size_bytes)


class BlockStream(io.RawIOBase):
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

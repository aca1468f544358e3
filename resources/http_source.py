"""A file on the web, through httpx.

A transfer that breaks off goes on where it broke, as long as the file is still the same. Presigned
links work: only GET is used. What one request does is `resources.web_transfer`.
"""

import logging
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import BinaryIO, cast
from urllib.parse import unquote, urlsplit

from osft_assets.core.errors import SourceError
from osft_assets.core.lineage import fingerprint
from osft_assets.core.ports import FoundSource
from osft_assets.core.records import SourceRecord
from osft_assets.core.sources import WebLocation
from resources.row_files import RowFile, read_files
from resources.web_transfer import (
    BlockStream,
    BrokenOffError,
    Version,
    blocks_from,
    refuse_web_page,
    response_to,
    version_of,
)

_ATTEMPTS = 5
_ADDRESS_DIGITS = 12
_FIRST_PAUSE_SECONDS = 0.5


@dataclass(frozen=True)
class HttpSource:
    """Reads one file."""

    pause: Callable[[float], None] = time.sleep

    def find(self, location: WebLocation) -> FoundSource:
        """The file's name, size and ETag, from a request for its first byte.

        Presigned links are for GET alone, so HEAD is of no use.
        """
        keep_addresses_out_of_logs()
        version = self._probe(location)
        name = unquote(PurePosixPath(urlsplit(location.url).path).name) or "data"
        file = RowFile(name, lambda: cast(BinaryIO, BlockStream(self._blocks(location, version))))
        record = SourceRecord(
            uri=str(location), revision=_revision(location, version), files=(name,)
        )
        return FoundSource(record, version.size_bytes, lambda: read_files([file]))

    def _probe(self, location: WebLocation) -> Version:
        for attempt in range(1, _ATTEMPTS + 1):
            try:
                with response_to(location, "bytes=0-0") as response:
                    refuse_web_page(location, response)
                    return version_of(response)
            except BrokenOffError as problem:
                self._wait(location, attempt, problem)
        raise AssertionError("_wait raises after the last attempt")

    def _blocks(self, location: WebLocation, version: Version) -> Iterator[bytes]:
        """The file's bytes, picked up again where the connection broke."""
        position = failures = 0
        while True:
            problem = BrokenOffError("it ended too early")
            try:
                for block in blocks_from(location, position, version):
                    yield block
                    position, failures = position + len(block), 0
                if version.size_bytes is None:
                    return
            except BrokenOffError as broken:
                problem = broken
            if position == version.size_bytes:
                return
            failures += 1
            self._wait(location, failures, problem)

    def _wait(self, location: WebLocation, failures: int, problem: BrokenOffError) -> None:
        if failures == _ATTEMPTS:
            raise SourceError(
                f"{location} failed {failures} times: {problem}. Check the network and the server.",
                transient=True,
            )
        self.pause(_FIRST_PAUSE_SECONDS * 2 ** (failures - 1))


def _revision(location: WebLocation, version: Version) -> str:
    """An ETag is unique for its address only, so that belongs to it; its query may be signed."""
    if not version.strong_etag:
        return ""
    address = fingerprint({"address": str(location).partition("?")[0]})
    return f"etag:{version.strong_etag} of {address[:_ADDRESS_DIGITS]}"


def keep_addresses_out_of_logs() -> None:
    """They may be signed."""
    # httpx logs every address in full at INFO, httpcore its target at DEBUG.
    for name in ("httpx", "httpcore"):
        logging.getLogger(name).setLevel(logging.WARNING)

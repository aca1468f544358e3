"""A remote file opened through fsspec, whose failures are told in our words.

The file systems fetch block by block and try each block again by themselves, so a broken connection
resumes where it broke. What still fails arrives here, and the message never repeats theirs in full:
it may hold a signed address.
"""

import io
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, BinaryIO, cast

from osft_assets.core.errors import OsftError, SourceError
from resources.client_errors import http_status, may_pass

BLOCK_BYTES = 8 * 2**20


class RemoteFile(io.RawIOBase):
    """Delegates to the remote stream, translating what it raises."""

    def __init__(self, name: str, opening: Callable[[], Any]) -> None:
        self._name = name
        with explained(name):
            self._stream = opening()

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        with explained(self._name):
            block = self._stream.read(len(buffer))
        buffer[: len(block)] = block
        return len(block)

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        return int(self._stream.seek(offset, whence))

    def tell(self) -> int:
        return int(self._stream.tell())

    def close(self) -> None:
        if not self.closed and hasattr(self, "_stream"):
            self._stream.close()
        super().close()


def remote_file(name: str, opening: Callable[[], Any]) -> BinaryIO:
    """The opened file, as the stream that readers expect."""
    return cast(BinaryIO, RemoteFile(name, opening))


@contextmanager
def explained(place: str) -> Iterator[None]:
    """Whatever a client library raises, as a SourceError with the place and the remedy."""
    try:
        yield
    except OsftError:
        raise
    except FileNotFoundError:
        raise SourceError(f"{place} does not exist. Check the address.") from None
    except PermissionError:
        raise SourceError(
            f"{place} may not be read. Check the credentials and what they allow."
        ) from None
    except Exception as problem:  # noqa: BLE001 - the boundary: every client has its own errors
        raise SourceError(
            f"{place} cannot be read: {_kind(problem)}. {_remedy(problem)}",
            transient=may_pass(problem),
        ) from None


def _remedy(problem: Exception) -> str:
    if "Credential" in type(problem).__name__:
        return "No credentials were found: set AWS_ACCESS_KEY_ID and its secret, or a profile."
    return "Check the address and the network."


def _kind(problem: Exception) -> str:
    cause = problem.__cause__ or problem
    status = http_status(cause)
    return f"{type(cause).__name__}{f', HTTP status {status}' if status else ''}"

"""One place below a bucket that is written to. What gets no answer is asked again.

What s3fs raises arrives here and never in full elsewhere: it may hold a signed address. What is
written, and in which order, is `resources.s3_store`.
"""

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from functools import partial
from typing import Any, TypeVar

from osft_assets.core.errors import ConfigError, OsftError, RegistryError
from resources.published_files import PublishedFile

_Answer = TypeVar("_Answer")
_PAUSES_SECONDS = (5.0, 20.0)  # after the first try, and after the second
_SENT_AT_ONCE = 4  # parts of 50 MiB, which s3fs holds in memory
_TOO_MANY_REQUESTS, _SERVER_ERRORS = 429, 500


@dataclass(frozen=True)
class S3Prefix:
    """The objects below `s3://bucket/prefix/`. `pause` waits so many seconds."""

    client: Any = field(repr=False)
    address: str
    say: Callable[[str], None] = field(repr=False)
    pause: Callable[[float], None] = field(repr=False)

    def sizes(self) -> dict[str, int]:
        """The objects there are, by what follows the prefix."""
        root = self._key("")
        found = self._ask(lambda: self.client.find(root.rstrip("/"), detail=True))
        below = {
            key.removeprefix(root): info for key, info in found.items() if key.startswith(root)
        }
        return {name: info["size"] for name, info in below.items() if name}

    def read(self, name: str) -> bytes:
        """A small object."""
        content: bytes = self._ask(lambda: self.client.cat_file(self._key(name)))
        return content

    def write(self, name: str, content: bytes) -> None:
        """A small object, whole or not at all."""
        self._ask(lambda: self.client.pipe_file(self._key(name), content))

    def remove(self, names: Iterable[str]) -> None:
        """These objects."""
        for name in names:
            self._ask(partial(self.client.rm_file, self._key(name)))

    def send(self, file: PublishedFile, sent: Callable[[int], None]) -> None:
        """A file, in parts when it is large; `sent` is told how many of its bytes have gone."""
        from fsspec.callbacks import Callback  # type: ignore[import-untyped]

        def send() -> None:
            told = Callback(hooks={"sent": lambda _size, value, **_: sent(value)})
            key = self._key(file.name)
            at_once = _SENT_AT_ONCE
            self.client.put_file(str(file.path), key, callback=told, max_concurrency=at_once)

        self._ask(send)

    def _key(self, name: str) -> str:
        return f"{self.address.removeprefix('s3://')}/{name}"

    def _ask(self, request: Callable[[], _Answer]) -> _Answer:
        for tries, pause in enumerate((*_PAUSES_SECONDS, None), 1):
            try:
                return request()
            except OsftError:
                raise
            except Exception as found:  # noqa: BLE001 - the boundary: s3fs raises of all kinds
                problem = found
            if pause is None or not _may_pass(problem):
                raise _explained(problem, self.address, tries) from None
            self.say(f"{self.address}: {_kind(problem)}. Trying again in {pause:g} seconds.")
            self.pause(pause)
        raise AssertionError("the last pause is None")


def _may_pass(problem: Exception) -> bool:
    """Whether it is worth another try: no answer, or one that says later."""
    if isinstance(problem, FileNotFoundError | PermissionError) or _lacks_keys(problem):
        return False
    status = _response(problem).get("ResponseMetadata", {}).get("HTTPStatusCode")
    return status is None or status == _TOO_MANY_REQUESTS or status >= _SERVER_ERRORS


def _explained(problem: Exception, address: str, tries: int) -> OsftError:
    if isinstance(problem, OSError) and problem.filename:  # a file here, and no object there
        return RegistryError(f"{problem.filename} cannot be read: {problem.strerror}. Run again")
    if isinstance(problem, FileNotFoundError):
        return RegistryError(
            f"{address} cannot be written: there is no such bucket. Create it, or change "
            "registry.publish_to"
        )
    if isinstance(problem, PermissionError):
        return RegistryError(
            f"{address} may not be written ({_kind(problem)}). Check the credentials of the "
            "environment, and that they allow s3:ListBucket, s3:GetObject, s3:PutObject and "
            "s3:DeleteObject there"
        )
    if _lacks_keys(problem):
        return ConfigError(
            f"No credentials for {address} were found. Set AWS_ACCESS_KEY_ID and "
            "AWS_SECRET_ACCESS_KEY, or a profile or role"
        )
    tried = f" after {tries} tries" if tries > 1 else ""
    return RegistryError(
        f"{address} cannot be written{tried}: {_kind(problem)}. Check the address, "
        "AWS_ENDPOINT_URL, AWS_REGION and the network, then run again: it is copied anew",
        transient=_may_pass(problem),
    )


def _lacks_keys(problem: Exception) -> bool:
    return "Credential" in type(problem).__name__


def _kind(problem: Exception) -> str:
    """What happened, in words that repeat nothing of what was sent."""
    code = str(_response(problem).get("Error", {}).get("Code", ""))
    cause = type(problem.__cause__ or problem).__name__
    return code if re.fullmatch(r"\w{3,60}", code) else cause


def _response(problem: Exception) -> dict[str, Any]:
    """What S3 answered, where it did."""
    response = getattr(problem.__cause__ or problem, "response", None)
    return response if isinstance(response, dict) else {}

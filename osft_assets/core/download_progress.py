"""Says how far a download has come, about every ten seconds."""

import time
from collections.abc import Callable

_EVERY_SECONDS = 10


class DownloadProgress:
    """Called with all the bytes that have arrived so far."""

    def __init__(
        self,
        say: Callable[[str], None],
        size_bytes: int | None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._say, self._size_bytes, self._clock = say, size_bytes, clock
        self._start = self._last = clock()

    def __call__(self, done_bytes: int) -> None:
        now = self._clock()
        if now - self._last < _EVERY_SECONDS:
            return
        self._last = now
        speed = done_bytes / (now - self._start)
        self._say(f"Downloaded {self._share(done_bytes)}, {speed / 1e6:,.1f} MB a second")

    def _share(self, done_bytes: int) -> str:
        if not self._size_bytes:
            return f"{done_bytes / 1e9:,.2f} GB"
        return f"{done_bytes / 1e9:,.2f} of {self._size_bytes / 1e9:,.2f} GB"

"""Says how far the copying of a model has come, now and then, in words."""

import time
from collections.abc import Callable

_EVERY_SECONDS = 10


class UploadProgress:
    """Of one model: called with all the bytes that have been sent so far."""

    def __init__(
        self,
        say: Callable[[str], None],
        size_bytes: int,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._say, self._size_bytes, self._clock = say, max(size_bytes, 1), clock
        self._start = self._last = clock()

    def after(self, before_bytes: int, files: str) -> Callable[[int], None]:
        """The progress of one file, told how many of its own bytes have gone."""
        return lambda sent_bytes: self(before_bytes + sent_bytes, files)

    def __call__(self, done_bytes: int, files: str = "") -> None:
        now = self._clock()
        if now - self._last < _EVERY_SECONDS:
            return
        self._last = now
        done = min(done_bytes, self._size_bytes)  # what is sent again counts once
        speed = done_bytes / (now - self._start) / 1e6
        self._say(
            f"Copied {files}{done / 1e9:,.2f} of {self._size_bytes / 1e9:,.2f} GB "
            f"({done / self._size_bytes:.0%}), {speed:,.1f} MB a second"
        )

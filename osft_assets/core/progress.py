"""Says how far long work has come, now and then, in words."""

import time
from collections.abc import Callable

_EVERY_SECONDS = 10


class _NowAndThen:
    """Knows how long the work has gone on, and when it is time to speak again."""

    def __init__(
        self,
        say: Callable[[str], None],
        size_bytes: int | None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._say, self._size_bytes, self._clock = say, size_bytes, clock
        self._start = self._last = clock()

    def _elapsed_if_due(self) -> float | None:
        """The seconds since the start; None while it is too early to say something."""
        now = self._clock()
        if now - self._last < _EVERY_SECONDS:
            return None
        self._last = now
        return now - self._start


class Progress(_NowAndThen):
    """Of rows that are read: called after every batch; speaks about every ten seconds."""

    def __call__(self, rows: int, bytes_read: int) -> None:
        elapsed = self._elapsed_if_due()
        if elapsed is None:
            return
        self._say(
            f"{rows:,} rows, {rows / elapsed:,.0f} a second{self._share(bytes_read, elapsed)}"
        )

    def _share(self, bytes_read: int, elapsed: float) -> str:
        if not self._size_bytes or not bytes_read:
            return ""
        share = min(bytes_read / self._size_bytes, 1)
        left = elapsed * (1 - share) / share
        return f"; {share:.0%} of {self._size_bytes / 1e6:,.1f} MB, about {left:,.0f} s left"


class DownloadProgress(_NowAndThen):
    """Of a download: called with all the bytes that have arrived so far."""

    def __call__(self, done_bytes: int) -> None:
        elapsed = self._elapsed_if_due()
        if elapsed is None:
            return
        speed = done_bytes / elapsed
        self._say(f"Downloaded {self._share(done_bytes)}, {speed / 1e6:,.1f} MB a second")

    def _share(self, done_bytes: int) -> str:
        if not self._size_bytes:
            return f"{done_bytes / 1e9:,.2f} GB"
        return f"{done_bytes / 1e9:,.2f} of {self._size_bytes / 1e9:,.2f} GB"


class UploadProgress(_NowAndThen):
    """Of copying a model elsewhere: called with all the bytes that have been sent so far."""

    def after(self, before_bytes: int, files: str) -> Callable[[int], None]:
        """The progress of one file, told how many of its own bytes have gone."""
        return lambda sent_bytes: self(before_bytes + sent_bytes, files)

    def __call__(self, done_bytes: int, files: str = "") -> None:
        elapsed = self._elapsed_if_due()
        if elapsed is None:
            return
        size = max(self._size_bytes or 0, 1)
        done = min(done_bytes, size)  # what is sent again counts once
        self._say(
            f"Copied {files}{done / 1e9:,.2f} of {size / 1e9:,.2f} GB ({done / size:.0%}), "
            f"{done_bytes / elapsed / 1e6:,.1f} MB a second"
        )

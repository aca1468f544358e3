"""Says how far long work has come, now and then, in words."""

import time
from collections.abc import Callable

_EVERY_SECONDS = 10


class Progress:
    """Called after every batch; speaks about every ten seconds."""

    def __init__(
        self,
        say: Callable[[str], None],
        size_bytes: int | None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._say, self._size_bytes, self._clock = say, size_bytes, clock
        self._start = self._last = clock()

    def __call__(self, rows: int, bytes_read: int) -> None:
        now = self._clock()
        if now - self._last < _EVERY_SECONDS:
            return
        self._last = now
        elapsed = now - self._start
        self._say(
            f"{rows:,} rows, {rows / elapsed:,.0f} a second{self._share(bytes_read, elapsed)}"
        )

    def _share(self, bytes_read: int, elapsed: float) -> str:
        if not self._size_bytes or not bytes_read:
            return ""
        share = min(bytes_read / self._size_bytes, 1)
        left = elapsed * (1 - share) / share
        return f"; {share:.0%} of {self._size_bytes / 1e6:,.1f} MB, about {left:,.0f} s left"

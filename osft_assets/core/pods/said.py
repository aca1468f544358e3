"""What was said of each job lately: a pod that waits for hours is not worth a line every look."""

from collections.abc import Callable
from datetime import datetime, timedelta

_AGAIN = timedelta(minutes=10)


class Said:
    """Remembers words by job; forgets nothing, as a run has few jobs and they few reasons."""

    def __init__(self, now: Callable[[], datetime]) -> None:
        self._now = now
        self._last: dict[tuple[str, str], datetime] = {}

    def is_news(self, job: str, words: str) -> bool:
        """Whether these words were not said of the job in the last ten minutes; they are now."""
        now, last = self._now(), self._last.get((job, words))
        if last is not None and now - last < _AGAIN:
            return False
        self._last[job, words] = now
        return True

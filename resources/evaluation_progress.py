"""How far an evaluation is, said now and then with the time that is left."""

import time
from collections.abc import Callable
from typing import Any

from osft_assets.core.training_progress import duration

# Reports of one kind of request: about every tenth, but not in a hurry.
_SAY_EVERY_SECONDS = 10.0


class Progress:
    """Says how far a task is. lm-eval calls `add_partial` once for every finished request."""

    def __init__(self, say: Callable[[str], None]) -> None:
        self._say = say
        self.dbdict = None  # lm-eval's hook has it
        self.begin("", 0)

    def begin(self, what: str, requests: int) -> None:
        """The next requests."""
        self._what, self._requests, self._done = what, requests, 0
        self._start = self._said = time.monotonic()

    def add_partial(self, _: str, __: Any, ___: Any) -> None:
        self._done += 1
        now = time.monotonic()
        if now - self._said < _SAY_EVERY_SECONDS or not self._requests:
            return
        self._said = now
        left = (now - self._start) / self._done * max(self._requests - self._done, 0)
        self._say(
            f"{self._what}: {self._done:,} of {self._requests:,} requests, "
            f"about {duration(left)} left"
        )

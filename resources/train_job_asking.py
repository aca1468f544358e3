"""Asks an API that may be away: less and less often then, and with a word about it now and then."""

from collections.abc import Callable
from typing import TypeVar

from resources.train_job_api import ApiError
from resources.train_job_pace import Pace

_Answer = TypeVar("_Answer")


class Asking:
    """For one kind of question, `what`."""

    def __init__(self, what: str, pace: Pace, say: Callable[[str], None]) -> None:
        self._what, self._pace, self._say = what, pace, say
        self._due, self._wait, self._refusals = 0.0, 0.0, 0

    def answer(self, ask: Callable[[], _Answer]) -> _Answer | None:
        """What it answers; None while it does not, or is left in peace."""
        if self._wait and self._pace.clock() < self._due:
            return None
        try:
            found = ask()
        except ApiError as problem:
            least, most = self._pace.look_seconds, self._pace.longest_back_off_seconds
            self._wait = min(max(self._wait * 2, least), most)
            self._due = self._pace.clock() + self._wait
            self._refusals += 1
            if self._refusals > 1:  # one alone is a connection that had grown old
                self._say(f"{self._what} cannot be seen, which does not stop it: {problem}")
            return None
        self._wait, self._refusals = 0.0, 0
        return found

    def last_answer(self, ask: Callable[[], _Answer]) -> _Answer | None:
        """The same, for when there is no next time: with patience."""
        deadline = self._pace.clock() + self._pace.lag_seconds
        while True:
            self._wait = 0.0
            found = self.answer(ask)
            if found is not None or self._pace.clock() > deadline:
                return found
            self._pace.pause(self._pace.look_seconds)

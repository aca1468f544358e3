"""Makes one log of many looks at it: no line is lost between two looks, and none comes twice.

Each look asks for what was written since a moment a little before the last line: the API tells
seconds apart, and two streams of one container may overtake each other by less than that.
"""

import re
from collections import Counter
from datetime import datetime, timedelta

from osft_assets.core.pods.findings import time_of

_OVERLAP = timedelta(seconds=5)
_NANOSECONDS = re.compile(r"(\.\d{6})\d+")


class LogLines:
    """Of one container, by timestamps as the API writes them."""

    def __init__(self) -> None:
        self._newest: datetime | None = None
        self._seen: Counter[str] = Counter()  # what the next look will show again

    @property
    def since(self) -> str:
        """From when on to ask; empty for from the beginning."""
        if self._newest is None:
            return ""
        return (self._newest - _OVERLAP).strftime("%Y-%m-%dT%H:%M:%SZ")

    def new(self, answer: str, *, is_final: bool = False) -> list[str]:
        """The lines of an answer that are new. One without an end yet waits for the next look."""
        *lines, rest = answer.split("\n")
        if rest and is_final:
            lines.append(rest)
        shown: Counter[str] = Counter()
        new: list[str] = []
        for line in lines:
            if _time(line) is None:
                continue
            shown[line] += 1
            if shown[line] > self._seen[line]:
                new.append(line.partition(" ")[2])
        self._remember(shown)
        return [
            part for line in new for part in line.replace("\r", "\n").split("\n") if part.strip()
        ]

    def _remember(self, shown: Counter[str]) -> None:
        merged = self._seen | shown
        times = [time for line in merged if (time := _time(line))]
        self._newest = max([*times, *([self._newest] if self._newest else [])], default=None)
        if self._newest is None:
            return
        oldest = (self._newest - _OVERLAP).replace(microsecond=0)
        self._seen = Counter(
            {line: count for line, count in merged.items() if (_time(line) or oldest) >= oldest}
        )


def _time(line: str) -> datetime | None:
    try:
        return time_of(_NANOSECONDS.sub(r"\1", line.partition(" ")[0]))
    except ValueError:
        return None

"""What the trainers print, kept whole in a file and passed on in what a person would read.

mini-trainer prints some twenty lines of JSON and a progress bar for every step; each line passed on
becomes an event in Dagster's database.
"""

import re
from collections.abc import Callable
from pathlib import Path
from types import TracebackType
from typing import Self

_ANSI = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]")
# Lines of pretty-printed JSON, progress bars, steps (told by us), torchrun's banner.
_NOISE = re.compile(
    r'\s*[\[\]{}],?\s*$|\s*"[\w/.-]+": |.*(\d+%\||[━╺─]{3}|it/s\]|s/it\])|.*Epoch: \d+, Step: \d+'
    r"|[*=\s-]*$|.*Setting OMP_NUM_THREADS"
)
_LONGEST_LINE = 500


class TrainingLog:
    """Writes every line to a file, and says those that are worth it."""

    def __init__(self, path: Path, say: Callable[[str], None]) -> None:
        self.path, self._say = path, say
        path.parent.mkdir(parents=True, exist_ok=True)
        self._stream = path.open("w", encoding="utf-8", errors="replace")

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._stream.close()

    def line(self, text: str) -> None:
        """One line of output."""
        plain = _ANSI.sub("", text).rstrip()
        self._stream.write(f"{plain}\n")
        self._stream.flush()
        if is_worth_saying(plain):
            self._say(plain[:_LONGEST_LINE])


def is_worth_saying(line: str) -> bool:
    """Whether a person who follows the run wants this line."""
    return not _NOISE.match(line)

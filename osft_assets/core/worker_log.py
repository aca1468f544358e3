"""What a worker prints, kept whole in a file and passed on in what a person would read.

The trainers print some twenty lines for every step, their settings several times over, and rows of
the data as samples; lm-eval draws bars. Each line that is passed on becomes an event in Dagster's
database, for everybody to read: so only warnings, errors, the phases of the work and our own lines
are. Steps are told by us.
"""

import re
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from types import TracebackType
from typing import Self

# Lines of our own worker begin like this.
OWN_PREFIX = "osft-assets: "
_ANSI = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]")
# Phases: rows tokenised, model loaded and decomposed, steps planned, models saved.
_PHASES = (
    r"Dataset split:|Pretraining dataset:|\S* ?Loading base model|EPOCH training mode|"
    r"(\S+ \[\w+\] )?Processed \d+(/\d+)? OSFT parameters|"
    r"\S* ?(Saving|Saved) model at|removed \d+ samples from batch"
)
# As loggers begin a line, so that a row of the data that holds the word is not passed on.
_TROUBLE = (
    r"[\[\]\d:,. /T-]{0,40}([\w.]{1,60} - )?(WARNING|ERROR|CRITICAL)\b|"
    r"[\w.]{0,99}(Error|Exception|Interrupt)(: |$)|Traceback "
)
_WORTH_SAYING = re.compile(f"{_PHASES}|{_TROUBLE}|{OWN_PREFIX}")
_LONGEST_LINE = 500
_KEPT_LOGS = 20


class WorkerLog:
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
            self._say(plain.removeprefix(OWN_PREFIX)[:_LONGEST_LINE])


def is_worth_saying(line: str) -> bool:
    """Whether a person who follows the run wants this line."""
    return bool(_WORTH_SAYING.match(line))


def new_log_path(directory: Path, name: str) -> Path:
    """Where the log of a run goes; the oldest ones beside it make room."""
    for old in sorted(directory.glob("*.log"))[: -_KEPT_LOGS + 1]:  # one more follows
        old.unlink(missing_ok=True)
    return directory / f"{datetime.now(UTC):%Y%m%dT%H%M%S.%f}-{name}.log"

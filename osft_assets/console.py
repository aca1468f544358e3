"""What a command says on standard error while a run goes on: each step, and the lines it logs.

One line in place of many, where a step counts. What came of the run is `run_summary`, on standard
output; Dagster's own log, with the trace of every failure, is `--verbose`.
"""

import logging
import re
import sys
import time
from collections.abc import Callable
from shutil import get_terminal_size
from typing import TextIO

import dagster as dg

from osft_assets.step_errors import words_of

_EVERY_SECONDS = 10.0
_NUMBERS = re.compile(r"[\d.,]+")


class RunProgress:
    """Called with every event of a run; `end` is called when there are no more.

    On a terminal, a line that counts replaces the one before; elsewhere one is shown now and then,
    and always the last. `title` stands before the name of every step.
    """

    def __init__(
        self,
        title: str = "",
        stream: TextIO | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._title, self._stream, self._clock = title, stream or sys.stderr, clock
        self._on_terminal = self._stream.isatty()
        self._step = self._kind = self._held = ""
        self._told_at = 0.0
        self._width = 0  # of the line that may be replaced; 0 = none

    def __call__(self, event: dg.EventLogEntry) -> None:
        """Say what a user should know of it; most events are Dagster's own business."""
        step = event.step_key or ""
        found = event.dagster_event
        if found is None:
            level = int(event.level)
            told = "warning: " if level == logging.WARNING else ""
            if level >= logging.INFO and step and not _of_no_step(event.user_message):
                self._tell(step, f"{told}{event.user_message}")
        elif found.event_type_value == "STEP_UP_FOR_RETRY":
            self._tell(step, f"Tried again after: {_reason(found)}")
        elif "blocked by limit for pool" in (found.message or ""):
            self._tell(step, "Waits for its turn: another run computes on this machine")

    def end(self) -> None:
        """What was held back is said, and the line ends."""
        self._let_go()
        self._step = self._kind = ""

    def _tell(self, step: str, text: str) -> None:
        # What has more lines is Markdown for the UI, and part of the summary that follows.
        line = text.partition("\n")[0].replace("**", "")
        kind = _NUMBERS.sub("", line)[:8]
        if step != self._step:
            self._let_go()
            self._print(f"{self._title}{_name_of(step)}")
            self._step, self._kind = step, ""
        if kind == self._kind:
            self._go_on(line)
        else:
            self._let_go()
            self._show(line)
        self._kind = kind

    def _go_on(self, line: str) -> None:
        """One more of the same kind."""
        if self._on_terminal or self._clock() - self._told_at >= _EVERY_SECONDS:
            self._show(line)
        else:
            self._held = line

    def _let_go(self) -> None:
        if self._held:
            self._show(self._held)
        if self._width:
            self._print("")
        self._width = 0

    def _show(self, line: str) -> None:
        self._held, self._told_at = "", self._clock()
        if not self._on_terminal or len(line) + 2 >= get_terminal_size().columns:
            self._width = 0
            self._print(f"  {line}")  # a line that wraps cannot be replaced
            return
        blank = " " * max(0, self._width - len(line))
        self._stream.write(f"\r  {line}{blank}")
        self._stream.flush()
        self._width = len(line)

    def _print(self, line: str) -> None:
        self._stream.write(f"{line}\n")
        self._stream.flush()


def _of_no_step(message: str) -> bool:
    """Dagster's word on a step that does not run, since one before it failed: that one is told."""
    return message.startswith("Dependencies for step") and message.endswith("Not executing.")


def _name_of(step: str) -> str:
    """Without the pipeline: `demo__dataset` is dataset."""
    return step.partition("__")[2] or step


def _reason(event: dg.DagsterEvent) -> str:
    return words_of(event.step_retry_data.error) or "it was interrupted"

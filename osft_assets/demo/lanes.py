"""Runs the demo's pipelines, some side by side, each in a process of its own, and says how they go.

Each process is `osft_assets.demo.run`; what it prints is a file beside its outcome.
"""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from itertools import count
from pathlib import Path
from threading import Event, Lock, Thread

from osft_assets.core.training_progress import duration
from osft_assets.demo.outcome import Outcome
from osft_assets.demo.ways import Planned

_LOOK_EVERY_SECONDS = 0.2
# Training and evaluation end their own children within five.
_GRACE_SECONDS = 15.0
# Side by side on two cores, with threads of their own, each took three times as long to answer.
_ONE_THREAD = {"OMP_NUM_THREADS": "1"}
_MODULE = (sys.executable, "-P", "-m", "osft_assets.demo.run")  # -P: not of the current directory


class Lanes:
    """The runs, from their start to their end. `say` gets every line of progress."""

    def __init__(
        self, directory: Path, say: Callable[[str], None], command: Sequence[str] = _MODULE
    ) -> None:
        self._directory, self._say, self._command = directory, say, command
        self._start = time.monotonic()
        self._number = count(1)
        self._stopping, self._lock = Event(), Lock()
        self._running: set[subprocess.Popen[str]] = set()
        self._outcomes: list[Outcome] = []

    def run(self, lanes: Sequence[Sequence[Planned]]) -> list[Outcome]:
        """The outcomes, as they came; nothing is left running when this ends, however it does."""
        total = sum(map(len, lanes))
        threads = [Thread(target=self._lane, args=(lane, total)) for lane in lanes]
        for thread in threads:
            thread.start()
        try:
            while any(thread.is_alive() for thread in threads):
                time.sleep(_LOOK_EVERY_SECONDS)
        finally:
            with _uninterrupted():
                self._stop()
                for thread in threads:
                    thread.join()
        return self._outcomes

    def _lane(self, lane: Sequence[Planned], total: int) -> None:
        for planned in lane:
            with self._lock:
                if self._stopping.is_set():
                    return
                mark = f"{next(self._number)}/{total} {planned.name}"
                process = self._started(planned)
            self._tell(mark, "started")
            outcome = self._followed(planned, mark, process)
            if self._stopping.is_set():
                return
            self._tell(mark, outcome.ended)
            self._outcomes.append(outcome)

    def _started(self, planned: Planned) -> "subprocess.Popen[str]":
        self._place(planned, "json").unlink(missing_ok=True)
        with self._place(planned, "txt").open("w") as printed:
            process = subprocess.Popen(
                [
                    *self._command,
                    *(planned.pipeline, repr(planned.rate)),
                    str(self._place(planned, "json")),
                ],
                stdin=subprocess.DEVNULL,
                env=_ONE_THREAD | os.environ,
                stdout=printed,
                stderr=subprocess.PIPE,
                text=True,
                start_new_session=True,  # or Ctrl-C would reach it twice
            )
        self._running.add(process)
        return process

    def _followed(self, planned: Planned, mark: str, process: "subprocess.Popen[str]") -> Outcome:
        last: list[str] = []
        with process:
            assert process.stderr is not None
            for line in process.stderr:
                last = [*last[-20:], line]
                self._tell(mark, line.strip())
        self._running.discard(process)
        path = self._place(planned, "json")
        if process.returncode == 0 and path.exists():
            return Outcome.model_validate_json(path.read_bytes())
        why = f"its process ended with code {process.returncode}: {''.join(last).strip()}"
        return Outcome(pipeline=planned.pipeline, rate=planned.rate, ended="failed", why=why)

    def _place(self, planned: Planned, kind: str) -> Path:
        return self._directory / f"{planned.name}.{kind}"

    def _tell(self, mark: str, line: str) -> None:
        passed = duration(time.monotonic() - self._start)
        self._say(f"[{mark}, {passed}] {line}")

    def _stop(self) -> None:
        with self._lock:
            self._stopping.set()
            running = list(self._running)
        for process in running:
            _signal(process, signal.SIGINT)
        deadline = time.monotonic() + _GRACE_SECONDS
        while running and time.monotonic() < deadline:
            running = [process for process in running if process.poll() is None]
            time.sleep(_LOOK_EVERY_SECONDS)
        for process in running:
            _signal(process, signal.SIGKILL)


@contextmanager
def _uninterrupted() -> Iterator[None]:
    """Whoever presses Ctrl-C twice gets no more than a process that is left behind."""
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)


def _signal(process: "subprocess.Popen[str]", number: int) -> None:
    if process.poll() is None:
        os.killpg(process.pid, number)

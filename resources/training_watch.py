"""What ends a pod of a training early: nobody follows it, another pod gave up, Kubernetes says so.

A pod has no parent whose end it could see. Its follower touches a file instead, and the pods of one
training see each other's problem files. All that runs below the worker ends with it.
"""

import os
import shutil
import signal
import threading
import time
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

from osft_assets.core.errors import TrainingError
from osft_assets.core.training_node import Node
from osft_assets.core.training_progress import duration
from osft_assets.core.worker import (
    FAILURE_EXIT,
    LEASE_FILE,
    LEASE_SECONDS,
    WorkerProblem,
    problem_file,
)
from resources.process_tree import GRACE_SECONDS, MARKER_VARIABLE, kill_marked
from resources.worker_main import write_problem

_LOOK_EVERY_SECONDS = 2.0
_TERMINATED_EXIT = 128 + signal.SIGTERM


@dataclass(frozen=True)
class Watch:
    """Over one pod. `directory` is common to all; `own_rows` are removed when the pod ends."""

    directory: Path
    node: Node
    own_rows: Path
    # Held by whoever ends the pod: what is killed then must not be told as what went wrong.
    _end: threading.RLock = field(default_factory=threading.RLock)

    def start(self, lease_seconds: float = LEASE_SECONDS) -> None:
        """From now on, until this process ends."""
        os.environ.setdefault(MARKER_VARIABLE, os.urandom(16).hex())
        # The first process of a container ignores SIGTERM unless it says what to do.
        signal.signal(signal.SIGTERM, lambda *_: self._end_all(_TERMINATED_EXIT))
        _let_forks_be_terminated()
        threading.Thread(target=self._look, args=[lease_seconds], daemon=True).start()

    def stop(self) -> None:
        """The worker ends by itself. When it is being ended already, this never returns."""
        self._end.acquire()

    def other_problems(self) -> Iterator[WorkerProblem]:
        """Why other pods gave up, of those that said so."""
        for rank in range(self.node.count):
            if rank != self.node.rank:
                with suppress(OSError):  # not there, or a filesystem in trouble: look again later
                    told = (self.directory / problem_file(rank)).read_bytes()
                    yield WorkerProblem.model_validate_json(told)

    def _look(self, lease_seconds: float) -> None:
        # The clocks of two machines differ: what counts is that the file's time changes.
        renewed, since = self._lease(), time.monotonic()
        while True:
            time.sleep(min(_LOOK_EVERY_SECONDS, lease_seconds / 4))
            if (newest := self._lease()) != renewed:
                renewed, since = newest, time.monotonic()
            if time.monotonic() - since > lease_seconds:
                self._end.acquire()
                with suppress(OSError):  # whoever swept the directory needs no answer
                    path = self.directory / problem_file(self.node.rank)
                    write_problem(path, _left(lease_seconds))
                self._end_all(FAILURE_EXIT)
            if any(self.other_problems()):
                print("Another pod of this training gave up", flush=True)  # noqa: T201 - for the log
                self._end_all(FAILURE_EXIT)

    def _lease(self) -> int | None:
        try:
            return (self.directory / LEASE_FILE).stat().st_mtime_ns
        except OSError:
            return None  # not there yet, or a filesystem in trouble: that is no renewal

    def _end_all(self, exit_code: int) -> None:
        self._end.acquire()
        kill_marked(os.environ[MARKER_VARIABLE], GRACE_SECONDS)
        shutil.rmtree(self.own_rows, ignore_errors=True)
        os._exit(exit_code)


def _let_forks_be_terminated() -> None:
    """The processes that tokenise are forks, which their pool ends by SIGTERM: ours is not theirs.

    Python drops a signal that comes while a fork begins, and the pool then waits for ever: both
    trainings on documents that were tried, and 2 of 200 forks where only the fork's answer was set
    back. So the signal waits until the fork has its own answer.
    """
    os.register_at_fork(before=_hold, after_in_parent=_let_come, after_in_child=_answer_as_ever)


def _hold() -> None:
    signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGTERM})


def _let_come() -> None:
    signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGTERM})


def _answer_as_ever() -> None:
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    _let_come()


def _left(seconds: float) -> TrainingError:
    return TrainingError(
        f"Nobody has followed this training for {duration(seconds)}: the step that started it is "
        "gone. Launch it again",
        transient=True,
    )

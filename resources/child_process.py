"""A child process that computes for a step: followed, limited in time, and never left behind.

It runs one of our worker modules. Whatever ends the step (an error, an interrupt, a cancelled run)
ends the child and every process below it; when this process itself is killed, the child sees its
standard input close. What is said to a child and what it answers: `core.worker`.
"""

import multiprocessing
import selectors
import subprocess
import time
import uuid
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import NoReturn

from osft_assets.core.errors import ConfigError, OsftError
from osft_assets.core.training_progress import duration
from osft_assets.core.worker import CONFIG_EXIT, PROBLEM_FILE, WorkerProblem
from resources.line_tail import LineTail
from resources.process_tree import GRACE_SECONDS, MARKER_VARIABLE, kill_marked

_LOOK_EVERY_SECONDS = 0.2


@dataclass(frozen=True)
class Work:
    """What the child does, for messages: its name, its time limits, how its failure is called.

    A limit is a setting's name and its value in minutes; 0 = none.
    """

    name: str  # "Training"
    failure: type[OsftError]
    memory_remedy: str
    stall_timeout_minutes: float
    timeout_minutes: float

    def failed(self, message: str) -> OsftError:
        """The error of this work."""
        return self.failure(message)


@contextmanager
def child(
    command: Sequence[str], environment: Mapping[str, str]
) -> Iterator[subprocess.Popen[bytes]]:
    """The running child; it and all below it are gone when the block ends."""
    marker = uuid.uuid4().hex
    process = subprocess.Popen(
        command,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        env={
            **environment,
            **{MARKER_VARIABLE: marker, "PYTHONUNBUFFERED": "1"},
            "PYTHONSAFEPATH": "1",  # or another checkout in the current directory would run instead
        },
        start_new_session=True,  # Ctrl-C is ours to handle
    )
    try:
        yield process
    finally:
        _end(process, marker)


def follow(
    process: subprocess.Popen[bytes], work: Work, pass_on: Callable[[Sequence[str]], bool]
) -> None:
    """Give every line to `pass_on` until the child has ended and all it wrote is read.

    `pass_on` is also called with no lines, and says whether it saw a sign of life elsewhere.
    """
    assert process.stdout is not None
    output = LineTail(process.stdout.fileno())
    start = last_sign = time.monotonic()
    with selectors.DefaultSelector() as selector:
        selector.register(output.descriptor, selectors.EVENT_READ)
        while process.poll() is None:
            selector.select(_LOOK_EVERY_SECONDS)
            lines = output.lines()
            if pass_on(lines) or lines:
                last_sign = time.monotonic()
            _refuse_overtime(work, last_sign, start)
            _refuse_a_dead_run(work)
            if output.ended:  # or an end of file would wake us without pause
                time.sleep(_LOOK_EVERY_SECONDS)
    pass_on([*output.lines(), *output.rest()])


def raise_failure(exit_code: int, directory: Path, work: Work) -> NoReturn:
    """Raise what the child said it failed of, or what its end tells."""
    problem_path = directory / PROBLEM_FILE
    if problem_path.exists():
        problem = WorkerProblem.model_validate_json(problem_path.read_bytes())
        kind = ConfigError if exit_code == CONFIG_EXIT else work.failure
        raise kind(problem.message, transient=problem.is_transient)
    if exit_code == -9:
        raise work.failed(
            f"The {work.name.lower()} process was killed (signal 9), which is what happens when "
            f"memory runs out. {work.memory_remedy}, or give it more memory"
        )
    how = f"by signal {-exit_code}" if exit_code < 0 else f"with code {exit_code}"
    raise work.failed(f"The {work.name.lower()} process ended {how} and did not say why")


def _refuse_overtime(work: Work, last_sign: float, start: float) -> None:
    now = time.monotonic()
    for name, minutes, since, what in (
        ("stall_timeout_minutes", work.stall_timeout_minutes, last_sign, "said nothing"),
        ("timeout_minutes", work.timeout_minutes, start, "has been running"),
    ):
        if minutes and now - since > minutes * 60:
            raise work.failed(
                f"{work.name} {what} for {duration(now - since)} and was stopped. Look at its "
                f"log, or raise {name} ({minutes:g})"
            )


def _refuse_a_dead_run(work: Work) -> None:
    """A step of a run is a process below the run's own, which lives on when that one is killed."""
    run = multiprocessing.parent_process()
    if run is not None and not run.is_alive():
        raise work.failed(
            f"The run that this {work.name.lower()} belongs to is gone. Launch it again"
        )


def _end(process: subprocess.Popen[bytes], marker: str) -> None:
    assert process.stdin is not None
    assert process.stdout is not None
    kill_marked(marker, GRACE_SECONDS)
    process.kill()  # a process can overwrite its mark; nothing happens to one that has ended
    process.wait()
    process.stdin.close()
    process.stdout.close()

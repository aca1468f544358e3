"""One run of skopeo: killed when it makes no progress for minutes, and with whoever waits for it.

What it is asked is `resources.skopeo`.
"""

import os
import re
import signal
import subprocess
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import IO

_POLL_SECONDS = 0.5


class StalledError(Exception):
    """It went on and got nowhere."""


@dataclass(frozen=True)
class Watch:
    """`done` tells how far the process with this id has come, in bytes."""

    done: Callable[[int], int]
    stalled_after_seconds: float


@dataclass(frozen=True)
class Finished:
    """A run that ended by itself."""

    code: int
    out: str
    said: str


def run_skopeo(arguments: Sequence[str], environment: Mapping[str, str], watch: Watch) -> Finished:
    """Its end; StalledError when it was killed instead."""
    with tempfile.TemporaryFile() as out, tempfile.TemporaryFile() as errors:
        process = subprocess.Popen(
            arguments,
            stdin=subprocess.DEVNULL,
            stdout=out,
            stderr=errors,
            env=environment,
            start_new_session=True,  # so that whatever it starts is killed too
        )
        try:
            _wait(process, watch)
        finally:
            _kill(process)
        return Finished(process.returncode, _tail(out), _tail(errors))


def sent_bytes(pid: int) -> int:
    """What a process has written so far, to sockets too. Where nobody can tell, it grows."""
    with suppress(OSError):
        found = re.search(r"^wchar: (\d+)", Path(f"/proc/{pid}/io").read_text(), re.M)
        if found:
            return int(found[1])
    return time.monotonic_ns()


def _wait(process: subprocess.Popen[bytes], watch: Watch) -> None:
    last, still = -1, 0.0
    while True:
        with suppress(subprocess.TimeoutExpired):
            process.wait(_POLL_SECONDS)
            return
        size = watch.done(process.pid)
        last, still = size, (still + _POLL_SECONDS if size == last else 0.0)
        if still >= watch.stalled_after_seconds:
            raise StalledError


def _kill(process: subprocess.Popen[bytes]) -> None:
    if process.poll() is None:
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()


def _tail(stream: IO[bytes]) -> str:
    stream.seek(0)
    return stream.read()[-10_000:].decode(errors="replace")

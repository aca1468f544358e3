import os
import subprocess
import sys
import time
import uuid
from collections.abc import Iterator

import psutil
import pytest

from resources.process_tree import MARKER_VARIABLE, kill_marked

_SLEEPER = "import time; print('up', flush=True); time.sleep(60)"
_STUBBORN = "import signal; signal.signal(signal.SIGTERM, signal.SIG_IGN); " + _SLEEPER
# Its child is in a session of its own, as torchrun's workers are, and outlives it.
_PARENT = (
    "import subprocess, sys; c = subprocess.Popen([sys.executable, '-c', sys.argv[1]], "
    "start_new_session=True, stdout=subprocess.PIPE); c.stdout.readline(); print(c.pid, flush=True)"
)


@pytest.fixture
def marker() -> Iterator[str]:
    marker = uuid.uuid4().hex
    yield marker
    kill_marked(marker, 0)


def _start(marker: str, *command: str) -> subprocess.Popen[bytes]:
    return subprocess.Popen(
        [sys.executable, "-c", *command],
        env={**os.environ, MARKER_VARIABLE: marker},
        stdout=subprocess.PIPE,
    )


def _first_line(process: subprocess.Popen[bytes]) -> bytes:
    assert process.stdout is not None
    with process.stdout as stream:
        return stream.readline()


def test_a_marked_process_is_ended(marker: str) -> None:
    process = _start(marker, _SLEEPER)
    _first_line(process)

    kill_marked(marker, 5)

    assert process.wait(5) == -15


def test_an_orphan_in_a_session_of_its_own_is_ended(marker: str) -> None:
    parent = _start(marker, _PARENT, _SLEEPER)
    orphan = int(_first_line(parent))
    parent.wait(5)
    assert psutil.pid_exists(orphan)

    kill_marked(marker, 5)

    assert not _runs(orphan)


def test_what_ignores_the_request_is_killed_after_the_grace(marker: str) -> None:
    process = _start(marker, _STUBBORN)
    _first_line(process)
    start = time.monotonic()

    kill_marked(marker, 0.5)

    assert process.wait(5) == -9
    assert 0.5 <= time.monotonic() - start < 5


def test_others_and_the_caller_are_spared(marker: str) -> None:
    other = uuid.uuid4().hex
    bystander = _start(other, _SLEEPER)
    _first_line(bystander)
    caller = "from resources.process_tree import kill_marked; kill_marked('%s', 1); print('alive')"

    process = _start(marker, caller % marker)

    assert _first_line(process) == b"alive\n"
    assert process.wait(5) == 0
    assert bystander.poll() is None
    kill_marked(other, 0)
    assert bystander.wait(5) == -9


def test_an_empty_mark_is_refused() -> None:
    with pytest.raises(ValueError, match="every process that has none"):
        kill_marked("", 1)


def _runs(pid: int) -> bool:
    try:
        return bool(psutil.Process(pid).status() != psutil.STATUS_ZOMBIE)
    except psutil.NoSuchProcess:
        return False

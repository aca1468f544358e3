"""Does what its job's recipe says, in place of `resources.training_worker`.

`recipe["script"]` is a list of actions with their arguments. Imports next to nothing, so that it is
up at once.
"""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

_CHILD = """
import signal, sys, time
from pathlib import Path
from typing import Any
if sys.argv[1] == "stubborn":
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
Path(sys.argv[2]).write_text("up")
time.sleep(60)
"""


JOB: dict[str, Any] = {}


def main(job_path: str) -> None:
    JOB.update(json.loads(Path(job_path).read_bytes()))
    os.chdir(JOB["directory"])
    for action, *arguments in JOB["recipe"]["script"]:
        globals()[f"do_{action}"](*arguments)


def do_say(text: str, end: str = "\n") -> None:
    print(text, end=end, flush=True)  # noqa: T201


def do_write(name: str, text: str) -> None:
    """Add to a file, whose directory is made where there is none."""
    Path(name).parent.mkdir(parents=True, exist_ok=True)
    with Path(name).open("a") as stream:
        stream.write(text)


def do_await(name: str) -> None:
    """Go on when the file is there."""
    while not Path(name).exists():
        time.sleep(0.01)


def do_tell(name: str) -> None:
    do_say(f"{name}={os.environ.get(name)}")


def do_chatter(seconds: float) -> None:
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        do_say("still here")
        time.sleep(0.1)


def do_flood(lines: int) -> None:
    sys.stdout.write(f"{'x' * 99}\n" * lines)
    sys.stdout.flush()


def do_child(kind: str) -> None:
    """A process in a session of its own, which is up when this returns."""
    command = [sys.executable, "-S", "-c", _CHILD, kind, f"{kind}.up"]
    output = None if kind == "inheriting" else subprocess.DEVNULL
    subprocess.Popen(command, start_new_session=True, stdout=output, stderr=output)
    do_await(f"{kind}.up")


def do_silence() -> None:
    """Close the standard output and the standard error, and live on."""
    os.close(1)
    os.close(2)


def do_watch() -> None:
    """End with the parent, as the real worker does."""
    from resources.worker_main import end_with_the_parent

    end_with_the_parent(JOB["rows_directory"])


def do_sleep(seconds: float) -> None:
    time.sleep(seconds)


def do_die(number: int) -> None:
    os.kill(os.getpid(), number)
    signal.pause()


def do_exit(code: int) -> None:
    os._exit(code)


if __name__ == "__main__":
    main(sys.argv[1])

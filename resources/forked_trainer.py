"""A trainer's script in a fork of this process: what `subprocess.Popen` is to the libraries.

On a CPU only: the fork has the libraries imported already, which are 8 seconds of every training,
and no CUDA to lose. On GPUs it is torchrun that starts the script.
"""

import os
import signal
import subprocess
import sys
from collections.abc import Sequence
from importlib import import_module
from multiprocessing import get_context
from pathlib import Path

_CHUNK = 1 << 16


class ForkedTrainer:
    """Runs `main()` of a module with these arguments; started when it is made."""

    def __init__(self, log_path: str, module: str, arguments: Sequence[str]) -> None:
        self._log_path, self._command = Path(log_path), [module, *arguments]
        self._output, inlet = os.pipe()
        self._process = get_context("fork").Process(target=_run, args=(self._command, inlet))
        self._process.start()
        os.close(inlet)

    def listen(self) -> None:
        """Copy what it prints to the log and to our output, until it closes both."""
        with self._log_path.open("wb") as log, open(self._output, "rb", buffering=0) as output:  # noqa: PTH123 - a descriptor
            while chunk := output.read(_CHUNK):
                log.write(chunk)
                sys.stdout.buffer.write(chunk)
                sys.stdout.flush()

    def poll(self) -> int | None:
        """Its exit code, or nothing while it runs."""
        return self._process.exitcode

    def wait(self, timeout: float | None = None) -> int:
        """Its exit code, once it has ended."""
        self._process.join(timeout)
        code = self._process.exitcode
        if code is None:
            raise subprocess.TimeoutExpired(self._command, timeout or 0)
        return code

    def terminate(self) -> None:
        """Ask it to end."""
        self._process.terminate()

    def kill(self) -> None:
        """End it."""
        self._process.kill()


def _run(command: Sequence[str], inlet: int) -> None:
    signal.signal(signal.SIGTERM, signal.SIG_DFL)  # a handler of ours is not the trainer's
    for descriptor in (sys.stdout.fileno(), sys.stderr.fileno()):
        os.dup2(inlet, descriptor)
    if threads := os.environ.get("OMP_NUM_THREADS"):  # set after torch had looked for it
        import_module("torch").set_num_threads(int(threads))
    sys.argv = list(command)
    import_module(command[0]).main()

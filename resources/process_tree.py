"""Ends every process of one training, wherever in the process tree it hides.

Each carries a mark in its environment, which children inherit. A process group would not do:
torchrun puts its workers into sessions of their own, and whatever outlives its parent belongs to
init. Only the processes of our own user can be read, which is also all that we may end.
"""

import os
import time
from collections.abc import Callable

import psutil  # type: ignore[import-untyped]

MARKER_VARIABLE = "OSFT_TRAINING_ID"
# Within the five seconds that a cancelled run may take, with room for killing what will not stop.
GRACE_SECONDS = 2.0
# Between the killing of one generation and the look for the children it left behind.
_LOOK_AGAIN_SECONDS = 0.05
_LONGEST_KILLING_SECONDS = 10.0


def kill_marked(marker: str, grace_seconds: float) -> None:
    """Ask every process that carries the mark to end; kill those that have not after the grace.

    The caller itself is spared. Returns when there are none left.
    """
    if not marker:
        raise ValueError("an empty mark would be every process that has none")
    asked: set[psutil.Process] = set()  # equal when pid and start agree, so a reused pid is not
    start = time.monotonic()
    while marked := _marked(marker):
        passed = time.monotonic() - start
        for process in marked:
            if passed >= grace_seconds:
                _signal(process.kill)
            elif process not in asked:
                asked.add(process)
                _signal(process.terminate)
        if passed > grace_seconds + _LONGEST_KILLING_SECONDS:
            return  # stuck in the kernel: nobody can end these
        time.sleep(_LOOK_AGAIN_SECONDS)


def _marked(marker: str) -> list[psutil.Process]:
    found = []
    for process in psutil.process_iter():
        try:
            carries = process.environ().get(MARKER_VARIABLE) == marker
            if carries and process.pid != os.getpid() and process.status() != psutil.STATUS_ZOMBIE:
                found.append(process)
        except (psutil.Error, OSError):
            continue  # ended meanwhile, or another user's
    return found


def _signal(send: Callable[[], None]) -> None:
    try:
        send()
    except psutil.NoSuchProcess:
        return

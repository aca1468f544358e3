"""What every worker module does around its work: the outcome, or why there is none, in a file.

Also the watch over the parent: when it is gone, nothing of the work may stay behind. What the files
are is `core.worker`; who reads them, `resources.child_process`.
"""

import os
import shutil
import stat
import threading
import traceback
from collections.abc import Callable
from pathlib import Path

from osft_assets.core.errors import ConfigError, OsftError
from osft_assets.core.records import Record
from osft_assets.core.worker import (
    CONFIG_EXIT,
    FAILURE_EXIT,
    OUTCOME_FILE,
    PROBLEM_FILE,
    WorkerProblem,
)
from osft_assets.core.worker_log import OWN_PREFIX
from resources.process_tree import GRACE_SECONDS, MARKER_VARIABLE, kill_marked

_STANDARD_INPUT = 0


def answer(
    directory: Path,
    work: Callable[[], Record | None],
    explain: Callable[[Exception], OsftError],
    give_up: Callable[[OsftError], int] | None = None,
) -> int:
    """The exit code, once the outcome or the problem is written. `explain` is for all but ours.

    No outcome: another process answers. `give_up` is for whoever writes problems another way.
    """
    give_up = give_up or (lambda problem: write_problem(directory / PROBLEM_FILE, problem))
    try:
        outcome = work()
    except OsftError as problem:
        return give_up(problem)
    except Exception as problem:  # noqa: BLE001 - or the parent would learn no more than "code 1"
        traceback.print_exc()
        return give_up(explain(problem))
    if outcome:
        _write(directory / OUTCOME_FILE, outcome.model_dump_json(indent=2))
    return 0


def write_problem(path: Path, problem: OsftError, *, is_aftermath: bool = False) -> int:
    """The exit code that says the same."""
    told = WorkerProblem(
        message=str(problem), is_transient=problem.is_transient, is_aftermath=is_aftermath
    )
    _write(path, told.model_dump_json())
    print(f"{type(problem).__name__}: {problem}", flush=True)  # noqa: T201 - for the log
    return CONFIG_EXIT if isinstance(problem, ConfigError) else FAILURE_EXIT


def say(line: str) -> None:
    """Tell whoever follows the run; all else that is printed is only in the log."""
    print(f"{OWN_PREFIX}{line}", flush=True)  # noqa: T201 - the parent reads it


def end_with_the_parent(temporary_directory: str = "") -> None:
    """When the pipe to our standard input closes, whoever started us is gone: so are we.

    The temporary files may be in shared memory, where nobody else would ever remove them.
    """
    if not stat.S_ISFIFO(os.fstat(_STANDARD_INPUT).st_mode):
        return  # started by hand
    threading.Thread(target=_await_the_end, args=[temporary_directory], daemon=True).start()


def _await_the_end(temporary_directory: str) -> None:
    # os.read, since sys.stdin.read would hold a lock that the interpreter wants as it ends.
    while os.read(_STANDARD_INPUT, 1024):
        pass
    kill_marked(os.environ[MARKER_VARIABLE], GRACE_SECONDS)
    if temporary_directory:
        shutil.rmtree(temporary_directory, ignore_errors=True)
    os._exit(1)


def _write(path: Path, text: str) -> None:
    partial = path.with_suffix(".partial")
    partial.write_text(text)
    partial.replace(path)

"""Runs a process, measures it, and holds figures against targets.

CPU seconds, not wall clock: other work on the machine changes how long a run takes, but hardly
what it costs.
"""

import os
import platform
import subprocess
import sys
import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import median

_REPOSITORY = Path(__file__).parents[1]


@dataclass(frozen=True)
class Usage:
    """What a process cost, and what it printed."""

    cpu_seconds: float  # user and system
    peak_bytes: float
    output: str = ""
    wall_seconds: float = 0.0


@dataclass(frozen=True)
class Target:
    """A figure and the most it may be."""

    name: str
    measured: float
    limit: float
    unit: str = ""

    @property
    def is_met(self) -> bool:
        return self.measured <= self.limit

    def __str__(self) -> str:
        verdict = "ok" if self.is_met else "MISSED"
        return (
            f"{verdict:<7} {self.name}: {self.measured:.3g}{self.unit} (target <= {self.limit:g})"
        )


def run_python(*arguments: str) -> Usage:
    """Run a fresh interpreter to its end; RuntimeError when it fails."""
    # A child's peak begins at its parent's, so whoever calls this must stay small.
    command, start = [sys.executable, *arguments], time.monotonic()
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=_REPOSITORY) as process:
        assert process.stdout is not None
        output = process.stdout.read()
        _, status, used = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise RuntimeError(f"{' '.join(command)} ended with {process.returncode}. See above")
    wall_seconds = time.monotonic() - start
    return Usage(used.ru_utime + used.ru_stime, used.ru_maxrss * 1024, output, wall_seconds)


def median_usage(runs: Sequence[Usage]) -> Usage:
    """The median of each figure, with the output of the first run."""
    return Usage(
        median(run.cpu_seconds for run in runs),
        median(run.peak_bytes for run in runs),
        runs[0].output,
        median(run.wall_seconds for run in runs),
    )


def machine() -> str:
    """As much about this machine as the figures need."""
    return f"Python {platform.python_version()}, {os.cpu_count()} cores"


def report(targets: Iterable[Target]) -> int:
    """Print a line for each target; the exit status."""
    missed = 0
    for target in targets:
        print(target)
        missed += not target.is_met
    return int(missed > 0)

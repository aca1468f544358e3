"""Trains in a child process: the `Trainer` that the assets get.

The child runs `resources.training_worker`. Here its lines and its metric file are followed, its
time is limited, and whatever ends this (an error, an interrupt, a cancelled run) ends it and every
process below it. When this process itself is killed, the worker sees its standard input close.
"""

import multiprocessing
import os
import selectors
import shutil
import subprocess
import sys
import time
import uuid
from collections.abc import Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

from osft_assets.core.errors import ConfigError, TrainingError
from osft_assets.core.ports import Trainer, TrainingWatch
from osft_assets.core.training_job import (
    CONFIG_EXIT,
    JOB_FILE,
    OUTCOME_FILE,
    PROBLEM_FILE,
    TrainingJob,
    TrainingOutcome,
    WorkerProblem,
)
from osft_assets.core.training_progress import duration
from osft_assets.core.training_steps import METRIC_FILES, StepReader
from resources.library_versions import TRAINING_LIBRARIES, library_versions
from resources.line_tail import LineTail
from resources.process_tree import GRACE_SECONDS, MARKER_VARIABLE, kill_marked

_LOOK_EVERY_SECONDS = 0.2


@dataclass(frozen=True)
class TrainingProcess:
    """Training on this machine, by a module that is run as the child process."""

    worker: str = "resources.training_worker"

    def versions(self) -> dict[str, str]:
        """The trainers and what they compute with."""
        return library_versions(TRAINING_LIBRARIES)

    def train(self, job: TrainingJob, watch: TrainingWatch) -> TrainingOutcome:
        """One child process, from its start to its end."""
        directory = Path(job.directory)
        (directory / JOB_FILE).write_text(job.model_dump_json(indent=2))
        marker = uuid.uuid4().hex
        process = self._started(directory / JOB_FILE, job, marker)
        try:
            with closing(_Following(process, job, watch)) as following:
                following.until_it_ends()
        finally:
            _end(process, marker)
            shutil.rmtree(job.rows_directory, ignore_errors=True)
        return _outcome(process.returncode, directory)

    def _started(self, job_path: Path, job: TrainingJob, marker: str) -> subprocess.Popen[bytes]:
        environment = {
            **os.environ,
            **job.env_vars,
            MARKER_VARIABLE: marker,
            "PYTHONUNBUFFERED": "1",
        }
        if job.gpu == 0:
            environment["CUDA_VISIBLE_DEVICES"] = ""
        return subprocess.Popen(
            [sys.executable, "-m", self.worker, str(job_path)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            env=environment,
            start_new_session=True,  # Ctrl-C is ours to handle
        )


class _Following:
    """Passes lines and steps on until the child has ended."""

    def __init__(
        self, process: subprocess.Popen[bytes], job: TrainingJob, watch: TrainingWatch
    ) -> None:
        assert process.stdout is not None
        self._process, self._watch, self._recipe = process, watch, job.recipe
        self._output = LineTail(process.stdout.fileno())
        self._metrics_path = Path(job.directory) / METRIC_FILES[job.algorithm]
        self._metrics: LineTail | None = None
        self._reader = StepReader(job.algorithm, job.recipe["num_epochs"])
        self._start = self._last_sign = time.monotonic()

    def until_it_ends(self) -> None:
        """Return when the child has exited and all it wrote is read."""
        with selectors.DefaultSelector() as selector:
            selector.register(self._output.descriptor, selectors.EVENT_READ)
            while self._process.poll() is None:
                selector.select(_LOOK_EVERY_SECONDS)
                self._pass_on(self._output.lines())
                self._refuse_overtime()
                _refuse_a_dead_run()
                if self._output.ended:  # or an end of file would wake us without pause
                    time.sleep(_LOOK_EVERY_SECONDS)
        self._pass_on([*self._output.lines(), *self._output.rest()])
        while self._metrics and not self._metrics.ended:
            self._pass_on([])

    def close(self) -> None:
        """No more is read."""
        if self._metrics:
            os.close(self._metrics.descriptor)

    def _pass_on(self, lines: Sequence[str]) -> None:
        for line in lines:
            self._watch.say(line)
        if self._metrics is None and self._metrics_path.exists():
            self._metrics = LineTail(os.open(self._metrics_path, os.O_RDONLY))
        steps = self._reader.read(self._metrics.lines()) if self._metrics else []
        for step in steps:
            self._watch.step(step)
        if lines or steps:
            self._last_sign = time.monotonic()

    def _refuse_overtime(self) -> None:
        now = time.monotonic()
        for name, since, what in (
            ("stall_timeout_minutes", self._last_sign, "said nothing"),
            ("timeout_minutes", self._start, "has been running"),
        ):
            limit = self._recipe[name] * 60
            if limit and now - since > limit:
                raise TrainingError(
                    f"Training {what} for {duration(now - since)} and was stopped. Look at its "
                    f"log, or raise {name} ({self._recipe[name]:g})"
                )


def _refuse_a_dead_run() -> None:
    """A step of a run is a process below the run's own, which lives on when that one is killed."""
    run = multiprocessing.parent_process()
    if run is not None and not run.is_alive():
        raise TrainingError("The run that this training belongs to is gone. Launch it again")


def _end(process: subprocess.Popen[bytes], marker: str) -> None:
    assert process.stdin is not None
    assert process.stdout is not None
    kill_marked(marker, GRACE_SECONDS)
    process.kill()  # a process can overwrite its mark; nothing happens to one that has ended
    process.wait()
    process.stdin.close()
    process.stdout.close()


def _outcome(exit_code: int, directory: Path) -> TrainingOutcome:
    problem_path, outcome_path = directory / PROBLEM_FILE, directory / OUTCOME_FILE
    if exit_code == 0 and outcome_path.exists():
        return TrainingOutcome.model_validate_json(outcome_path.read_bytes())
    if problem_path.exists():
        problem = WorkerProblem.model_validate_json(problem_path.read_bytes())
        raise (ConfigError if exit_code == CONFIG_EXIT else TrainingError)(problem.message)
    if exit_code == -9:
        raise TrainingError(
            "The training process was killed (signal 9), which is what happens when memory runs "
            "out. Lower max_tokens_per_gpu, or give it more memory"
        )
    how = f"by signal {-exit_code}" if exit_code < 0 else f"with code {exit_code}"
    raise TrainingError(f"The training process ended {how} and did not say why")


_: type[Trainer] = TrainingProcess

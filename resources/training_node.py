"""Trains as one of the pods of a TrainJob: what is different from a worker with a parent.

Every pod runs `resources.training_worker` on the same job. Each has a directory of its own for what
its trainer writes; the first pod alone verifies, certifies and answers for all. Which pod this is,
`core.training_node` reads; what ends it early, `resources.training_watch`.
"""

import os
import shutil
import time
from collections.abc import Callable
from pathlib import Path

from osft_assets.core.errors import OsftError, TrainingError
from osft_assets.core.training_job import TrainingJob, TrainingOutcome
from osft_assets.core.training_node import (
    Node,
    is_aftermath,
    node_of,
    own_job,
    refuse_other_versions,
)
from osft_assets.core.worker import FAILURE_EXIT, JOB_FILE, OUTCOME_FILE, problem_file
from resources.library_versions import installed_versions
from resources.mounted_secrets import take_secrets
from resources.training_environment import prepare_environment
from resources.training_verification import remove_an_ended_attempt
from resources.training_watch import Watch
from resources.worker_main import answer, write_problem

# A trainer takes half a minute to end its other processes before it says what the first died of.
_LONGEST_WAIT_FOR_THE_CAUSE_SECONDS = 60.0
_LOOK_EVERY_SECONDS = 0.5
Train = Callable[[TrainingJob, Node], TrainingOutcome | None]


def train_as_a_node(
    job: TrainingJob, train: Train, explain: Callable[[Exception], OsftError]
) -> int:
    """The exit code, once the outcome of all pods or the problem of this one is written."""
    directory = Path(job.directory)
    os.umask(0o002)  # whoever follows may be another user of our group, and moves what we write
    try:
        node = node_of(job, os.environ)
    except OsftError as problem:
        return write_problem(directory / problem_file(0), problem)
    own = own_job(job, node)
    watch = Watch(directory, node, Path(own.rows_directory))
    # Pods may be started again, by their runtime or after a preemption.
    if (directory / OUTCOME_FILE).exists():
        return 0
    if (directory / problem_file(node.rank)).exists():
        return FAILURE_EXIT
    watch.start()

    def work() -> TrainingOutcome | None:
        _get_ready(job, own, node)
        return train(own, node)

    try:
        return answer(directory, work, explain, lambda problem: _give_up(problem, watch))
    finally:
        watch.stop()
        shutil.rmtree(own.rows_directory, ignore_errors=True)


def refuse_a_trainer_that_never_ran(own: TrainingJob) -> None:
    """Some failures to start look like success; the first pod would wait for this one for ever."""
    if not any(path.stat().st_size for path in Path(own.directory).glob("training_*.jsonl")):
        raise TrainingError("The trainer ended without a single step. Look at the pod's log")


def _get_ready(job: TrainingJob, own: TrainingJob, node: Node) -> None:
    refuse_other_versions(job, installed_versions(list(job.versions)))
    take_secrets(os.environ, job.env_vars)
    shutil.rmtree(own.rows_directory, ignore_errors=True)
    directory = Path(own.directory)
    if node.is_first:
        remove_an_ended_attempt(directory)
    else:
        shutil.rmtree(directory, ignore_errors=True)
        directory.mkdir(exist_ok=True)
        (directory / JOB_FILE).write_text(own.model_dump_json(indent=2))
    prepare_environment(os.environ, own)


def _give_up(problem: OsftError, watch: Watch) -> int:
    watch.stop()
    path = watch.directory / problem_file(watch.node.rank)
    if not is_aftermath(problem):
        return write_problem(path, problem)
    end = time.monotonic() + _LONGEST_WAIT_FOR_THE_CAUSE_SECONDS
    while time.monotonic() < end:
        if any(watch.other_problems()):
            return FAILURE_EXIT  # told already, by the pod that knows
        time.sleep(_LOOK_EVERY_SECONDS)
    return write_problem(path, problem, is_aftermath=True)

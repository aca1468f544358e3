"""Trains in a child process: the `Trainer` that the assets get.

The child runs `resources.training_worker`. How its lines and its metric file are passed on is
`resources.training_following`; how a child is limited and ended, `resources.child_process`.
"""

import os
import shutil
import sys
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

from osft_assets.core.errors import TrainingError
from osft_assets.core.ports import Trainer, TrainingWatch
from osft_assets.core.training_job import TrainingJob, TrainingOutcome
from osft_assets.core.training_placement import refuse_what_needs_a_cluster
from osft_assets.core.worker import JOB_FILE, OUTCOME_FILE
from resources.child_process import Work, child, follow, raise_failure
from resources.library_versions import TRAINING_LIBRARIES, library_versions
from resources.training_following import TrainingFollowing


@dataclass(frozen=True)
class TrainingProcess:
    """Training on this machine, by a module that is run as the child process."""

    worker: str = "resources.training_worker"
    in_pod: bool = False

    def versions(self) -> dict[str, str]:
        """The trainers and what they compute with."""
        return library_versions(TRAINING_LIBRARIES)

    def train(self, job: TrainingJob, watch: TrainingWatch) -> TrainingOutcome:
        """One child process, from its start to its end."""
        job = job.model_copy(update={"in_pod": self.in_pod})
        # How many GPUs there are, only the child can tell: that needs torch.
        refuse_what_needs_a_cluster(job)
        directory = Path(job.directory)
        (directory / JOB_FILE).write_text(job.model_dump_json(indent=2))
        command = [sys.executable, "-m", self.worker, str(directory / JOB_FILE)]
        work = _work(job)
        try:
            with (
                child(command, _environment(job)) as process,
                closing(TrainingFollowing(job, watch)) as following,
            ):
                follow(process, work, following.pass_on)
                following.to_the_end()
        finally:
            shutil.rmtree(job.rows_directory, ignore_errors=True)
        outcome_path = directory / OUTCOME_FILE
        if process.returncode != 0 or not outcome_path.exists():
            raise_failure(process.returncode, directory, work)
        return TrainingOutcome.model_validate_json(outcome_path.read_bytes())


def _environment(job: TrainingJob) -> dict[str, str]:
    environment = {**os.environ, **job.env_vars}
    if job.gpu == 0:
        environment["CUDA_VISIBLE_DEVICES"] = ""
    return environment


def _work(job: TrainingJob) -> Work:
    return Work(
        "Training",
        TrainingError,
        "Lower max_tokens_per_gpu",
        job.recipe["stall_timeout_minutes"],
        job.recipe["timeout_minutes"],
    )


_: type[Trainer] = TrainingProcess

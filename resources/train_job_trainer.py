"""Trains as a TrainJob of Kubeflow Trainer, or lets another trainer do it: the assets' `Trainer`.

Here the parts of one training come together, in their order. What is asked for and what a state
means is `osft_assets.core.train_jobs`; how it is made and followed, the files beside this one; what
runs in its pods, `resources.training_worker`. Which trainings it is for: docs/trainjobs.md.
"""

from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path

from osft_assets.core.errors import ConfigError
from osft_assets.core.ports import Trainer, TrainingWatch
from osft_assets.core.train_jobs.files import TRAIN_JOBS, mounts_of
from osft_assets.core.train_jobs.name import train_job_name
from osft_assets.core.train_jobs.place import TrainJobPlace
from osft_assets.core.train_jobs.request import TrainJobRequest
from osft_assets.core.train_jobs.settings import refuse_what_a_runtime_says
from osft_assets.core.training_job import TrainingJob, TrainingOutcome
from osft_assets.core.worker_log import OWN_PREFIX
from osft_assets.core.workspace import Workspace
from resources.cluster_connection import find_connection
from resources.train_job_api import ApiError, TrainJobApi
from resources.train_job_creation import TrainJobCreation
from resources.train_job_directory import TrainJobDirectory
from resources.train_job_following import TrainJobFollowing
from resources.train_job_pace import Pace
from resources.train_job_types import refuse_wrong_types


@dataclass(frozen=True)
class TrainJobTrainer:
    """`here` trains what is no TrainJob, and says the versions of all."""

    workspace: Workspace
    here: Trainer
    place: TrainJobPlace
    pace: Pace = Pace()

    def versions(self) -> Mapping[str, str]:
        """Of the trainers here: the pods refuse to be other ones."""
        return self.here.versions()

    def train(self, job: TrainingJob, watch: TrainingWatch) -> TrainingOutcome:
        """In the pods of a TrainJob, or here."""
        if not (self.place.always or (self.place.in_pod and job.workers > 1)):
            return self.here.train(job, watch)
        name = train_job_name(job)
        spread = self._spread(job, name)
        refuse_what_a_runtime_says(spread, self.place.runtime)
        mounts = mounts_of(spread, self.workspace)
        request = TrainJobRequest(name, spread, self.place, mounts, Path(spread.directory))
        body = request.body()
        refuse_wrong_types(body)
        directory = TrainJobDirectory(self.workspace, name, self.pace)

        def say(words: str) -> None:
            watch.say(f"{OWN_PREFIX}{words}")

        with closing(self._connect()) as api:
            creation = TrainJobCreation(api, directory, body, spread, self.pace, say)
            is_there = creation.is_there()
            with _ended(creation):
                if not is_there:
                    creation.make()
                directory.renew()
                self._sweep(api, directory)
                following = TrainJobFollowing(api, directory, spread, watch, self.pace)
                outcome = following.to_the_end()
        directory.hand_over(Path(job.directory))
        return outcome

    def _spread(self, job: TrainingJob, name: str) -> TrainingJob:
        """The job as its nodes read it."""
        directory = self.workspace.root / TRAIN_JOBS / name
        rows = Path(job.rows_directory)
        told = {"directory": str(directory), "is_spread": True}
        if rows.is_relative_to(job.directory):
            told["rows_directory"] = str(directory / rows.relative_to(job.directory))
        return job.model_copy(update=told)

    def _connect(self) -> TrainJobApi:
        try:
            connection = find_connection()
        except ImportError:
            raise ConfigError(
                "Training over several pods needs Kubernetes' client. pip install "
                "'osft-assets[kubernetes]'"
            ) from None
        namespace = self.place.namespace or connection.namespace
        if not namespace:
            raise ConfigError(
                f"In which namespace to train, neither OSFT_NAMESPACE nor {connection.whom} says. "
                "Set OSFT_NAMESPACE"
            )
        return TrainJobApi(connection.settings, namespace)

    def _sweep(self, api: TrainJobApi, directory: TrainJobDirectory) -> None:
        """End what killed steps left: nobody has followed it, and nobody came back."""
        for name in directory.left_behind():
            try:
                api.delete(name)
                is_gone = api.read(name) is None
            except ApiError:  # the next training tries again
                return
            if is_gone:
                TrainJobDirectory(self.workspace, name, self.pace).remove()


@contextmanager
def _ended(creation: TrainJobCreation) -> Iterator[None]:
    """However the block ends, the TrainJob does. Its directory stays for who takes it over."""
    try:
        yield
    except BaseException:
        # Nodes that cannot be deleted now write there until they see that nobody follows them.
        if creation.end():
            creation.directory.remove()
        raise
    creation.end()


_: type[Trainer] = TrainJobTrainer

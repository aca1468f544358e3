"""Makes a TrainJob, or finds the one that an earlier process of the same step made.

What it shall be is `core.train_jobs.request`; which dialect the cluster speaks is found out by a
dry run. How it ends is here too, as both wait for it to be gone.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeVar

from osft_assets.core.errors import ConfigError, OsftError, TrainingError
from osft_assets.core.pods.findings import Json, condition
from osft_assets.core.train_jobs.dialects import GRACE, NEWEST, OLDER, lost_fields, older
from osft_assets.core.train_jobs.name import MANAGER, RUN_LABEL
from osft_assets.core.training_job import TrainingJob
from resources.train_job_api import CONFLICT, FORBIDDEN, GONE, INVALID, ApiError, TrainJobApi
from resources.train_job_directory import TrainJobDirectory
from resources.train_job_pace import Pace

_Answer = TypeVar("_Answer")
_MANAGED_BY = "app.kubernetes.io/managed-by"


@dataclass
class TrainJobCreation:
    """Of one TrainJob. `body`: in the newest dialect. `job`: as the nodes shall read it."""

    api: TrainJobApi
    directory: TrainJobDirectory
    body: Json
    job: TrainingJob
    pace: Pace
    say: Callable[[str], None]
    _may_exist: bool = False

    @property
    def name(self) -> str:
        """Of the TrainJob."""
        return str(self.body["metadata"]["name"])

    def is_there(self) -> bool:
        """Whether there is one to follow, or its outcome; what is in the way of one is deleted."""
        found = self._patiently(lambda: self.api.read(self.name))
        if found is None:
            if self.directory.outcome() is None:
                return False
            self.say(f"The TrainJob {self.name} ended before this step began")
            return True
        self._refuse_a_stranger(found)
        self._may_exist = True
        is_over = found["metadata"].get("deletionTimestamp") or condition(found, "Failed")
        if is_over or not self.directory.has_begun:
            self.end()
            return False
        self.say(f"The TrainJob {self.name} is there already: it goes on")
        return True

    def make(self) -> None:
        """One, with a directory to train in."""
        self.directory.begin(self.job)
        try:
            body = self._patiently(self._in_its_dialect)
            self._may_exist = True
            self._patiently(lambda: self.api.create(body))
        except _ExistsError:
            # Made by a request whose answer was lost: the name is of this run and this training.
            self._may_exist = True
        self.say(f"Created the TrainJob {self.name} in the namespace {self.api.namespace}")

    def end(self) -> bool:
        """Delete it and wait until it and its pods are gone; whether they are."""
        deadline = self.pace.clock() + self.pace.gone_seconds
        is_told, problem = False, ""
        while self._may_exist:
            try:
                if not is_told:
                    self.api.delete(self.name)
                    is_told = True
                self._may_exist = self.api.read(self.name) is not None
            except ApiError as refusal:
                problem = f" ({refusal})"
            if self._may_exist and self.pace.clock() > deadline:
                self.say(
                    f"The TrainJob {self.name} is still there{problem}. Its pods end by themselves "
                    "when nobody follows them; or delete it: kubectl -n "
                    f"{self.api.namespace} delete trainjob {self.name}"
                )
                return False
            if self._may_exist:
                self.pace.pause(self.pace.look_seconds)
        return True

    def _refuse_a_stranger(self, found: Json) -> None:
        labels, ours = found["metadata"].get("labels") or {}, self.body["metadata"]["labels"]
        if any(labels.get(name) != ours.get(name) for name in (_MANAGED_BY, RUN_LABEL)):
            raise ConfigError(
                f"A TrainJob {self.name} is there, and not ours: its labels {_MANAGED_BY} and "
                f"{RUN_LABEL} say something else than {MANAGER} and this run. Delete it, or launch "
                "the run again"
            )

    def _in_its_dialect(self) -> Json:
        for body, field in ((self.body, NEWEST), (older(self.body), OLDER)):
            lost = list(lost_fields(body, self.api.create(body, dry_run=True)))
            if field in lost:
                continue
            if missing := [each for each in lost if self._was_asked_for(each)]:
                raise ConfigError(
                    f"The Kubeflow Trainer of this cluster does not know {missing[0]}, and would "
                    "drop it. Set it in the training runtime instead, or update Trainer"
                )
            return body
        raise ConfigError(
            f"The Kubeflow Trainer of this cluster knows neither {NEWEST} nor {OLDER}, so the pods "
            "would have no workspace. Install Trainer 2.1 or later"
        )

    def _was_asked_for(self, lost: str) -> bool:
        return not lost.endswith(f".{GRACE}") or GRACE in self.job.pod["more"]

    def _patiently(self, ask: Callable[[], _Answer]) -> _Answer:
        """The answer, asked for again while the API is away."""
        start, wait = self.pace.clock(), self.pace.look_seconds
        while True:
            try:
                return ask()
            except ApiError as problem:
                if problem.status == CONFLICT:
                    raise _ExistsError from problem
                late = self.pace.clock() - start > self.pace.away_seconds
                if not problem.may_pass or late:
                    raise _explained(problem, self.api.namespace) from problem
            self.pace.pause(wait)
            wait = min(wait * 2, self.pace.longest_back_off_seconds)


class _ExistsError(Exception):
    """There is one of that name."""


def _explained(problem: ApiError, namespace: str) -> OsftError:
    if problem.status in FORBIDDEN:
        return ConfigError(
            f"Training over several pods: {problem}. Check the token or the service account, and "
            f"that its role in {namespace} allows to create, get, list and delete trainjobs"
        )
    if problem.status == GONE:
        return ConfigError(
            f"Training over several pods: {problem}. Install Kubeflow Trainer (TrainJobs of "
            f"trainer.kubeflow.org/v1alpha1), and look whether there is a namespace {namespace}; "
            "or set pod.workers: 1"
        )
    if problem.status in INVALID:
        return ConfigError(
            f"The TrainJob is refused: {problem}. Correct pod, or OSFT_TRAIN_RUNTIME"
        )
    return TrainingError(
        f"The TrainJob cannot be made: {problem}. Look at the cluster", transient=problem.may_pass
    )

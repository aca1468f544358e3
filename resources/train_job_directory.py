"""Where a training over several pods happens: `train_jobs/NAME` in the workspace, and its lease.

Not in the draft of the checkpoint: that one is gone when its step is, and a step that is started
again finds its training here. The lease says that somebody follows it (`core.worker`).
"""

import os
import shutil
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

from pydantic import ValidationError

from osft_assets.core.train_jobs.failures import NodeProblem
from osft_assets.core.train_jobs.files import TRAIN_JOBS
from osft_assets.core.training_job import TrainingJob, TrainingOutcome
from osft_assets.core.worker import (
    JOB_FILE,
    LEASE_FILE,
    OUTCOME_FILE,
    WorkerProblem,
    problem_file,
)
from osft_assets.core.workspace import Workspace
from resources.train_job_pace import Pace


class TrainJobDirectory:
    """Of one TrainJob."""

    def __init__(self, workspace: Workspace, name: str, pace: Pace) -> None:
        self.path = workspace.root / TRAIN_JOBS / name
        self._pace, self._renewed = pace, -1e9

    def begin(self, job: TrainingJob) -> None:
        """Empty, with the job in it."""
        self.remove()
        self.path.mkdir(parents=True)
        self.path.chmod(0o775)  # the pods may be another user of our group, as on OpenShift
        self._touch()
        (self.path / JOB_FILE).write_text(job.model_dump_json(indent=2))

    @property
    def has_begun(self) -> bool:
        """Whether there is a job in it."""
        return (self.path / JOB_FILE).exists()

    def renew(self) -> None:
        """Tell the nodes that somebody follows them, as often as they need it."""
        now = self._pace.clock()
        if now - self._renewed >= self._pace.lease_every_seconds:
            self._renewed = now
            with suppress(OSError):  # a filesystem in trouble has as long as the nodes wait
                self._touch()

    def left_behind(self) -> Iterator[str]:
        """The names of others that nobody has followed for as long as their nodes wait."""
        now = (self.path / LEASE_FILE).stat().st_mtime  # the filesystem's clock, not ours
        for other in sorted(self.path.parent.iterdir()):
            if other != self.path and now - _last_followed(other) > self._pace.lease_seconds:
                yield other.name

    def outcome(self) -> TrainingOutcome | None:
        """What the first node wrote last of all; None while there is none to read."""
        try:
            os.listdir(self.path)  # noqa: PTH208 - NFS asks its server anew then
            return TrainingOutcome.model_validate_json((self.path / OUTCOME_FILE).read_bytes())
        except (OSError, ValidationError):
            return None

    def problems(self, nodes: int) -> list[NodeProblem]:
        """What the nodes left, the earliest first."""
        found: list[tuple[int, NodeProblem]] = []
        for rank in range(nodes):
            path = self.path / problem_file(rank)
            try:
                told = WorkerProblem.model_validate_json(path.read_bytes())
                found.append((path.stat().st_mtime_ns, NodeProblem(rank, told)))
            except (OSError, ValidationError):
                continue
        return [problem for _, problem in sorted(found, key=lambda each: each[0])]

    def hand_over(self, target: Path) -> None:
        """Become `target`, which is empty: in one step, or a kill would leave half of each."""
        self.path.rename(target)
        (target / LEASE_FILE).unlink(missing_ok=True)

    def remove(self) -> None:
        """With all that is in it."""
        shutil.rmtree(self.path, ignore_errors=True)

    def _touch(self) -> None:
        (self.path / LEASE_FILE).touch()


def _last_followed(directory: Path) -> float:
    for path in (directory / LEASE_FILE, directory):
        try:
            return path.stat().st_mtime
        except OSError:
            continue
    return float("inf")  # gone just now

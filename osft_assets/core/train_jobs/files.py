"""Which files the pods of a TrainJob share with the step: what is mounted where, and what is not.

The step and the pods see the workspace below the same path, so that every path in the job is true
in both. How mounts become fields of a pod is `train_jobs.request`.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import unquote, urlsplit

from osft_assets.core.errors import ConfigError
from osft_assets.core.training_job import TrainingJob
from osft_assets.core.workspace import Workspace

TRAIN_JOBS = "train_jobs"  # the directory in the workspace


@dataclass(frozen=True)
class Mount:
    """A claim, or a directory in it, and the path it has in the pods."""

    claim: str
    path: Path
    directory: str = ""


def mounts_of(job: TrainingJob, workspace: Workspace) -> tuple[Mount, ...]:
    """The workspace first. ConfigError where the pods would not find the job's files."""
    more = [Mount(claim, Path(path)) for claim, path in job.pod["volumes"].items()]
    mounts = _workspace_mount(workspace), *(each for each in more if each.path != workspace.root)
    _refuse_files_elsewhere(job, mounts)
    return mounts


def _workspace_mount(workspace: Workspace) -> Mount:
    address = urlsplit(workspace.address)
    if address.scheme != "pvc":
        found = f"is {workspace.address}" if workspace.address else "is not set"
        raise ConfigError(
            f"OSFT_WORKSPACE_URI {found}, but a TrainJob's pods must mount the workspace "
            f"{workspace.root}. Set it to pvc://CLAIM/PATH: the volume claim that the workspace is "
            "on, and its path there"
        )
    return Mount(address.netloc, workspace.root, unquote(address.path).strip("/"))


def _refuse_files_elsewhere(job: TrainingJob, mounts: Sequence[Mount]) -> None:
    needed = {"The base model": job.model.path, "The training rows": job.train_path}
    if job.holdout_rows:
        needed["The holdout rows"] = job.holdout_path
    for what, path in needed.items():
        if not any(_is_below(Path(path), mount.path) for mount in mounts):
            raise ConfigError(
                f"{what} {path}: the pods of a TrainJob cannot see that. They mount "
                f"{', '.join(str(mount.path) for mount in mounts)}. Copy it into the workspace, or "
                "name the claim that it is on in pod.volumes, with the path it has here"
            )


def _is_below(path: Path, mount: Path) -> bool:
    """Under its own name, and where links lead to: both must be there in the pods."""
    return path.is_relative_to(mount) and path.resolve().is_relative_to(mount.resolve())

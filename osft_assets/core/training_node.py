"""One of the pods that train together: which one it is, and what of the job is its own.

Kubeflow Trainer tells each pod by the variables that torchrun reads. Training Hub is told the same
in arguments: the first pod leads, and the ranks are fixed. What a pod does around its training is
`resources.training_node`.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from osft_assets.core.errors import ConfigError, OsftError
from osft_assets.core.training_job import TrainingJob

# What a trainer says whose peers are gone, as NCCL, gloo and the store of the ranks word it.
_PEERS_ARE_GONE = re.compile(
    r"NCCL|closed by peer|reset by peer|Broken pipe|Connection refused|remote process|"
    r"DistNetworkError|DistStoreError|TCPStore|Signal 15|exited with code -15|SIGTERM"
)


@dataclass(frozen=True)
class Node:
    """One of `count` pods. `address` and `port`: of the first one, where there are several."""

    rank: int = 0
    count: int = 1
    address: str = ""
    port: int = 0

    @property
    def is_first(self) -> bool:
        """Whether it answers for all."""
        return self.rank == 0


ALONE = Node()


def node_of(job: TrainingJob, environment: Mapping[str, str]) -> Node:
    """Which of the pods this is. ConfigError when they are not as many as the job says."""
    if not job.is_spread:
        return ALONE
    count = _number("PET_NNODES", environment)
    if count != job.workers:
        raise ConfigError(
            f"PET_NNODES is {count}, but pod.workers is {job.workers}: the training runtime has "
            "another number of pods. Take numNodes out of it, or set pod.workers to the same"
        )
    rank = _number("PET_NODE_RANK", environment)
    if rank >= count:
        raise ConfigError(f"PET_NODE_RANK is {rank}, expected less than PET_NNODES ({count})")
    if count == 1:
        return ALONE
    address = environment.get("PET_MASTER_ADDR", "")
    if not address:
        raise _not_from_trainer("PET_MASTER_ADDR", "")
    return Node(rank, count, address, _number("PET_MASTER_PORT", environment))


def own_job(job: TrainingJob, node: Node) -> TrainingJob:
    """The same job with a place of its own for this pod's files; the first one's is the job's.

    All share a filesystem, and the trainers of all would write one training_params.json, one set of
    tokenised rows, one cache.
    """
    if node.is_first:
        return job
    own = {
        "directory": str(Path(job.directory) / f"node-{node.rank}"),
        "rows_directory": f"{job.rows_directory}-{node.rank}",
        "node": node.rank,
    }
    return job.model_copy(update=own)


def common_directory(job: TrainingJob) -> Path:
    """Of all pods, from the own job of one."""
    directory = Path(job.directory)
    return directory.parent if job.node else directory


def refuse_other_versions(job: TrainingJob, installed: Mapping[str, str]) -> None:
    """ConfigError when the image has other trainers than the checkpoint's fingerprint says."""
    wrong = [
        f"{name} {installed.get(name, 'not at all')} instead of {wanted}"
        for name, wanted in job.versions.items()
        if installed.get(name) != wanted
    ]
    if wrong:
        raise ConfigError(
            f"The image of the training's pods has {', '.join(wrong)}: the checkpoint would not be "
            "what its fingerprint says. Set OSFT_TRAINER_IMAGE, or pod.image, to an image with the "
            "same versions as where the step runs"
        )


def is_aftermath(problem: OsftError) -> bool:
    """Whether another pod's end is the likely cause: that pod knows better why."""
    return not isinstance(problem, ConfigError) and bool(_PEERS_ARE_GONE.search(str(problem)))


def _number(name: str, environment: Mapping[str, str]) -> int:
    value = environment.get(name, "")
    if not value.isdecimal():
        raise _not_from_trainer(name, value)
    return int(value)


def _not_from_trainer(name: str, value: str) -> ConfigError:
    found = f"is {value!r}" if value else "is not set"
    return ConfigError(
        f"{name} {found} in a pod of the training, where Kubeflow Trainer says how the pods find "
        "each other. Give the training runtime mlPolicy.torch"
    )

"""Several workers as the pods of a TrainJob: each has the variables that Kubeflow Trainer gives."""

import os
import socket
import subprocess
import sys
import uuid
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from osft_assets.core.training_job import TrainingJob
from resources.process_tree import MARKER_VARIABLE, kill_marked
from tests.training.runs import Run

GLOO_WORKER = (sys.executable, "-m", "tests.training.gloo_worker")
_LONGEST_TRAINING_SECONDS = 280


def train_on_two(job: TrainingJob, command: Sequence[str] = GLOO_WORKER) -> tuple[Run, Run]:
    """Both pods' ends, the first one's first."""
    with started(job, command) as pods:
        for pod in pods:
            pod.wait(_LONGEST_TRAINING_SECONDS)
        return _ended(job, 0, pods[0]), _ended(job, 1, pods[1])


@contextmanager
def started(
    job: TrainingJob, command: Sequence[str] = GLOO_WORKER, **environment: str
) -> Iterator[list[subprocess.Popen[bytes]]]:
    """The pods of the job, which are gone when the block ends."""
    directory = Path(job.directory)
    directory.mkdir(parents=True, exist_ok=True)
    (directory / "job.json").write_text(job.model_dump_json())
    port = _free_port()
    markers = [uuid.uuid4().hex for _ in range(job.workers)]
    pods = [
        _start(
            job, command, {**_pod(rank, job.workers, port), **environment, MARKER_VARIABLE: mark}
        )
        for rank, mark in enumerate(markers)
    ]
    try:
        yield pods
    finally:
        for pod, marker in zip(pods, markers, strict=True):
            kill_marked(marker, 0)
            pod.wait(10)


def marker_of(pod: subprocess.Popen[bytes]) -> str:
    """By which all below this pod's worker can be found."""
    variables = Path(f"/proc/{pod.pid}/environ").read_bytes().decode().split("\0")
    return next(v for v in variables if v.startswith(f"{MARKER_VARIABLE}=")).partition("=")[2]


def _start(
    job: TrainingJob, command: Sequence[str], variables: dict[str, str]
) -> subprocess.Popen[bytes]:
    directory = Path(job.directory)
    with (directory / f"pod-{variables['PET_NODE_RANK']}.log").open("wb") as log:
        return subprocess.Popen(
            [*command, str(directory / "job.json")],
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=subprocess.STDOUT,
            env={**os.environ, "PYTHONUNBUFFERED": "1", **variables},
            start_new_session=True,
        )


def _pod(rank: int, count: int, port: int) -> dict[str, str]:
    return {
        **{"PET_NNODES": str(count), "PET_NODE_RANK": str(rank), "PET_NPROC_PER_NODE": "1"},
        **{"PET_MASTER_ADDR": "127.0.0.1", "PET_MASTER_PORT": str(port)},
        "GLOO_SOCKET_IFNAME": "lo",
    }


def _ended(job: TrainingJob, rank: int, pod: subprocess.Popen[bytes]) -> Run:
    directory = Path(job.directory)
    output = (directory / f"pod-{rank}.log").read_text(errors="replace")
    return Run(directory, pod.returncode, output, job)


def _free_port() -> int:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port: int = free.getsockname()[1]
        return port

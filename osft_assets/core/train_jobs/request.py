"""The TrainJob that is asked for, as Trainer 2.2 and later read it.

Plain JSON. Secrets are named, never held. What other releases read is `train_jobs.dialects`; what
cannot be asked for, `train_jobs.settings`.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from osft_assets.core.pods.findings import Json
from osft_assets.core.train_jobs.files import Mount
from osft_assets.core.train_jobs.name import MANAGER, labels_of
from osft_assets.core.train_jobs.place import TrainJobPlace
from osft_assets.core.training_job import TrainingJob
from osft_assets.core.worker import JOB_FILE, SECRETS_VARIABLE

API_VERSION = "trainer.kubeflow.org/v1alpha1"
# What Trainer calls the job and the container of the training, in every runtime.
NODE = "node"
SECRETS = "/var/run/osft/secrets"
# From SIGTERM to SIGKILL, as for the pod of a step.
GRACE_SECONDS = 60
_SHM = "/dev/shm"
_NOTHING = re.compile(r"[0.]+[A-Za-z]*")
# Caches stay in the pod: many nodes writing to one on a shared volume get in each other's way.
_ENVIRONMENT = {
    "XDG_CACHE_HOME": "/tmp/cache",
    "TRITON_CACHE_DIR": "/tmp/triton",
    "HF_HOME": "/tmp/huggingface",
    "NCCL_DEBUG": "INFO",
    "PYTHONUNBUFFERED": "1",
    "PYTHONSAFEPATH": "1",  # or what lies in the image's working directory would be imported
}


@dataclass(frozen=True)
class TrainJobRequest:
    """Who it is for, and what it mounts. `directory`: where it trains, which all nodes share."""

    name: str
    job: TrainingJob
    place: TrainJobPlace
    mounts: Sequence[Mount]
    directory: Path

    def body(self) -> Json:
        """The whole object."""
        return {
            "apiVersion": API_VERSION,
            "kind": "TrainJob",
            "metadata": {
                "name": self.name,
                "labels": labels_of(self.job),
                "annotations": self.job.pod["annotations"],
            },
            "spec": {
                "runtimeRef": {"name": self.place.runtime},
                "trainer": self._trainer(),
                "runtimePatches": [_patch(self._pod_template())],
            },
        }

    def _trainer(self) -> Json:
        pod = self.job.pod
        image = pod["image"] or self.place.image
        processes = str(max(1, pod["gpu"])) if pod["num_procs"] == "auto" else pod["num_procs"]
        return {
            **({"image": image} if image else {}),
            "command": [
                *("python", "-m", "resources.training_worker"),
                str(self.directory / JOB_FILE),
            ],
            "env": [{"name": name, "value": value} for name, value in self._environment().items()],
            "numNodes": pod["workers"],
            "numProcPerNode": int(processes),
            "resourcesPerNode": _resources(pod),
        }

    def _environment(self) -> dict[str, str]:
        names = [f"{SECRETS}/{name}" for name in self.job.pod["env_secrets"]]
        secrets = {SECRETS_VARIABLE: ":".join(names)} if names else {}
        none = {"CUDA_VISIBLE_DEVICES": ""} if self.job.pod["gpu"] == 0 else {}
        return {**_ENVIRONMENT, **self.job.pod["env_vars"], **none, **secrets}

    def _pod_template(self) -> Json:
        pod = self.job.pod
        volumes, mounts = self._volumes()
        optional = {
            "nodeSelector": pod["node_selector"],
            "tolerations": [_toleration(each) for each in pod["tolerations"]],
            "serviceAccountName": pod["service_account"],
            "imagePullSecrets": [{"name": pod["pull_secret"]}] if pod["pull_secret"] else [],
        }
        spec = {
            "terminationGracePeriodSeconds": GRACE_SECONDS,
            **{name: value for name, value in optional.items() if value},
            **pod["more"],
            "volumes": volumes,
            "containers": [{"name": NODE, "volumeMounts": mounts}],
        }
        metadata = {"labels": labels_of(self.job), "annotations": pod["annotations"]}
        return {"metadata": metadata, "spec": spec}

    def _volumes(self) -> tuple[list[Json], list[Json]]:
        """Each mount has a volume of its own: Trainer keys a container's mounts by volume."""
        volumes: list[Json] = []
        mounts: list[Json] = []
        for number, mount in enumerate(self.mounts):
            name = f"osft-claim-{number}"
            claim = {"claimName": mount.claim}
            volumes.append({"name": name, "persistentVolumeClaim": claim})
            part = {"subPath": mount.directory} if mount.directory else {}
            mounts.append({"name": name, "mountPath": str(mount.path), **part})
        for number, secret in enumerate(self.job.pod["env_secrets"]):
            name = f"osft-secret-{number}"
            volumes.append({"name": name, "secret": {"secretName": secret}})
            mounts.append({"name": name, "mountPath": f"{SECRETS}/{secret}", "readOnly": True})
        if not _NOTHING.fullmatch(self.job.pod["shm"]):
            memory = {"medium": "Memory", "sizeLimit": self.job.pod["shm"]}
            volumes.append({"name": "osft-shm", "emptyDir": memory})
            mounts.append({"name": "osft-shm", "mountPath": _SHM})
        return volumes, mounts


def _resources(pod: dict[str, Any]) -> Json:
    """As for the pod of a step: memory is requested and the limit, CPU is only requested."""
    limits = {"memory": pod["memory"]}
    if pod["gpu"]:
        limits[pod["gpu_resource"]] = str(pod["gpu"])
    return {"requests": {"cpu": pod["cpu"], "memory": pod["memory"]}, "limits": limits}


def _toleration(said: Json) -> Json:
    """The settings take its one long name in both ways of writing."""
    names = {"toleration_seconds": "tolerationSeconds"}
    return {names.get(name, name): value for name, value in said.items()}


def _patch(pod_template: Json) -> Json:
    nodes = {"name": NODE, "template": {"spec": {"template": pod_template}}}
    return {
        "manager": f"{MANAGER}/step",
        "trainingRuntimeSpec": {"template": {"spec": {"replicatedJobs": [nodes]}}},
    }

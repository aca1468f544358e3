"""From the settings of a step's pod to what Dagster merges into the step's Job.

The settings are `core.recipes.pod`. Which step has some, and what the deployment adds, is
`step_handler`.
"""

import re
from collections.abc import Mapping
from typing import Any

from dagster_k8s.job import UserDefinedDagsterK8sConfig

from osft_assets.core.recipes.pod import StepPodRecipe

_SHM = "/dev/shm"
_NOTHING = re.compile(r"[0.]+[A-Za-z]*")
# From SIGTERM to SIGKILL. Our processes end within twelve seconds; then the step writes what
# became of it.
GRACE_SECONDS = 60


def pod_config(recipe: StepPodRecipe, mounted: frozenset[str]) -> UserDefinedDagsterK8sConfig:
    """What the pod has; `mounted` are the paths where the deployment mounts something already."""
    mounts = {f"osft-claim-{n}": path for n, path in enumerate(recipe.volumes.values())}
    volumes: list[Mapping[str, Any]] = [
        {"name": f"osft-claim-{n}", "persistentVolumeClaim": {"claimName": claim}}
        for n, claim in enumerate(recipe.volumes)
    ]
    if not _NOTHING.fullmatch(recipe.shm) and _SHM not in mounted:
        mounts["osft-shm"] = _SHM
        memory = {"medium": "Memory", "sizeLimit": recipe.shm}
        volumes.append({"name": "osft-shm", "emptyDir": memory})
    return UserDefinedDagsterK8sConfig(
        container_config=_container(recipe, mounts),
        pod_spec_config=_pod_spec(recipe, volumes),
        pod_template_spec_metadata={"labels": recipe.labels, "annotations": recipe.annotations},
        job_metadata={"labels": recipe.labels},
        job_spec_config={"ttlSecondsAfterFinished": recipe.ttl_seconds_after_finished},
    )


def resources(recipe: StepPodRecipe) -> dict[str, dict[str, str]]:
    """What is requested, and the limits.

    Memory is both: a pod that may grow is killed when its node runs full, with others beside it.
    CPU is no limit: PyTorch starts a thread for each core of the node, and they would be throttled.
    """
    found = {
        "requests": {"cpu": recipe.cpu, "memory": recipe.memory},
        "limits": {"memory": recipe.memory},
    }
    if recipe.gpu:
        found["limits"][recipe.gpu_resource] = str(recipe.gpu)
    return found


def _container(recipe: StepPodRecipe, mounts: Mapping[str, str]) -> dict[str, Any]:
    return {
        "resources": resources(recipe),
        "env": [{"name": name, "value": value} for name, value in recipe.env_vars.items()],
        "envFrom": [{"secretRef": {"name": name}} for name in recipe.env_secrets],
        "volumeMounts": [{"name": name, "mountPath": path} for name, path in mounts.items()],
    }


def _pod_spec(recipe: StepPodRecipe, volumes: list[Mapping[str, Any]]) -> dict[str, Any]:
    optional = {
        "nodeSelector": recipe.node_selector,
        "tolerations": recipe.tolerations,
        "serviceAccountName": recipe.service_account,
        "priorityClassName": recipe.priority_class,
        "imagePullSecrets": [{"name": recipe.pull_secret}] if recipe.pull_secret else [],
        "volumes": volumes,
    }
    return {
        "terminationGracePeriodSeconds": GRACE_SECONDS,
        **{name: value for name, value in optional.items() if value},
        **recipe.more,
    }

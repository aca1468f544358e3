"""The knobs of the pods that compute: training and evaluation.

On one machine most of them cannot be had, and set, they are refused (`core.training_placement`).
How a pod is built from them is `osft_assets.kubernetes.pod`; the forms of their values,
`recipes.pod_values`.
"""

from osft_assets.core.recipes.base import Recipe, knob
from osft_assets.core.recipes.pod_spec_fields import FurtherFields
from osft_assets.core.recipes.pod_values import (
    Annotations,
    Cpu,
    DeviceName,
    Environment,
    ImageOrNothing,
    Labels,
    Memory,
    Mounts,
    NameOrNothing,
    Processes,
    SecretNames,
    Tolerations,
)

_CPU = "CPU cores per pod; a fraction is fine. Requested, not a limit: idle cores may be used."
_MEMORY = "Memory per pod. Requested, and the limit: more is killed."
_WORKERS = "Training pods. More than one is a TrainJob of Kubeflow Trainer (docs/trainjobs.md)."
_ENVIRONMENT = "Environment of the pod. Nothing secret: it is stored with the run."


class StepPodRecipe(Recipe):
    """What the pods of training and of evaluation have in common."""

    gpu: int = knob(1, "GPUs per pod.", unit="GPUs", ge=0)
    gpu_resource: DeviceName = knob(
        "nvidia.com/gpu",
        "What a GPU is called in this cluster, such as amd.com/gpu or nvidia.com/mig-3g.40gb.",
    )
    cpu: Cpu = knob("8", _CPU, unit="cores")
    memory: Memory = knob("32Gi", _MEMORY, unit="bytes")
    shm: Memory = knob(
        "8Gi",
        "Size of /dev/shm, through which the processes of a pod speak. What is used of it counts "
        "as memory. 0 = the container's own 64 MiB.",
        unit="bytes",
    )
    image: ImageOrNothing = knob(
        "",
        "Image of the pod. Empty = OSFT_TRAINER_IMAGE, else the code location's own, or that of "
        "the runtime where training pods are several.",
    )
    labels: Labels = knob({}, "Labels of the pod.")
    annotations: Annotations = knob({}, "Annotations of the pod.")
    env_vars: Environment = knob({}, _ENVIRONMENT, secret=True)
    env_secrets: SecretNames = knob(
        [],
        "Names of Kubernetes secrets, whose keys become environment variables of the pod.",
        secret=True,
    )
    pull_secret: NameOrNothing = knob(
        "", "Name of the Kubernetes secret to pull the image with. Empty = none.", max_length=253
    )
    node_selector: Labels = knob({}, "Labels that a node must have.")
    tolerations: Tolerations = knob(
        [], "Taints of nodes that do not matter, as Kubernetes writes tolerations."
    )
    service_account: NameOrNothing = knob(
        "", "Service account of the pod. Empty = as the deployment says."
    )
    volumes: Mounts = knob({}, "Volume claims to mount: name of the claim -> path in the pod.")
    priority_class: NameOrNothing = knob("", "Priority class. Empty = the cluster's default.")
    start_timeout_minutes: float = knob(
        120.0,
        "Give up a pod that has not started by then: no node has room, or the image does not come. "
        "0 = never. The time that a queue such as Kueue holds the job back does not count.",
        unit="minutes",
        ge=0,
    )
    ttl_seconds_after_finished: int = knob(
        24 * 3600,
        "When Kubernetes deletes a finished job, with its log. A TrainJob is deleted by its step.",
        unit="seconds",
        ge=60,
    )
    more: FurtherFields = knob(
        {}, "Further fields of the pod's spec, such as affinity, as Kubernetes writes them."
    )


class PodRecipe(StepPodRecipe):
    """One training pod, and how many there are of it. OSFT is at its best on one node."""

    workers: int = knob(1, _WORKERS, unit="pods", ge=1)
    num_procs: Processes = knob("auto", "Processes per pod. auto = one per GPU.")


class SftPodRecipe(PodRecipe):
    """SFT spreads over pods; one GPU each keeps /dev/shm out of the way."""

    workers: int = knob(4, _WORKERS, unit="pods", ge=1)
    cpu: Cpu = knob("4", _CPU, unit="cores")
    memory: Memory = knob("64Gi", _MEMORY, unit="bytes")
    env_vars: Environment = knob(
        {
            "PYTORCH_CUDA_ALLOC_CONF": "expandable_segments:True",
            "NCCL_DEBUG": "INFO",
            "INSTRUCTLAB_NCCL_TIMEOUT_MS": "600000",
        },
        _ENVIRONMENT,
        secret=True,
    )


class EvaluationPodRecipe(StepPodRecipe):
    """The pod of each evaluation: one process, so there are neither `workers` nor `num_procs`."""

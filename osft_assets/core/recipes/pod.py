"""The knobs of the training pods. How a pod is built from them is a later stage."""

import re
from typing import Annotated

from pydantic import AfterValidator

from osft_assets.core.recipes.base import Recipe, knob, matching
from osft_assets.core.redaction import credentials_in, looks_like_a_token

_Cpu = Annotated[str, matching(r"\d+(\.\d{1,3})?|\d+m", "CPU cores, such as 8, 7.5 or 500m")]
_Memory = Annotated[
    str, matching(r"\d+(\.\d+)?([KMGTPE]i|[kMGTPE])?", "a quantity of memory, such as 32Gi")
]
_Processes = Annotated[str, matching(r"auto|[1-9][0-9]*", "auto (one per GPU) or a number from 1")]
_LABEL = re.compile(r"([A-Za-z0-9]([A-Za-z0-9_.-]{0,61}[A-Za-z0-9])?)?")
_LABEL_KEY = re.compile(
    r"([a-z0-9]([a-z0-9.-]{0,251}[a-z0-9])?/)?[A-Za-z0-9]([A-Za-z0-9_.-]{0,61}[A-Za-z0-9])?"
)
_SECRET_NAME = re.compile(
    r"TOKEN(?!IZERS)|SECRET|PASSWD|PASSWORD|CREDENTIAL|(^|_)(PASS|PWD|PAT|[A-Z]*KEY|[A-Z]*KEYS)(_|$)",
    re.IGNORECASE,
)


def _labels(values: dict[str, str]) -> dict[str, str]:
    for key, value in values.items():
        if not _LABEL_KEY.fullmatch(key) or not _LABEL.fullmatch(value):
            raise ValueError(
                f"the label {key} is not one Kubernetes accepts: letters, digits, '-', '_', '.'; "
                "at most 63"
            )
    return values


def _annotations(values: dict[str, str]) -> dict[str, str]:
    for key in values:
        if not _LABEL_KEY.fullmatch(key):
            raise ValueError(f"the annotation {key!r} is not a name Kubernetes accepts")
    return values


def _environment(values: dict[str, str]) -> dict[str, str]:
    for name, value in values.items():
        if not re.fullmatch(r"[A-Za-z_][A-Za-z0-9_]*", name):
            raise ValueError(f"{name!r} is not the name of an environment variable")
        if _SECRET_NAME.search(name) or looks_like_a_token(value) or credentials_in(value):
            raise ValueError(
                f"{name} looks like a secret, or holds one, and this would be stored with the run. "
                "Use a secret reference"
            )
    return values


class PodRecipe(Recipe):
    """One training pod, and how many there are of it. OSFT is at its best on one node."""

    gpu: int = knob(1, "GPUs per pod.", unit="GPUs", ge=0)
    workers: int = knob(1, "Training pods.", unit="pods", ge=1)
    num_procs: _Processes = knob("auto", "Processes per pod. auto = one per GPU.")
    cpu: _Cpu = knob("8", "CPU cores per pod; a fraction is fine.", unit="cores")
    memory: _Memory = knob("32Gi", "Memory per pod.", unit="bytes")
    labels: Annotated[dict[str, str], AfterValidator(_labels)] = knob({}, "Labels of the pod.")
    annotations: Annotated[dict[str, str], AfterValidator(_annotations)] = knob(
        {}, "Annotations of the pod."
    )
    env_vars: Annotated[dict[str, str], AfterValidator(_environment)] = knob(
        {}, "Environment of the pod. Nothing secret: it is stored with the run.", secret=True
    )
    pull_secret: str = knob(
        "", "Name of the Kubernetes secret to pull the image with. Empty = none.", max_length=253
    )


class SftPodRecipe(PodRecipe):
    """SFT spreads over pods; one GPU each keeps /dev/shm out of the way."""

    workers: int = knob(4, "Training pods.", unit="pods", ge=1)
    cpu: _Cpu = knob("4", "CPU cores per pod; a fraction is fine.", unit="cores")
    memory: _Memory = knob("64Gi", "Memory per pod.", unit="bytes")
    env_vars: Annotated[dict[str, str], AfterValidator(_environment)] = knob(
        {
            "PYTORCH_CUDA_ALLOC_CONF": "expandable_segments:True",
            "NCCL_DEBUG": "INFO",
            "INSTRUCTLAB_NCCL_TIMEOUT_MS": "600000",
        },
        "Environment of the pod. Nothing secret: it is stored with the run.",
        secret=True,
    )

"""The forms of what a pod is asked for: quantities, names, labels, and what may be no secret.

A wrong one would be refused by the cluster only when the step starts. The knobs are `recipes.pod`.
"""

import re
from collections.abc import Iterator
from typing import Annotated, Any

from pydantic import AfterValidator

from osft_assets.core.recipes.base import matching
from osft_assets.core.redaction import credentials_in, looks_like_a_token

_NAME = r"[a-z0-9]([a-z0-9.-]{0,251}[a-z0-9])?"
_LABEL = re.compile(r"([A-Za-z0-9]([A-Za-z0-9_.-]{0,61}[A-Za-z0-9])?)?")
_LABEL_KEY = re.compile(rf"({_NAME}/)?[A-Za-z0-9]([A-Za-z0-9_.-]{{0,61}}[A-Za-z0-9])?")
_SECRET_NAME = re.compile(
    r"TOKEN(?!IZERS)|SECRET|PASSWD|PASSWORD|CREDENTIAL|(^|_)(PASS|PWD|PAT|[A-Z]*KEY|[A-Z]*KEYS)(_|$)",
    re.IGNORECASE,
)
# These decide where a step finds its run, its workspace and its code.
_OURS = re.compile(r"DAGSTER_|OSFT_")
_TOLERATION = {"key", "operator", "value", "effect", "tolerationSeconds", "toleration_seconds"}
_EFFECTS = ("", "NoSchedule", "PreferNoSchedule", "NoExecute")

Cpu = Annotated[str, matching(r"\d+(\.\d{1,3})?|\d+m", "CPU cores, such as 8, 7.5 or 500m")]
Memory = Annotated[
    str, matching(r"\d+(\.\d+)?([KMGTPE]i|[kMGTPE])?", "a quantity of memory, such as 32Gi")
]
Processes = Annotated[str, matching(r"auto|[1-9][0-9]*", "auto (one per GPU) or a number from 1")]
NameOrNothing = Annotated[
    str, matching(rf"({_NAME})?", "a name Kubernetes accepts: lower-case letters, digits, '-', '.'")
]
DeviceName = Annotated[
    str,
    matching(rf"{_NAME}/[A-Za-z0-9]([A-Za-z0-9_.-]{{0,61}}[A-Za-z0-9])?", "such as nvidia.com/gpu"),
]
ImageOrNothing = Annotated[
    str,
    matching(r"([a-z0-9][\w./:@-]*)?", "an image, such as registry.example.org/trainer:1.0"),
]


def texts_in(value: Any) -> Iterator[str]:
    """Every key and every text of nested dicts and lists."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        for key, each in value.items():
            yield from (str(key), *texts_in(each))
    elif isinstance(value, list):
        for each in value:
            yield from texts_in(each)


def holds_a_secret(text: str) -> bool:
    """Whether a text is, or carries, a credential."""
    return looks_like_a_token(text) or bool(credentials_in(text))


def _labels(values: dict[str, str]) -> dict[str, str]:
    for key, value in values.items():
        if not _LABEL_KEY.fullmatch(key) or not _LABEL.fullmatch(value):
            raise ValueError(
                f"the label {key} is not one Kubernetes accepts: letters, digits, '-', '_', '.'; "
                "at most 63"
            )
    return values


def _annotations(values: dict[str, str]) -> dict[str, str]:
    for key, value in values.items():
        if not _LABEL_KEY.fullmatch(key):
            raise ValueError(f"the annotation {key!r} is not a name Kubernetes accepts")
        if holds_a_secret(value):
            raise ValueError(f"the annotation {key} holds a secret, and everybody can read it")
    return values


def _environment(values: dict[str, str]) -> dict[str, str]:
    for name, value in values.items():
        if not re.fullmatch(r"[A-Za-z_][A-Za-z0-9_]*", name):
            raise ValueError(f"{name!r} is not the name of an environment variable")
        if _SECRET_NAME.search(name) or holds_a_secret(value):
            raise ValueError(
                f"{name} looks like a secret, or holds one, and this would be stored with the run. "
                "Put it into a Kubernetes secret, and the secret's name into env_secrets"
            )
        if _OURS.match(name):
            raise ValueError(f"{name} is the deployment's to set, not a pod's")
    return values


def _names(values: list[str]) -> list[str]:
    for name in values:
        if not re.fullmatch(_NAME, name):
            raise ValueError("expected names of Kubernetes secrets, never what is in them")
    return values


def _mounts(values: dict[str, str]) -> dict[str, str]:
    for claim, path in values.items():
        if not re.fullmatch(_NAME, claim):
            raise ValueError(f"{claim!r} is not the name of a volume claim")
        if not re.fullmatch(r"(/[\w.-]+)+", path) or ".." in path.split("/"):
            raise ValueError(f"{claim}: expected the absolute path to mount it at, such as /data")
    if "/dev/shm" in values.values():
        raise ValueError("/dev/shm is the setting shm")
    if len(set(values.values())) < len(values):
        raise ValueError("two claims have the same path")
    return values


def _tolerations(values: list[dict[str, Any]]) -> list[dict[str, Any]]:
    for each in values:
        if strange := sorted(each.keys() - _TOLERATION):
            raise ValueError(
                f"a toleration has no {strange[0]}. It has key, operator, value, effect and "
                "tolerationSeconds"
            )
        operator = each.get("operator", "Equal")
        if operator not in ("Equal", "Exists") or each.get("effect", "") not in _EFFECTS:
            raise ValueError(
                "expected the operator Equal or Exists, and the effect NoSchedule, "
                "PreferNoSchedule or NoExecute"
            )
        if operator == "Exists" and each.get("value"):
            raise ValueError("a toleration with the operator Exists takes no value")
        if operator == "Equal" and not each.get("key"):
            raise ValueError("a toleration needs a key, or the operator Exists for all of them")
    return values


Labels = Annotated[dict[str, str], AfterValidator(_labels)]
Annotations = Annotated[dict[str, str], AfterValidator(_annotations)]
Environment = Annotated[dict[str, str], AfterValidator(_environment)]
SecretNames = Annotated[list[str], AfterValidator(_names)]
Mounts = Annotated[dict[str, str], AfterValidator(_mounts)]
Tolerations = Annotated[list[dict[str, Any]], AfterValidator(_tolerations)]

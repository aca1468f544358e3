"""Secrets that are mounted as files, made environment variables: what Kubernetes' `envFrom` does.

A TrainJob's pods cannot be told `envFrom` from outside, but volumes can be added to them. A file's
name is the variable, its content the value. Values are never printed.
"""

import os
import re
from collections.abc import Container, MutableMapping
from pathlib import Path

from osft_assets.core.errors import ConfigError
from osft_assets.core.worker import SECRETS_VARIABLE

_VARIABLE = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")


def take_secrets(environment: MutableMapping[str, str], set_by_name: Container[str]) -> None:
    """Add the variables of every directory; of two with the same name, the later one's counts.

    `set_by_name` are variables that somebody gave a value in the clear: those stay.
    """
    for place in environment.get(SECRETS_VARIABLE, "").split(os.pathsep):
        if place:
            environment.update(_variables(Path(place), set_by_name))


def _variables(directory: Path, set_by_name: Container[str]) -> dict[str, str]:
    if not directory.is_dir():
        raise ConfigError(
            f"{directory} is not there: the secret {directory.name} is not mounted. Look whether "
            "it exists in the namespace of the training"
        )
    return {
        path.name: _value(path)
        for path in sorted(directory.iterdir())
        # As envFrom does; "..data" and what Kubernetes keeps beside it are no variables either.
        if _VARIABLE.fullmatch(path.name) and path.name not in set_by_name
    }


def _value(path: Path) -> str:
    content = path.read_bytes()
    if b"\0" in content:
        raise ConfigError(
            f"the key {path.name} of the secret {path.parent.name} cannot be an environment "
            "variable: it holds a zero byte. Take it out of the secret"
        )
    return os.fsdecode(content)

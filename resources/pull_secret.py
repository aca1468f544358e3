"""The credentials for container registries: a Docker config JSON in an environment variable.

It is handed over in a file that nobody else can read and that is gone afterwards, and taken out of
whatever the container tool says.
"""

import base64
import json
import os
import shutil
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from osft_assets.core.errors import ConfigError

VARIABLE = "OCI_PULL_SECRET_MODEL_DOWNLOAD"
PUSH_VARIABLE = "OCI_PUSH_SECRET"
_SHORTEST_SECRET = 4  # shorter text would take harmless words out of messages


@dataclass(frozen=True)
class PullSecret:
    """The text of the JSON; empty when none is set, and the tool's own defaults count.

    `variable` is where it comes from, or should.
    """

    text: str = field(repr=False)
    variable: str = VARIABLE

    @contextmanager
    def as_file(self) -> Iterator[Path | None]:
        """A private file with it, for as long as the block runs."""
        if not self.text:
            yield None
            return
        directory = Path(tempfile.mkdtemp(prefix="pull-secret-"))  # for its owner only
        try:
            path = directory / "auth.json"
            descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
            with os.fdopen(descriptor, "w") as stream:
                stream.write(self.text)
            yield path
        finally:
            shutil.rmtree(directory, ignore_errors=True)

    def hidden_in(self, message: str) -> str:
        """The message without any part of the secret."""
        parts = _strings(json.loads(self.text)["auths"]) if self.text else set()
        secrets = parts | {half for part in parts for half in _decoded(part)}
        for secret in sorted(secrets, key=len, reverse=True):
            if len(secret) >= _SHORTEST_SECRET:
                message = message.replace(secret, "***")
        return message


def pull_secret(environment: Mapping[str, str]) -> PullSecret:
    """What the environment holds; refused when it cannot be what it should be."""
    return _secret(environment, VARIABLE)


def push_secret(environment: Mapping[str, str]) -> PullSecret:
    """Likewise, for writing. Who has one secret for both sets that for reading."""
    shared = (
        environment.get(VARIABLE, "").strip() and not environment.get(PUSH_VARIABLE, "").strip()
    )
    return _secret(environment, VARIABLE if shared else PUSH_VARIABLE)


def without_secrets(environment: Mapping[str, str]) -> dict[str, str]:
    """What a container tool is started with."""
    kept = environment.items()
    return {name: text for name, text in kept if name not in (VARIABLE, PUSH_VARIABLE)}


def _secret(environment: Mapping[str, str], variable: str) -> PullSecret:
    text = environment.get(variable, "").strip()
    if text and not _auths(text):
        raise ConfigError(
            f"{variable} is no Docker config JSON with entries in auths. Expected "
            '{"auths": {"registry.example": {"auth": "..."}}}, as in ~/.docker/config.json or in '
            "the key .dockerconfigjson of a Kubernetes secret, decoded"
        )
    return PullSecret(text, variable)


def _auths(text: str) -> Any:
    try:
        config = json.loads(text)
    except (ValueError, RecursionError):
        return None
    auths = config.get("auths") if isinstance(config, dict) else None
    return auths if isinstance(auths, dict) and auths else None


def _strings(value: Any) -> set[str]:
    """Every text in it, but not the names of the registries."""
    if isinstance(value, str):
        return {value}
    items = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    return {text for item in items for text in _strings(item)}


def _decoded(text: str) -> list[str]:
    """The user's name and password that an `auth` entry holds."""
    try:
        decoded = base64.b64decode(text, validate=True).decode()
    except ValueError:
        return []
    user, separator, password = decoded.partition(":")
    return [decoded, user, password] if separator else []

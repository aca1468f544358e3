"""Picks the adapter for a target: the `ModelStore` that the assets get."""

import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from osft_assets.core.errors import ConfigError, WorkspaceError
from osft_assets.core.ports import ModelStore
from osft_assets.core.redaction import quoted
from osft_assets.core.workspace import Workspace
from resources.oci_store import OciStore
from resources.s3_store import S3Store


@dataclass(frozen=True)
class ModelStores:
    """Every kind of store, behind the one port."""

    workspace: Workspace
    environment: Mapping[str, str] = field(default_factory=lambda: os.environ, repr=False)

    def publish(self, directory: Path, target: str, name: str, say: Callable[[str], None]) -> str:
        """Copy the model with the adapter for the kind of `target`."""
        store = self._store(target)
        try:
            return store.publish(directory, target, name, say)
        except OSError as problem:
            raise WorkspaceError(
                f"{directory} cannot be read: {problem.strerror}. Check OSFT_WORKSPACE and its "
                "permissions"
            ) from problem

    def _store(self, target: str) -> ModelStore:
        if target.startswith("s3://"):
            return S3Store(self.environment)
        if target.startswith("oci://"):
            return OciStore(self.workspace, self.environment)
        raise ConfigError(
            f"registry.publish_to is {quoted(target)}, expected s3://bucket/prefix or "
            "oci://registry/repository"
        )


_: type[ModelStore] = ModelStores

"""The `ModelRegistry` that the assets get: a server at an address, or the local registry.

Both are asked by the same code over the same protocol; the local one is started for each call.
Registering is `resources.registration`; what goes wrong, `resources.registry_errors`.
"""

import logging
import os
import secrets
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from osft_assets.core.drafts import locked
from osft_assets.core.errors import ConfigError
from osft_assets.core.ports import Change, ModelRegistry
from osft_assets.core.recipes.registry import RegistryRecipe
from osft_assets.core.registry_records import (
    LOCAL_REGISTRY,
    RegisteredModel,
    RegisteredVersion,
    Registration,
)
from osft_assets.core.workspace import Workspace
from resources.local_registry.serving import serving
from resources.registration import Registering
from resources.registry_access import SERVICE_ACCOUNT, Access, remote_access
from resources.registry_amendment import amend_model
from resources.registry_connection import Connection, Manners, Say, connected
from resources.registry_reading import read_model

_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Registries:
    """Every registry, behind the one port."""

    workspace: Workspace
    environment: Mapping[str, str] = field(default_factory=lambda: os.environ, repr=False)
    pause: Callable[[float], None] = time.sleep
    service_account: Path = SERVICE_ACCOUNT
    is_shared: bool = False  # several machines work in the workspace

    @property
    def local_path(self) -> Path:
        """The file of the local registry."""
        return self.workspace.root / "_registry" / "registry.sqlite"

    def register(
        self, recipe: RegistryRecipe, registration: Registration, say: Say
    ) -> RegisteredVersion:
        """Keep the model, in three writes of which any may be there already."""
        with self._connection(recipe, say) as connection:
            return Registering(connection, registration).run()

    def read(self, recipe: RegistryRecipe, name: str) -> RegisteredModel | None:
        """The model with all its versions, or None."""
        if recipe.server is None and self._has_nothing(recipe):
            return None  # nothing was registered yet, and reading makes no file
        with self._connection(recipe, _log.warning) as connection:
            return read_model(connection, name)

    def amend(self, recipe: RegistryRecipe, name: str, change: Change) -> RegisteredModel:
        """Set what `change` says of the model, and give the model as it is then."""
        with ExitStack() as stack:
            connection = stack.enter_context(self._connection(recipe, _log.warning))
            if recipe.server is None:
                stack.enter_context(locked(self.local_path))
            return amend_model(connection, name, change)

    def _has_nothing(self, recipe: RegistryRecipe) -> bool:
        return recipe.skip if self.is_shared else not self.local_path.exists()

    def _refuse_to_share(self) -> None:
        """SQLite's locks hold on one machine: pods on a shared volume would corrupt the file."""
        if self.is_shared:
            raise ConfigError(
                "registry.address is empty, and steps are pods here: the local registry is a file "
                "for one machine. Set attributes.registry.address to the cluster's registry, such "
                "as the one that deployment/ describes, or attributes.registry: skip"
            )

    @contextmanager
    def _connection(self, recipe: RegistryRecipe, say: Say) -> Iterator[Connection]:
        with (
            self._access(recipe, say) as access,
            connected(access, Manners(recipe, say, self.pause)) as connection,
        ):
            yield connection

    @contextmanager
    def _access(self, recipe: RegistryRecipe, say: Say) -> Iterator[Access]:
        if recipe.server is None:
            self._refuse_to_share()
            # So that nobody else on this machine can write to it meanwhile.
            token = secrets.token_urlsafe()
            with serving(self.local_path, token=token) as url:
                yield Access(LOCAL_REGISTRY, url, token)
            return
        access = remote_access(recipe.server, recipe, self.environment, self.service_account)
        if access.token and not access.is_secure:
            say(f"The token for {access.name} travels unencrypted: it is http, not https.")
        yield access


_: type[ModelRegistry] = Registries

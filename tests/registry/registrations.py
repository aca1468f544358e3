"""What the tests register, and where."""

import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from osft_assets.core.recipes.registry import RegistryRecipe
from osft_assets.core.registry_records import (
    Property,
    RegisteredModel,
    RegisteredVersion,
    Registration,
    RunSource,
)
from resources.model_registry import Registries
from resources.registry_connection import Connection

SOURCE = RunSource(
    kind="dagster", group="demo", name="registry_entry", id="run-1", source_class="osft"
)


def registration(
    name: str = "tuned", fingerprint: str = "weights-1", **values: Any
) -> Registration:
    defaults: dict[str, Any] = {
        "version": "1.0.0",
        "author": "ada",
        "owner": "grace",
        "description": "OSFT of a base on 10 rows.",
        "format_name": "pytorch",
        "format_version": "1.0",
        "uri": "file:///models/1",
        "properties": {"steps": 3},
        "source": SOURCE,
    }
    return Registration(name=name, fingerprint=fingerprint, **(defaults | values))


@dataclass
class Place:
    """A registry to talk to, with a name that nobody else uses there."""

    registries: Registries
    recipe: RegistryRecipe
    name: str = field(default_factory=lambda: f"osft-test-{uuid.uuid4().hex[:8]}")
    said: list[str] = field(default_factory=list)

    def register(self, fingerprint: str = "weights-1", **values: Any) -> RegisteredVersion:
        asked = registration(self.name, fingerprint, **values)
        return self.registries.register(self.recipe, asked, self.said.append)

    def read(self) -> RegisteredModel:
        model = self.registries.read(self.recipe, self.name)
        assert model
        return model

    def amend(self, **properties: Property) -> RegisteredModel:
        return self.registries.amend(self.recipe, self.name, lambda _: properties)

    @contextmanager
    def connection(self) -> Iterator[Connection]:
        """The client itself, for what only other tools do."""
        with self.registries._connection(self.recipe, self.said.append) as connection:
            yield connection

    def artifacts(self, version_id: str) -> list[Any]:
        with self.connection() as connection:
            answer = connection.ask(lambda client: client.get_model_version_artifacts(version_id))
        return [item.actual_instance for item in answer.items]

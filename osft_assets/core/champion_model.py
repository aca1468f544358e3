"""The champion's files: from a registered version to the model that training starts from.

A champion that a pipeline of this workspace made is its checkpoint, with everything known of it;
one from elsewhere is loaded from its address.
"""

from collections.abc import Callable
from pathlib import Path
from typing import NoReturn

from osft_assets.core.base_model import BaseModelStage
from osft_assets.core.champion import champion_of
from osft_assets.core.checkpoint import MARKER, MODEL, read_version
from osft_assets.core.errors import ConfigError, RegistryError
from osft_assets.core.model_files import content_fingerprint
from osft_assets.core.model_records import ModelRecord
from osft_assets.core.ports import ModelRegistry
from osft_assets.core.recipes.base_model import BaseModelRecipe
from osft_assets.core.recipes.registry import RegistryRecipe
from osft_assets.core.registered_properties import CHECKPOINT, PIPELINE
from osft_assets.core.registry_records import FINGERPRINT_PROPERTY, VersionListing
from osft_assets.core.workspace import Workspace

_LOADED_FROM = ("s3://", "oci://", "hf://")


class ChampionModel:
    """Finds the champion of a model and makes it ready to be trained, or asked."""

    def __init__(
        self, registry: ModelRegistry, workspace: Workspace, elsewhere: BaseModelStage
    ) -> None:
        self._registry, self._workspace, self._elsewhere = registry, workspace, elsewhere

    def find(self, place: RegistryRecipe, name: str) -> VersionListing | None:
        """The champion, or None while nothing was registered or promoted."""
        model = None if place.skip else self._registry.read(place, name)
        return champion_of(model) if model else None

    def run(self, champion: VersionListing, name: str, say: Callable[[str], None]) -> ModelRecord:
        """Its record; an error when its files are gone, or are others."""
        say(f"The champion is {name} {champion.version}.")
        directory = self._directory(champion)
        if (directory / MARKER).is_file():
            return _checkpoint(directory, champion, name)
        if champion.uri.startswith(_LOADED_FROM):
            return self._elsewhere.run(BaseModelRecipe(base_model=champion.uri), say)
        raise ConfigError(
            f"The champion {name} {champion.version} is at {champion.uri}, and not in this "
            f"workspace: {directory} has no checkpoint. Use the workspace it was trained in, or "
            "promote another version"
        )

    def _directory(self, champion: VersionListing) -> Path:
        pipeline, checkpoint = (
            str(champion.properties.get(key) or "-") for key in (PIPELINE, CHECKPOINT)
        )
        return self._workspace.inside(f"{pipeline}/checkpoints/{checkpoint}")


def _checkpoint(directory: Path, champion: VersionListing, name: str) -> ModelRecord:
    model = directory / MODEL
    if content_fingerprint(model) != champion.properties.get(FINGERPRINT_PROPERTY):
        raise RegistryError(
            f"{model} is not what was registered as {name} {champion.version}: its files were "
            "changed. Restore them, or promote another version"
        )
    return read_version(directory).model.model_copy(update={"path": str(model)})


def refuse_no_champion(name: str) -> NoReturn:
    """There is nothing to train on from yet: RegistryError."""
    raise RegistryError(
        f"base_model is champion, but no version of {name} was promoted yet. For the "
        "first one, name a model in base_model, train, promote the version, then change the line"
    )

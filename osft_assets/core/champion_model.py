"""The champion's files: from a registered version to the model that training starts from.

A champion that a pipeline of this workspace made is its checkpoint, with everything known of it;
one from elsewhere is loaded from its address.
"""

from collections.abc import Callable
from pathlib import Path

from osft_assets.core.base_model import BaseModelStage
from osft_assets.core.champion import champion_of
from osft_assets.core.checkpoint import MARKER, MODEL, read_version
from osft_assets.core.errors import ConfigError, RegistryError
from osft_assets.core.model_files import content_fingerprint
from osft_assets.core.model_records import ModelRecord
from osft_assets.core.ports import ModelRegistry
from osft_assets.core.promotion import read_model
from osft_assets.core.recipes.base_model import BaseModelRecipe
from osft_assets.core.recipes.registry import RegistryRecipe
from osft_assets.core.registered_properties import CHECKPOINT, PIPELINE
from osft_assets.core.registry_records import FINGERPRINT_PROPERTY, VersionListing
from osft_assets.core.workspace import Workspace

_LOADED_FROM = ("s3://", "oci://", "hf://")


class ChampionModel:
    """Finds the champion of a model and makes it ready to be trained."""

    def __init__(
        self, registry: ModelRegistry, workspace: Workspace, elsewhere: BaseModelStage
    ) -> None:
        self._registry, self._workspace, self._elsewhere = registry, workspace, elsewhere

    def run(self, place: RegistryRecipe, name: str, say: Callable[[str], None]) -> ModelRecord:
        """The champion's record; RegistryError while there is none, or its files are gone."""
        champion = champion_of(read_model(self._registry, place, name))
        if champion is None:
            raise RegistryError(
                f"base_model is champion, but no version of {name} was promoted yet. Promote one "
                "(osft-assets promote), or name a model to start from"
            )
        say(f"The champion is {name} {champion.version}.")
        directory = self._directory(champion)
        if (directory / MARKER).is_file():
            return _checkpoint(directory, champion, name)
        if champion.uri.startswith(_LOADED_FROM):
            recipe = BaseModelRecipe(base_model=champion.uri)
            return self._elsewhere.run(recipe, say)
        raise ConfigError(
            f"The champion {name} {champion.version} is at {champion.uri}, and not in this "
            f"workspace: {directory} has no checkpoint. Use the workspace it was trained in"
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

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
from osft_assets.core.errors import ConfigError, OsftError, RegistryError
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
        is_here, model = (directory / MARKER).is_file(), directory / MODEL
        if is_here and _is_registered(model, champion):
            return read_version(directory).model.model_copy(update={"path": str(model)})
        # Another workspace may have trained other weights of the same settings.
        if champion.uri.startswith(_LOADED_FROM):
            return self._loaded(champion, name, say)
        if is_here:
            raise _changed(str(model), champion, name)
        raise ConfigError(
            f"The champion {name} {champion.version} is at {champion.uri}, and not in this "
            f"workspace: {directory} has no checkpoint. Use the workspace it was trained in, or "
            "promote another version"
        )

    def run_to_compare(
        self, champion: VersionListing, name: str, say: Callable[[str], None]
    ) -> ModelRecord:
        """The same, where one can do without it."""
        try:
            return self.run(champion, name, say)
        except OsftError as problem:
            way = "or leave the comparison out: gate: {champion: false}"
            said = f"{problem}; {way}"
            raise type(problem)(said, transient=problem.is_transient) from problem

    def _loaded(
        self, champion: VersionListing, name: str, say: Callable[[str], None]
    ) -> ModelRecord:
        model = self._elsewhere.run(BaseModelRecipe(base_model=champion.uri), say)
        known = FINGERPRINT_PROPERTY in champion.properties  # not where another tool made it
        if known and not _is_registered(Path(model.path), champion):
            raise _changed(champion.uri, champion, name)
        return model

    def _directory(self, champion: VersionListing) -> Path:
        pipeline, checkpoint = (
            str(champion.properties.get(key) or "-") for key in (PIPELINE, CHECKPOINT)
        )
        return self._workspace.inside(f"{pipeline}/checkpoints/{checkpoint}")


def _is_registered(model: Path, champion: VersionListing) -> bool:
    return content_fingerprint(model) == champion.properties.get(FINGERPRINT_PROPERTY)


def _changed(place: str, champion: VersionListing, name: str) -> RegistryError:
    return RegistryError(
        f"{place} is not what was registered as {name} {champion.version}: its files were "
        "changed. Restore them, or promote another version"
    )


def refuse_no_champion(name: str, place: RegistryRecipe) -> NoReturn:
    """There is nothing to train on from yet, or nothing is looked for: an error."""
    if place.skip:
        raise ConfigError(
            f"base_model is champion, but the pipeline of {name} skips the registry. Remove "
            "`registry: skip` from its YAML file, or name a model in base_model"
        )
    raise RegistryError(
        f"base_model is champion, but no version of {name} was promoted yet. For the "
        "first one, name a model in base_model, train, promote the version, then change the line"
    )

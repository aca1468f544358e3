"""Picks the adapter for an address: the `ModelSource` that the assets get."""

import os
from collections.abc import Mapping
from dataclasses import dataclass, field

from osft_assets.core.errors import ConfigError
from osft_assets.core.model_sources import HubModel, OciImage, parse_model_location
from osft_assets.core.ports import FoundModel, ModelSource
from osft_assets.core.recipes.base_model import BaseModelRecipe
from osft_assets.core.sources import S3Location
from osft_assets.core.workspace import Workspace
from resources.hub_model import HubModelSource
from resources.local_model import LocalModel
from resources.oci_model import OciModel
from resources.s3_model import S3Model


@dataclass(frozen=True)
class ModelSources:
    """Every kind of source, behind the one port."""

    workspace: Workspace
    confine_inputs: bool = False
    environment: Mapping[str, str] = field(default_factory=lambda: os.environ, repr=False)

    def find(self, recipe: BaseModelRecipe) -> FoundModel:
        """Resolve `recipe.base_model` with the adapter for its kind."""
        if not recipe.base_model.strip():
            raise ConfigError("base_model is empty. Set it to where the model is")
        location = parse_model_location(recipe.base_model)
        if isinstance(location, HubModel):
            return HubModelSource(self.workspace, self.environment).find(location, recipe)
        if isinstance(location, S3Location):
            return S3Model(self.workspace, self.environment).find(location, recipe)
        if isinstance(location, OciImage):
            return OciModel(self.workspace, self.environment).find(location)
        local = LocalModel(self.workspace, self.confine_inputs)
        return local.find(location, recipe.trust_remote_code)


_: type[ModelSource] = ModelSources

"""Picks the adapter for an address: the `DatasetSource` that the assets get."""

import os
from collections.abc import Mapping
from dataclasses import dataclass, field

from osft_assets.core.errors import ConfigError
from osft_assets.core.ports import DatasetSource, FoundSource
from osft_assets.core.recipes.dataset import DatasetRecipe
from osft_assets.core.sources import HubDataset, S3Location, WebLocation, resolve_location
from osft_assets.core.workspace import Workspace
from resources.huggingface_source import HuggingFaceSource
from resources.local_source import LocalSource
from resources.s3_source import S3Source


@dataclass(frozen=True)
class DatasetSources:
    """Every kind of source, behind the one port."""

    workspace: Workspace
    confine_inputs: bool = False
    environment: Mapping[str, str] = field(default_factory=lambda: os.environ, repr=False)

    def find(self, recipe: DatasetRecipe) -> FoundSource:
        """Resolve `recipe.data_uri` with the adapter for its kind."""
        if not recipe.data_uri:
            raise ConfigError("data_uri is empty. Set it to where the rows are")
        location = resolve_location(recipe.data_uri, self.environment)
        if isinstance(location, HubDataset):
            return HuggingFaceSource(self.environment).find(location, recipe)
        if isinstance(location, S3Location):
            return S3Source(self.environment).find(location, recipe)
        if isinstance(location, WebLocation):
            # httpx costs 0.1 s, which loading the code location need not pay.
            from resources.http_source import HttpSource

            return HttpSource().find(location)
        return LocalSource(self.workspace, self.confine_inputs).find(location)


_: type[DatasetSource] = DatasetSources

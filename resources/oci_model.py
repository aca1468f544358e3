"""Models in container images (ModelCars), pulled by skopeo and known by the image's digest."""

import os
import shutil
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

from osft_assets.core.model_downloads import downloaded
from osft_assets.core.model_sources import OciImage
from osft_assets.core.ports import FoundModel
from osft_assets.core.progress import DownloadProgress
from osft_assets.core.workspace import Workspace
from resources.oci_layers import extract_models, model_directory
from resources.skopeo import Skopeo

_DIGITS = 32


@dataclass(frozen=True)
class OciModel:
    """Finds an image, and the model below `/models` in it."""

    workspace: Workspace
    environment: Mapping[str, str] = field(default_factory=lambda: os.environ, repr=False)

    def find(self, image: OciImage) -> FoundModel:
        """The digest that the tag has now; a registry is not asked about a digest."""
        skopeo = Skopeo(self.environment)
        pinned = image if image.digest else replace(image, digest=skopeo.digest(image))

        def fetch(say: Callable[[str], None]) -> Path:
            name = f"oci-{pinned.digest.removeprefix('sha256:')[:_DIGITS]}"
            files = downloaded(self.workspace, name, say, lambda to: _fill(skopeo, pinned, to, say))
            return model_directory(files, str(image))

        return FoundModel(str(image), pinned.digest, fetch)


def _fill(skopeo: Skopeo, image: OciImage, to: Path, say: Callable[[str], None]) -> None:
    layers = to.parent / "image"
    layers.mkdir()
    skopeo.copy(image, layers, DownloadProgress(say, None))
    say("Downloaded; extracting the model.")
    extract_models(layers, to, str(image))
    shutil.rmtree(layers)
    model_directory(to, str(image))  # or the next run would find what is no model complete

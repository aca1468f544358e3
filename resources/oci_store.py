"""Copies a model into a container registry, as an image with its files below `/models`.

The image has no system in it, so nothing can run there: it is for image volumes and for whoever
pulls it, not for KServe's modelcar container, which starts a shell in it.
Credentials come from OCI_PUSH_SECRET: see `resources.pull_secret`. Reading such an image is
`resources.oci_model`.
"""

import os
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from osft_assets.core.drafts import new_draft
from osft_assets.core.errors import ConfigError, WorkspaceError
from osft_assets.core.model_downloads import refuse_without_room
from osft_assets.core.model_sources import OciImage, parse_model_location
from osft_assets.core.progress import UploadProgress
from osft_assets.core.workspace import Workspace
from resources.oci_layout import ModelImage, described, write_layout
from resources.published_files import PublishedFile, published_files, total_bytes
from resources.skopeo import Skopeo
from resources.skopeo_errors import PUSH

_HOME = "_publishing"
_TAG = re.compile(r"\w[\w.-]{0,127}", re.ASCII)
_STALLED_AFTER_SECONDS = 900  # a registry may take minutes to store a large layer


@dataclass(frozen=True)
class OciStore:
    """Every registry that the environment's credentials may write to.

    An image is put together in the workspace, which needs room for it as long as it is sent.
    """

    workspace: Workspace
    environment: Mapping[str, str] = field(default_factory=lambda: os.environ, repr=False)

    def publish(self, directory: Path, target: str, name: str, say: Callable[[str], None]) -> str:
        """The image with the model, by its digest; `name` is its tag."""
        image, files = _image(target, name), published_files(directory)
        skopeo = Skopeo(self.environment, _STALLED_AFTER_SECONDS, PUSH)
        there = skopeo.digest_if_there(image)
        model = _described(files, say)
        pinned = replace(image, digest=model.digest)
        if there == model.digest:
            say(f"{image} is this model already: not copied again.")
        else:
            self._push(skopeo, model, image, say)
            skopeo.digest(pinned)  # nothing counts as copied that cannot be read back
        return str(pinned)

    def _push(
        self, skopeo: Skopeo, model: ModelImage, image: OciImage, say: Callable[[str], None]
    ) -> None:
        home = self.workspace.root / _HOME
        refuse_without_room(home, model.size_bytes)
        size = f"{model.size_bytes / 1e9:,.2f} GB"
        try:
            home.mkdir(parents=True, exist_ok=True)
            with new_draft(home) as draft:
                say(f"Putting the image together: {size} in {len(model.layers)} layers.")
                write_layout(model, draft)
                say(f"Copying {size} to {image}.")
                skopeo.push(draft, image, UploadProgress(say, model.size_bytes))
        except OSError as problem:
            raise WorkspaceError(
                f"{image} cannot be put together in {home}: {problem.strerror}. Check the room "
                "there and its permissions"
            ) from problem


def _described(files: Sequence[PublishedFile], say: Callable[[str], None]) -> ModelImage:
    say(f"Hashing {len(files)} files, {total_bytes(files) / 1e9:,.2f} GB.")
    return described(files)


def _image(target: str, name: str) -> OciImage:
    """The image of that name; its tag is as much of the name as a tag can hold."""
    names = (name.replace("/", "-"), name.rpartition("/")[2])
    tag = next((found for found in names if _TAG.fullmatch(found)), "")
    try:
        image = parse_model_location(f"{target.rstrip('/')}:{tag}")
    except ConfigError:
        image = None
    if not isinstance(image, OciImage):
        raise ConfigError(
            "registry.publish_to is no place in a container registry. Expected "
            "oci://registry.example/repository"
        )
    return image

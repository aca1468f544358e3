"""Models below a prefix of S3: see `resources.s3_client`. Known by the ETags of their files."""

import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from osft_assets.core.errors import SourceError
from osft_assets.core.lineage import fingerprint
from osft_assets.core.model_downloads import downloaded, refuse_without_room
from osft_assets.core.model_files import needed_model
from osft_assets.core.ports import FoundModel
from osft_assets.core.progress import DownloadProgress
from osft_assets.core.recipes.base_model import BaseModelRecipe
from osft_assets.core.sources import S3Location
from osft_assets.core.workspace import Workspace
from resources.remote_file import BLOCK_BYTES, explained
from resources.s3_client import open_object, s3_client
from resources.s3_manifest import MANIFEST

_Objects = Mapping[str, Mapping[str, Any]]  # what S3 tells of each file, by its name


@dataclass(frozen=True)
class S3Model:
    """Finds the model below a prefix, and downloads it."""

    workspace: Workspace
    environment: Mapping[str, str] = field(default_factory=lambda: os.environ, repr=False)

    def find(self, location: S3Location, recipe: BaseModelRecipe) -> FoundModel:
        """The files there are, with their ETags."""
        client = s3_client(self.environment, recipe)
        root = f"{location.bucket}/{location.key}".rstrip("/")
        objects = _objects(client, location, root, recipe.trust_remote_code)
        listing = {name: [info.get("ETag", ""), info["size"]] for name, info in objects.items()}
        identity = fingerprint(listing)

        def fill(directory: Path, say: Callable[[str], None]) -> None:
            size_bytes = sum(info["size"] for info in objects.values())
            refuse_without_room(directory, size_bytes)
            _download(client, root, objects, directory, DownloadProgress(say, size_bytes))

        def fetch(say: Callable[[str], None]) -> Path:
            return downloaded(self.workspace, f"s3-{identity}", say, lambda to: fill(to, say))

        return FoundModel(str(location), f"etags:{identity}", fetch)


def _objects(client: Any, location: S3Location, root: str, trust_remote_code: bool) -> _Objects:
    """The files that make up the model."""
    with explained(str(location)):
        found = client.find(root, detail=True)
    names = {key.removeprefix(f"{root}/"): info for key, info in found.items()}
    names.pop(MANIFEST, None)
    return {name: names[name] for name in needed_model(str(location), names, trust_remote_code)}


def _download(
    client: Any, root: str, objects: _Objects, directory: Path, progress: DownloadProgress
) -> None:
    done = 0
    for name, info in objects.items():
        path = directory / name
        path.parent.mkdir(exist_ok=True)
        with (
            open_object(client, f"{root}/{name}", info.get("ETag")) as stream,
            path.open("wb") as to,
        ):
            while block := stream.read(BLOCK_BYTES):
                to.write(block)
                done += len(block)
                progress(done)
        if path.stat().st_size != info["size"]:
            raise SourceError(
                f"s3://{root}/{name}: {path.stat().st_size:,} bytes arrived, expected "
                f"{info['size']:,}. Run again",
                transient=True,
            )

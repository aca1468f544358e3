"""Models in directories of this machine, read where they are: `pvc://PATH` and absolute paths.

They are known by a hash of the files that make up the model, names and bytes, so a copy of a model
is the same model.
"""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import xxhash

from osft_assets.core.errors import SourceError
from osft_assets.core.model_files import needed_model
from osft_assets.core.ports import FoundModel
from osft_assets.core.sources import LocalPath, WorkspacePath
from osft_assets.core.workspace import Workspace
from resources.local_paths import existing_path, hash_file, refuse_links_out


@dataclass(frozen=True)
class LocalModel:
    """Finds the model in a directory."""

    workspace: Workspace
    confine_inputs: bool = False

    def find(self, location: WorkspacePath | LocalPath, trust_remote_code: bool) -> FoundModel:
        """The model there is, and the hash of what is in it."""
        try:
            root = existing_path(location, self.workspace, self.confine_inputs)
            paths = self._paths(location, root, trust_remote_code)
            revision = _content_hash(paths, root)
        except OSError as problem:
            raise SourceError(f"Cannot read {location}: {problem.strerror}. Check it.") from None
        return FoundModel(str(location), revision, _in_place(root))

    def _paths(
        self, location: WorkspacePath | LocalPath, root: Path, trust_remote_code: bool
    ) -> list[Path]:
        if not root.is_dir():
            raise SourceError(
                f"{location} is no directory. Name the directory that holds the model's config.json"
            )
        below = (path for path in (*root.glob("*"), *root.glob("*/*.jinja")) if path.is_file())
        names = [str(path.relative_to(root)) for path in below]
        paths = [root / name for name in needed_model(str(location), names, trust_remote_code)]
        refuse_links_out(paths, location, self.workspace)
        return paths


def _in_place(root: Path) -> Callable[[Callable[[str], None]], Path]:
    return lambda _: root


def _content_hash(paths: list[Path], root: Path) -> str:
    digest = xxhash.xxh3_128()
    for path in paths:
        digest.update(str(path.relative_to(root)).encode(errors="surrogateescape") + b"\0")
        hash_file(digest, path)
    return f"xxh3:{digest.hexdigest()}"

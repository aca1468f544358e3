"""What all readers of this machine's files share: which paths may be read, and their hash.

The workspace's own paths (`pvc://`) may not lead out of it. With `confine_inputs` nothing else
may be read: on a shared installation, whoever may launch a run could otherwise read any file of the
pod.
"""

from pathlib import Path

import xxhash

from osft_assets.core.errors import ConfigError, SourceError
from osft_assets.core.sources import LocalPath, WorkspacePath
from osft_assets.core.workspace import Workspace
from resources.row_formats import BLOCK_BYTES


def existing_path(
    location: WorkspacePath | LocalPath, workspace: Workspace, confine_inputs: bool
) -> Path:
    """The path on this machine; refused when it may not be read, or is not there."""
    path = _allowed(location, workspace, confine_inputs)
    if not path.exists():
        where = f" (looked for {path})" if isinstance(location, WorkspacePath) else ""
        raise SourceError(
            f"{location} does not exist{where}. Check the path, and that its volume is mounted."
        )
    return path


def _allowed(
    location: WorkspacePath | LocalPath, workspace: Workspace, confine_inputs: bool
) -> Path:
    if isinstance(location, WorkspacePath):
        return workspace.inside(location.relative)
    if confine_inputs:
        raise ConfigError(
            f"{location}: absolute paths are refused while OSFT_CONFINE_INPUTS is set. Use "
            "pvc://PATH, relative to the workspace"
        )
    return location.path


def refuse_links_out(
    paths: list[Path], location: WorkspacePath | LocalPath, workspace: Workspace
) -> None:
    """A file below a path of the workspace may be a link to one outside it."""
    if isinstance(location, WorkspacePath):
        for path in paths:
            workspace.inside(str(path.relative_to(workspace.root.resolve())))


def hash_file(digest: xxhash.xxh3_128, path: Path) -> None:
    """Add the bytes of a file to the hash."""
    with path.open("rb", buffering=0) as stream:
        while block := stream.read(BLOCK_BYTES):
            digest.update(block)
    digest.update(b"\0")  # moving bytes from one file to the next is a change

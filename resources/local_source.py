"""Files of this machine: the workspace's own (`pvc://`), and others, which are only read.

With `confine_inputs` nothing outside the workspace may be read: on a shared installation, whoever
may launch a run could otherwise read any file of the pod.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import BinaryIO, cast

import xxhash

from osft_assets.core.errors import ConfigError, SourceError
from osft_assets.core.ports import FoundSource, RowBatch
from osft_assets.core.records import SourceRecord
from osft_assets.core.sources import LocalPath, WorkspacePath
from osft_assets.core.workspace import Workspace
from resources.row_files import RowFile, is_data_file, read_files

_BLOCK_BYTES = 2**18


@dataclass(frozen=True)
class LocalSource:
    """Reads a file, or every data file below a directory."""

    workspace: Workspace
    confine_inputs: bool = False

    def find(self, location: WorkspacePath | LocalPath) -> FoundSource:
        """The files there are, and a hash of what is in them."""
        root = self._path(location)
        try:
            paths = self._files(location, root)
            revision = _content_hash(paths)
            stamps = [_stamp(path) for path in paths]
        except OSError as problem:
            raise SourceError(
                f"Cannot read {location}: {problem.strerror}. Check its permissions."
            ) from None
        names = tuple(_name(path, root) for path in paths)
        files = [
            RowFile(name, partial(_open, path)) for name, path in zip(names, paths, strict=True)
        ]
        return FoundSource(
            SourceRecord(uri=str(location), revision=revision, files=names),
            sum(size for size, _ in stamps),
            lambda: _read_unchanged(files, paths, stamps),
        )

    def _path(self, location: WorkspacePath | LocalPath) -> Path:
        if isinstance(location, WorkspacePath):
            return self.workspace.inside(location.relative)
        if self.confine_inputs:
            raise ConfigError(
                f"{location} is outside the workspace, and OSFT_CONFINE_INPUTS is set. Use "
                f"pvc://PATH"
            )
        return location.path

    def _files(self, location: WorkspacePath | LocalPath, root: Path) -> list[Path]:
        if not root.exists():
            where = f" (looked for {root})" if isinstance(location, WorkspacePath) else ""
            raise SourceError(
                f"{location} does not exist{where}. Check the path, and that its volume is mounted."
            )
        if root.is_file():
            return [root]
        if not root.is_dir():
            raise SourceError(f"{location} is neither a file nor a directory. Check the path.")
        paths = sorted(
            path for path in root.rglob("*") if path.is_file() and is_data_file(_name(path, root))
        )
        if not paths:
            raise SourceError(
                f"{location} has no data files (.jsonl, .json, .csv, .parquet, also .gz and .zst)."
            )
        if isinstance(location, WorkspacePath):
            for path in paths:
                self.workspace.inside(str(path.relative_to(self.workspace.root.resolve())))
        return paths


def _name(path: Path, root: Path) -> str:
    return path.name if path == root else str(path.relative_to(root))


def _open(path: Path) -> BinaryIO:
    try:
        return cast(BinaryIO, path.open("rb", buffering=0))
    except OSError as problem:
        raise SourceError(f"Cannot read {path}: {problem.strerror}. Run again.") from None


def _content_hash(paths: list[Path]) -> str:
    digest = xxhash.xxh3_128()
    for path in paths:
        with path.open("rb", buffering=0) as stream:
            while block := stream.read(_BLOCK_BYTES):
                digest.update(block)
        digest.update(b"\0")  # moving a row from one file to the next is a change
    return f"xxh3:{digest.hexdigest()}"


def _stamp(path: Path) -> tuple[int, int]:
    status = path.stat()
    return status.st_size, status.st_mtime_ns


def _is_unchanged(path: Path, stamp: tuple[int, int]) -> bool:
    try:
        return _stamp(path) == stamp
    except FileNotFoundError:
        return False


def _read_unchanged(
    files: list[RowFile], paths: list[Path], stamps: list[tuple[int, int]]
) -> Iterator[RowBatch]:
    yield from read_files(files)
    for path, stamp in zip(paths, stamps, strict=True):
        if not _is_unchanged(path, stamp):
            raise SourceError(
                f"{path} was changed while it was read. Run again when it is complete."
            )

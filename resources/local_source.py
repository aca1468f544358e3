"""Rows in files of this machine: the workspace's own (`pvc://`), and others, which are only read.

Which paths may be read is decided in `resources.local_paths`.
"""

import os
from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import BinaryIO, cast

import xxhash

from osft_assets.core.errors import SourceError
from osft_assets.core.ports import Batches, FoundSource
from osft_assets.core.records import SourceRecord
from osft_assets.core.sources import LocalPath, WorkspacePath
from osft_assets.core.workspace import Workspace
from resources.local_paths import existing_path, hash_file, refuse_links_out
from resources.row_files import RowFile, is_data_file, read_files


@dataclass(frozen=True)
class LocalSource:
    """Reads a file, or every data file below a directory."""

    workspace: Workspace
    confine_inputs: bool = False

    def find(self, location: WorkspacePath | LocalPath) -> FoundSource:
        """The files there are, and a hash of what is in them."""
        try:
            root = existing_path(location, self.workspace, self.confine_inputs)
            paths, skipped = self._files(location, root)
            stamps = [_stamp(path) for path in paths]  # before hashing: a change in between shows
            revision = _content_hash(paths)
        except OSError as problem:
            raise SourceError(f"Cannot read {location}: {problem.strerror}. Check it.") from None
        names = tuple(_name(path, root) for path in paths)
        files = [
            RowFile(name, partial(_open, path)) for name, path in zip(names, paths, strict=True)
        ]
        record = SourceRecord(uri=str(location), revision=revision, files=names, skipped=skipped)
        size_bytes = sum(stamp[0] for stamp in stamps)
        return FoundSource(record, size_bytes, lambda: _read_unchanged(files, paths, stamps))

    def _files(
        self, location: WorkspacePath | LocalPath, root: Path
    ) -> tuple[list[Path], tuple[str, ...]]:
        if root.is_file():
            return [root], ()
        if not root.is_dir():
            raise SourceError(f"{location} is neither a file nor a directory. Check the path.")
        paths = sorted(_walk(root))
        data = [path for path in paths if is_data_file(_name(path, root))]
        if not data:
            raise SourceError(
                f"{location} has no data files (.jsonl, .json, .csv, .parquet, also .gz and .zst)."
            )
        refuse_links_out(data, location, self.workspace)
        skipped = sorted(set(paths).difference(data))
        return data, tuple(_name(path, root) for path in skipped)


def _walk(root: Path) -> Iterator[Path]:
    """Every file below, or an error: a directory that is left out would be rows that are lost."""
    for directory, subdirectories, files in os.walk(root, onerror=_raise):
        for name in subdirectories:
            if Path(directory, name).is_symlink():
                raise SourceError(f"{Path(directory, name)} is a linked directory. Name it itself.")
        yield from (path for name in files if (path := Path(directory, name)).is_file())


def _raise(problem: OSError) -> None:
    raise problem


def _name(path: Path, root: Path) -> str:
    name = path.name if path == root else str(path.relative_to(root))
    try:
        name.encode()
    except UnicodeEncodeError:
        raise SourceError(f"{name!a} is not named in UTF-8. Rename the file.") from None
    return name


def _open(path: Path) -> BinaryIO:
    try:
        return cast(BinaryIO, path.open("rb", buffering=0))
    except OSError as problem:
        raise SourceError(f"Cannot read {path}: {problem.strerror}. Run again.") from None


def _content_hash(paths: list[Path]) -> str:
    digest = xxhash.xxh3_128()
    for path in paths:
        hash_file(digest, path)
    return f"xxh3:{digest.hexdigest()}"


_Stamp = tuple[int, int, int, int]


def _stamp(path: Path) -> _Stamp:
    status = path.stat()
    return status.st_size, status.st_mtime_ns, status.st_ctime_ns, status.st_ino


def _is_unchanged(path: Path, stamp: _Stamp) -> bool:
    try:
        return _stamp(path) == stamp
    except FileNotFoundError:
        return False


def _read_unchanged(files: list[RowFile], paths: list[Path], stamps: list[_Stamp]) -> Batches:
    try:
        yield from read_files(files)
    finally:  # also when only the first rows are wanted
        for path, stamp in zip(paths, stamps, strict=True):
            if not _is_unchanged(path, stamp):
                raise SourceError(
                    f"{path} was changed while it was read. Run again when it is complete.",
                    transient=True,
                )

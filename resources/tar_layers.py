"""Layers of an image: tar archives with a model's files below `models/`, to hash or to write.

The same files always give the same bytes: no times, no owners, one order. Nothing is compressed,
which weights hardly let themselves be. Taking such layers apart is `resources.oci_layers`.
"""

import tarfile
from collections.abc import Iterator, Sequence
from pathlib import PurePosixPath

from resources.published_files import PublishedFile, refuse_change

_ROOT = PurePosixPath("models")
_BLOCK, _READ_AT_ONCE = 512, 8 * 2**20
_LARGE = 100 * 2**20


def split_into_layers(files: Sequence[PublishedFile]) -> list[list[PublishedFile]]:
    """All small files together, and each large one by itself: sent and kept by itself too."""
    small = [file for file in files if file.size < _LARGE]
    large = [[file] for file in files if file.size >= _LARGE]
    return [small, *large] if small else large


def tar_blocks(files: Sequence[PublishedFile]) -> Iterator[bytes]:
    """The archive, piece by piece."""
    for folder in _folders(files):
        yield _header(folder, 0, tarfile.DIRTYPE, 0o755)
    for file in files:
        yield _header(_ROOT / file.name, file.size, tarfile.REGTYPE, 0o644)
        yield from _content(file)
        yield bytes(-file.size % _BLOCK)
    yield bytes(2 * _BLOCK)


def _content(file: PublishedFile) -> Iterator[bytes]:
    read = 0
    with file.path.open("rb") as stream:
        while block := stream.read(_READ_AT_ONCE):
            read += len(block)
            yield block
    refuse_change(file, read)


def _folders(files: Sequence[PublishedFile]) -> list[PurePosixPath]:
    """Every directory that a file is in, those above first."""
    found = {parent for file in files for parent in (_ROOT / file.name).parents}
    return sorted(found - {PurePosixPath(".")})


def _header(name: PurePosixPath, size: int, kind: bytes, mode: int) -> bytes:
    entry = tarfile.TarInfo(str(name))
    entry.size, entry.type, entry.mode = size, kind, mode
    return entry.tobuf(tarfile.PAX_FORMAT)

"""Copies a model below a prefix of S3, or of what speaks like it (MinIO).

One object says that the copy is whole; it is written last. Credentials come from the usual AWS
chain: see `resources.s3_client`. Reading such a model is `resources.s3_model`.
"""

import os
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from osft_assets.core.errors import RegistryError
from osft_assets.core.progress import UploadProgress
from resources.published_files import PublishedFile, published_files, refuse_change, total_bytes
from resources.s3_client import s3_file_system
from resources.s3_manifest import MANIFEST, Listed, from_manifest, listed, to_manifest
from resources.s3_prefix import S3Prefix

_ATTEMPTS = 2  # of botocore's own; S3Prefix tries again after pauses


@dataclass(frozen=True)
class S3Store:
    """Every bucket that the environment's credentials may write to."""

    environment: Mapping[str, str] = field(default_factory=lambda: os.environ, repr=False)
    pause: Callable[[float], None] = field(default=time.sleep, repr=False)

    def publish(self, directory: Path, target: str, name: str, say: Callable[[str], None]) -> str:
        """The files of the model, below `<target>/<name>/`."""
        address = f"{target.rstrip('/')}/{name}"
        files = published_files(directory)
        client = s3_file_system(self.environment, attempts=_ATTEMPTS)
        place = S3Prefix(client, address, say, self.pause)
        there, wanted = place.sizes(), listed(files)
        held = from_manifest(place.read(MANIFEST)) if MANIFEST in there else {}
        missing = [file for file in files if not _is_there(file, there, held, wanted)]
        if held == wanted and not missing:
            say(f"{address} holds this model already: not copied again.")
        else:
            _make_way(place, there, files)
            _copy(place, missing)
            _refuse_damage(place, files)
            _refuse_other_content(missing, wanted)
            place.write(MANIFEST, to_manifest(wanted))
        return address


def _is_there(file: PublishedFile, there: Mapping[str, int], held: Listed, wanted: Listed) -> bool:
    """Another model card is no reason to send the weights again."""
    return there.get(file.name) == file.size and held.get(file.name) == wanted[file.name]


def _make_way(place: S3Prefix, there: Mapping[str, int], files: list[PublishedFile]) -> None:
    """Weights of another model beside these would be loaded with them."""
    place.remove([MANIFEST] if MANIFEST in there else [])
    others = sorted(set(there) - {file.name for file in files} - {MANIFEST})
    if others:
        place.say(f"{place.address}: removing {len(others)} files that are not of this model.")
    place.remove(others)


def _copy(place: S3Prefix, files: list[PublishedFile]) -> None:
    size_bytes, done_bytes = total_bytes(files), 0
    progress = UploadProgress(place.say, size_bytes)
    place.say(f"Copying {len(files)} files, {size_bytes / 1e9:,.2f} GB, to {place.address}.")
    for number, file in enumerate(files):
        place.send(file, progress.after(done_bytes, f"{number} of {len(files)} files, "))
        done_bytes += file.size


def _refuse_damage(place: S3Prefix, files: list[PublishedFile]) -> None:
    """Nothing counts as copied that is not seen there."""
    arrived = place.sizes()
    for file in files:
        refuse_change(file, file.path.stat().st_size)
        if arrived.get(file.name) != file.size:
            raise RegistryError(
                f"{place.address}/{file.name}: {arrived.get(file.name, 0):,} bytes arrived, "
                f"expected {file.size:,}. Is somebody else writing there? Run again"
            )


def _refuse_other_content(sent: list[PublishedFile], wanted: Listed) -> None:
    """Or the manifest would call them what they were when they were hashed, for good."""
    others = [file for file in sent if listed([file])[file.name] != wanted[file.name]]
    if others:
        raise RegistryError(
            f"{others[0].path} was changed while it was copied. Run again when nobody writes there"
        )

"""Which files of a finished model are copied elsewhere: all but hidden ones.

Where they go is `resources.s3_store` and `resources.oci_store`.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from osft_assets.core.errors import RegistryError
from osft_assets.core.model_files import needed_model


@dataclass(frozen=True)
class PublishedFile:
    """One file. `name` is relative to the model's directory."""

    name: str
    path: Path
    size: int


def published_files(directory: Path) -> list[PublishedFile]:
    """The files of the model in the order of their names; ModelError when they make up none."""
    paths = {str(path.relative_to(directory)): path for path in sorted(directory.rglob("*"))}
    names = [name for name, path in paths.items() if path.is_file() and not _is_hidden(name)]
    needed_model(str(directory), names, trust_remote_code=True)
    return [PublishedFile(name, paths[name], paths[name].stat().st_size) for name in sorted(names)]


def total_bytes(files: Sequence[PublishedFile]) -> int:
    """How much there is to copy."""
    return sum(file.size for file in files)


def refuse_change(file: PublishedFile, found_bytes: int) -> None:
    """What was copied of a file must be as long as the file was when it was found."""
    if found_bytes != file.size:
        raise RegistryError(
            f"{file.path} was changed while it was copied: {found_bytes:,} bytes, expected "
            f"{file.size:,}. Run again when nobody writes there"
        )


def _is_hidden(name: str) -> bool:
    return any(part.startswith(".") for part in Path(name).parts)

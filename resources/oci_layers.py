"""Takes the model out of a downloaded image: what its layers hold below `models/`.

An image may come from anywhere, so nothing in it may touch a file elsewhere: paths that lead out,
links that might, and devices are refused before anything of that entry is written.
"""

import json
import tarfile
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from osft_assets.core.errors import ModelError, SourceError
from osft_assets.core.lineage import file_sha256
from osft_assets.core.model_files import is_model_with_tokenizer

_ROOT = "models"
_DELETED = ".wh."  # how a layer says that a file of an earlier one is gone
_LISTED = 10


@dataclass(frozen=True)
class Layer:
    """One layer, as the manifest tells it."""

    digest: str
    size: int
    media_type: str


def extract_models(image: Path, to: Path, place: str) -> None:
    """Everything below `models/`, layer by layer; each layer is deleted once it is extracted."""
    for layer in _layers(image, place):
        blob = image / layer.digest.removeprefix("sha256:")
        _refuse_damage(blob, layer, place)
        _extract(blob, layer, to, place)
        blob.unlink()


def model_directory(extracted: Path, place: str) -> Path:
    """`models/`, or the one directory in it, that holds configuration, tokenizer and weights."""
    root = extracted / _ROOT
    below = sorted(path for path in root.glob("*") if path.is_dir())
    models = [path for path in (root, *below) if is_model_with_tokenizer(_names(path))]
    if len(models) == 1:
        return models[0]
    names = [str(path.relative_to(extracted)) for path in models] or _tree(extracted)
    found = ", ".join(names[:_LISTED]) or "nothing"
    what = "several models" if models else "no model"
    raise ModelError(
        f"{place} holds {what} in {_ROOT}/ or one directory below it. Found: {found}. Expected one "
        "directory with config.json, a tokenizer and weights (*.safetensors)"
    )


def _layers(image: Path, place: str) -> list[Layer]:
    try:
        told = json.loads((image / "manifest.json").read_bytes())["layers"]
        return [
            Layer(str(layer["digest"]), int(layer["size"]), str(layer.get("mediaType", "")))
            for layer in told
        ]
    except (FileNotFoundError, ValueError, TypeError, KeyError, AttributeError):
        raise SourceError(f"{place} has no manifest that lists layers. Is it an image?") from None


def _refuse_damage(blob: Path, layer: Layer, place: str) -> None:
    found = blob.stat().st_size if blob.is_file() else 0
    if found != layer.size:
        raise SourceError(
            f"{place}: layer {layer.digest} is {found:,} bytes, expected {layer.size:,}. Run again"
        )
    if f"sha256:{file_sha256(blob)}" != layer.digest:
        raise SourceError(f"{place}: layer {layer.digest} is damaged, its hash differs. Run again")


def _extract(blob: Path, layer: Layer, to: Path, place: str) -> None:
    where = f"{place}: layer {layer.digest}"
    try:
        with tarfile.open(blob, "r|*") as archive:
            for member in archive:
                if _is_wanted(member):
                    _refuse_unsafe(member, where)
                    _make_way(to / member.name)
                    archive.extract(member, to, filter="data")
    except tarfile.FilterError as problem:
        raise ModelError(f"{where}: {type(problem).__name__}. It is not safe to extract") from None
    except (tarfile.TarError, EOFError) as problem:
        raise ModelError(
            f"{where} is {layer.media_type or 'of an unknown type'} and no tar or tar.gz that can "
            f"be read ({type(problem).__name__}). Push the image with gzip layers"
        ) from None


def _is_wanted(member: tarfile.TarInfo) -> bool:
    parts = [part for part in PurePosixPath(member.name).parts if part != "/"]
    return parts[:1] == [_ROOT]


def _refuse_unsafe(member: tarfile.TarInfo, where: str) -> None:
    reason = _unsafe(member)
    if reason:
        raise ModelError(f"{where} holds {member.name!a}, {reason}. It was not extracted")


def _unsafe(member: tarfile.TarInfo) -> str:
    name = PurePosixPath(member.name)
    if name.is_absolute() or ".." in name.parts:
        return "a path that may lead out of the model"
    if name.name.startswith(_DELETED):
        return "which deletes a file of an earlier layer. Squash the image's layers"
    if not (member.isfile() or member.isdir() or member.issym() or member.islnk()):
        return "which is neither file, directory nor link"
    target = PurePosixPath(member.linkname)
    if member.issym() and (target.is_absolute() or ".." in target.parts):
        return f"a link that may lead out of the model, to {member.linkname!a}"
    if member.islnk() and (".." in target.parts or target.parts[:1] != (_ROOT,)):
        return f"a link that leads out of the model, to {member.linkname!a}"
    return ""


def _make_way(path: Path) -> None:
    """A later layer replaces a file; writing through a link would change another one."""
    if path.is_symlink() or path.is_file():
        path.unlink()


def _names(directory: Path) -> list[str]:
    return [path.name for path in directory.glob("*") if path.is_file()]


def _tree(directory: Path) -> list[str]:
    return sorted(str(path.relative_to(directory)) for path in directory.rglob("*"))

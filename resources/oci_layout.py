"""An image that holds a model and nothing else, in OCI's layout of files.

It is described before it is written: whoever knows its digest may find that it is there already.
"""

import hashlib
import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from resources.published_files import PublishedFile
from resources.tar_layers import split_into_layers, tar_blocks

_OCI = "application/vnd.oci.image"


@dataclass(frozen=True)
class LayerBlob:
    """One layer, uncompressed: its digest is that of its content too."""

    files: Sequence[PublishedFile]
    digest: str
    size: int


@dataclass(frozen=True)
class ModelImage:
    """Everything that makes up an image."""

    layers: Sequence[LayerBlob]
    config: bytes
    manifest: bytes

    @property
    def digest(self) -> str:
        """What identifies it in every registry."""
        return _digest([self.manifest])

    @property
    def size_bytes(self) -> int:
        """What its layers hold."""
        return sum(layer.size for layer in self.layers)


def described(files: Sequence[PublishedFile]) -> ModelImage:
    """The image of these files. Reads them all."""
    layers = [_layer(part) for part in split_into_layers(files)]
    config = _json(
        {
            "architecture": "amd64",  # files fit every machine, but the format asks for one
            "os": "linux",
            "config": {},
            "rootfs": {"type": "layers", "diff_ids": [layer.digest for layer in layers]},
        }
    )
    manifest = {
        "schemaVersion": 2,
        "mediaType": f"{_OCI}.manifest.v1+json",
        "config": _descriptor("config.v1+json", _digest([config]), len(config)),
        "layers": [_descriptor("layer.v1.tar", blob.digest, blob.size) for blob in layers],
    }
    return ModelImage(layers, config, _json(manifest))


def write_layout(image: ModelImage, directory: Path) -> None:
    """The image as files. Reads those of the model again."""
    blobs = directory / "blobs" / "sha256"
    blobs.mkdir(parents=True)
    for layer in image.layers:
        _write(blobs, layer.digest, tar_blocks(layer.files))
    for content in (image.config, image.manifest):
        _write(blobs, _digest([content]), [content])
    entry = _descriptor("manifest.v1+json", image.digest, len(image.manifest))
    (directory / "index.json").write_bytes(_json({"schemaVersion": 2, "manifests": [entry]}))
    (directory / "oci-layout").write_bytes(_json({"imageLayoutVersion": "1.0.0"}))


def _layer(files: Sequence[PublishedFile]) -> LayerBlob:
    size, sha256 = 0, hashlib.sha256()
    for block in tar_blocks(files):
        size += len(block)
        sha256.update(block)
    return LayerBlob(files, f"sha256:{sha256.hexdigest()}", size)


def _write(blobs: Path, digest: str, blocks: Iterable[bytes]) -> None:
    with (blobs / digest.removeprefix("sha256:")).open("wb") as stream:
        stream.writelines(blocks)


def _descriptor(kind: str, digest: str, size: int) -> dict[str, Any]:
    return {"mediaType": f"{_OCI}.{kind}", "digest": digest, "size": size}


def _digest(blocks: Iterable[bytes]) -> str:
    sha256 = hashlib.sha256()
    for block in blocks:
        sha256.update(block)
    return f"sha256:{sha256.hexdigest()}"


def _json(value: Any) -> bytes:
    return json.dumps(value, sort_keys=True, separators=(",", ":")).encode()

"""Writes a container image from directories, as `ctr images import` reads it (an OCI layout).

No engine, no registry, nothing but the standard library and tar: a layer is the archive of a
directory, an image is its layers and three small JSON files. Layers that containerd has already
are left out of the archive. `images.sh` makes the directories.
"""

import argparse
import hashlib
import io
import json
import subprocess
import tarfile
import tempfile
from pathlib import Path
from typing import Any

_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
_TYPE = "application/vnd.oci.image"


def write_image(
    archive: Path, name: str, layers: list[Path], runs: dict[str, Any], known: set[str]
) -> None:
    """The image `name`, lowest layer first; `runs` is how a container of it starts."""
    with tarfile.open(archive, "w") as image:
        tars = [_add_layer(image, layer, known) for layer in layers]
        rootfs = {"type": "layers", "diff_ids": [tar["digest"] for tar in tars]}
        config = {"architecture": "amd64", "os": "linux", "config": runs, "rootfs": rootfs}
        manifest = {
            "schemaVersion": 2,
            "mediaType": f"{_TYPE}.manifest.v1+json",
            "config": _add_json(image, f"{_TYPE}.config.v1+json", config),
            "layers": tars,
        }
        found = _add_json(image, f"{_TYPE}.manifest.v1+json", manifest)
        found["annotations"] = {"io.containerd.image.name": name}
        _add(image, "index.json", _json({"schemaVersion": 2, "manifests": [found]}))
        _add(image, "oci-layout", _json({"imageLayoutVersion": "1.0.0"}))


def _add_layer(image: tarfile.TarFile, layer: Path, known: set[str]) -> dict[str, Any]:
    """What is written beside the directory spares archiving it again; nobody changes a layer."""
    note = layer.with_name(f"{layer.name}.layer.json")
    if note.exists() and (found := json.loads(note.read_text()))["digest"] in known:
        return found
    with tempfile.NamedTemporaryFile(dir=layer.parent) as file:
        # Times are kept: Python compiles anew, at every start, what is not as old as it was.
        command = ["tar", "--numeric-owner", "--sort=name", "-C", layer, "-cf", file.name, "."]
        subprocess.run(command, check=True)
        digest = hashlib.file_digest(file, "sha256").hexdigest()
        image.add(file.name, f"blobs/sha256/{digest}")
        described = _described(f"{_TYPE}.layer.v1.tar", digest, Path(file.name).stat().st_size)
    note.write_text(json.dumps(described))
    return described


def _add_json(image: tarfile.TarFile, media_type: str, value: dict[str, Any]) -> dict[str, Any]:
    content = _json(value)
    digest = hashlib.sha256(content).hexdigest()
    _add(image, f"blobs/sha256/{digest}", content)
    return _described(media_type, digest, len(content))


def _described(media_type: str, digest: str, size_bytes: int) -> dict[str, Any]:
    return {"mediaType": media_type, "digest": f"sha256:{digest}", "size": size_bytes}


def _json(value: Any) -> bytes:
    return json.dumps(value).encode()


def _add(image: tarfile.TarFile, name: str, content: bytes) -> None:
    entry = tarfile.TarInfo(name)
    entry.size = len(content)
    image.addfile(entry, io.BytesIO(content))


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("archive", type=Path)
    parser.add_argument("name", help="with its tag: localhost/osft-control:test")
    parser.add_argument("--layer", type=Path, action="append", required=True)
    parser.add_argument("--command", nargs="*", default=[])
    parser.add_argument("--env", action="append", default=[], metavar="NAME=VALUE")
    parser.add_argument("--path", default="", help="put before the usual PATH")
    parser.add_argument("--user", default="0:0", help="UID:GID, as numbers")
    parser.add_argument("--known", default="", help="digests of the layers that are there")
    asked = parser.parse_args()
    path = f"PATH={asked.path}:{_PATH}" if asked.path else f"PATH={_PATH}"
    runs = {"Cmd": asked.command or None, "Env": [path, *asked.env], "User": asked.user}
    write_image(asked.archive, asked.name, asked.layer, runs, set(asked.known.split()))


if __name__ == "__main__":
    main()

"""Writes a container image from directories, as `ctr images import` and `docker load` read it.

No engine, no registry, nothing but the standard library and tar: a layer is the archive of a
directory, an image is its layers and two small JSON files. `images.sh` makes the directories.
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


def write_image(archive: Path, name: str, layers: list[Path], runs: dict[str, Any]) -> None:
    """The image `name`, lowest layer first; `runs` is how a container of it starts."""
    with tempfile.TemporaryDirectory(dir=archive.parent) as scratch:
        tars = [_layer(layer, Path(scratch, f"{n}.tar")) for n, layer in enumerate(layers)]
        config = _json(
            {
                "architecture": "amd64",
                "os": "linux",
                "created": "1970-01-01T00:00:00Z",
                "config": runs,
                "rootfs": {
                    "type": "layers",
                    "diff_ids": [_digest(tar) for tar in tars],
                },
            }
        )
        config_name = f"{hashlib.sha256(config).hexdigest()}.json"
        layer_names = [tar.name for tar in tars]
        manifest = [{"Config": config_name, "RepoTags": [name], "Layers": layer_names}]
        with tarfile.open(archive, "w") as image:
            _add(image, config_name, config)
            _add(image, "manifest.json", _json(manifest))
            for tar in tars:
                image.add(tar, tar.name)


def _layer(directory: Path, tar: Path) -> Path:
    """Times are kept: Python compiles anew, at every start, what is not as old as it was."""
    subprocess.run(
        ["tar", "--numeric-owner", "--sort=name", "-C", directory, "-cf", tar, "."], check=True
    )
    return tar


def _digest(path: Path) -> str:
    with path.open("rb") as content:
        return f"sha256:{hashlib.file_digest(content, 'sha256').hexdigest()}"


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
    asked = parser.parse_args()
    path = f"PATH={asked.path}:{_PATH}" if asked.path else f"PATH={_PATH}"
    runs = {"Cmd": asked.command or None, "Env": [path, *asked.env], "User": asked.user}
    write_image(asked.archive, asked.name, asked.layer, runs)


if __name__ == "__main__":
    main()

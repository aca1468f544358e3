"""Container images in skopeo's `dir:` layout, and a program that behaves like skopeo.

Real skopeo's arguments, messages and layout were looked at with version 1.9.3.
"""

import gzip
import hashlib
import io
import json
import stat
import sys
import tarfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

Entries = Mapping[str, bytes | tarfile.TarInfo]

_SKOPEO = """#!{python}
import hashlib, json, os, shutil, sys, time
home = {home!r}
registry = json.load(open(home + "/registry.json"))
options = dict(zip(sys.argv[2:], sys.argv[3:]))
authfile = options.get("--authfile")
login = json.load(open(authfile)) if authfile else None
with open(home + "/calls.jsonl", "a") as calls:
    mode = oct(os.stat(authfile).st_mode & 0o777) if authfile else None
    call = dict(pid=os.getpid(), arguments=sys.argv[1:], login=login, authfile=authfile, mode=mode,
                secret=os.environ.get("OCI_PULL_SECRET_MODEL_DOWNLOAD",
                                      os.environ.get("OCI_PUSH_SECRET")))
    calls.write(json.dumps(call) + "\\n")
def fail(message):
    sys.exit('time="2026-01-01T00:00:00Z" level=fatal msg="' + message.replace('"', '\\\\"') + '"')
reference = next(a for a in sys.argv if a.startswith("docker://")).removeprefix("docker://")
if registry.get("says"):
    fail(registry["says"])
if registry.get("hangs"):
    time.sleep(600)
if registry.get("login") and (not login or registry["login"] not in json.dumps(login)):
    fail('Error parsing image name "docker://' + reference + '": reading manifest: unauthorized: '
         'authentication required')
if sys.argv[1] == "copy" and sys.argv[-1].startswith("docker://"):
    assert "--preserve-digests" in sys.argv
    layout = sys.argv[-2].removeprefix("oci:")
    assert json.load(open(layout + "/oci-layout")) == {{"imageLayoutVersion": "1.0.0"}}
    (entry,) = json.load(open(layout + "/index.json"))["manifests"]
    blob = lambda told: layout + "/blobs/" + told["digest"].replace(":", "/")
    manifest = json.load(open(blob(entry)))
    target = home + "/images/" + os.path.basename(blob(entry))
    os.makedirs(target, exist_ok=True)
    shutil.copy(blob(entry), target + "/manifest.json")
    for told in (manifest["config"], *manifest["layers"]):
        content = open(blob(told), "rb").read()
        assert len(content) == told["size"]
        assert "sha256:" + hashlib.sha256(content).hexdigest() == told["digest"]
        shutil.copy(blob(told), target)
    if registry.get("loses_digests"):
        sys.exit()
    pinned = reference.rpartition(":")[0] + "@" + entry["digest"]
    registry["images"] |= {{reference: entry["digest"], pinned: entry["digest"]}}
    json.dump(registry, open(home + "/registry.json", "w"))
    sys.exit()
digest = registry["images"].get(reference)
if digest is None:
    fail("reading manifest: manifest unknown: manifest unknown")
if sys.argv[1] == "inspect":
    assert options["--format"] == "{{{{.Digest}}}}" and "--no-tags" in sys.argv
    print(digest)
else:
    assert sys.argv[1] == "copy"
    target = sys.argv[-1].removeprefix("dir:")
    shutil.copytree(home + "/images/" + digest.removeprefix("sha256:"), target, dirs_exist_ok=True)
"""


class Registry:
    """A registry that only the fake skopeo knows."""

    def __init__(self, home: Path) -> None:
        self._home = home
        home.mkdir()
        (home / "registry.json").write_text('{"images": {}}')
        self.bin = home / "bin"
        self.bin.mkdir()
        program = self.bin / "skopeo"
        program.write_text(_SKOPEO.format(python=sys.executable, home=str(home)))
        program.chmod(program.stat().st_mode | stat.S_IXUSR)

    def push(self, reference: str, *layers: Entries | bytes) -> Path:
        """An image with these layers, under a tag; the directory that a copy of it is made of."""
        blobs = [layer if isinstance(layer, bytes) else archive(layer) for layer in layers]
        manifest = json.dumps({"schemaVersion": 2, "layers": [_described(b) for b in blobs]})
        digest = _digest(manifest.encode())
        directory = self._home / "images" / digest.removeprefix("sha256:")
        directory.mkdir(parents=True, exist_ok=True)
        (directory / "manifest.json").write_text(manifest)
        (directory / "version").write_text("Directory Transport Version: 1.1\n")
        for blob in blobs:
            (directory / _digest(blob).removeprefix("sha256:")).write_bytes(blob)
        repository = reference.rpartition(":")[0]
        images = self._state()["images"]
        self.answers(images={**images, reference: digest, f"{repository}@{digest}": digest})
        return directory

    def answers(self, **state: Any) -> None:
        """`says` fails with a message, `hangs` never answers, `login` is asked for, and one that
        `loses_digests` takes what is pushed and does not know it afterwards.
        """
        (self._home / "registry.json").write_text(json.dumps({**self._state(), **state}))

    @property
    def calls(self) -> list[dict[str, Any]]:
        file = self._home / "calls.jsonl"
        return [json.loads(line) for line in file.read_text().splitlines()] if file.exists() else []

    def copies(self) -> int:
        return sum(call["arguments"][0] == "copy" for call in self.calls)

    def file_of(self, digest: str, name: str) -> Path:
        """One file of the image with this digest."""
        return self._home / "images" / digest.removeprefix("sha256:") / name.removeprefix("sha256:")

    def _state(self) -> dict[str, Any]:
        state: dict[str, Any] = json.loads((self._home / "registry.json").read_text())
        return state


def archive(entries: Entries, compress: bool = True) -> bytes:
    """A tar file, gzipped unless told otherwise."""
    stream = io.BytesIO()
    with tarfile.open(fileobj=stream, mode="w") as tar:
        for name, content in entries.items():
            if isinstance(content, tarfile.TarInfo):
                content.name = name
                tar.addfile(content)
            else:
                info = tarfile.TarInfo(name)
                info.size = len(content)
                tar.addfile(info, io.BytesIO(content))
    return gzip.compress(stream.getvalue(), mtime=0) if compress else stream.getvalue()


def entry(kind: bytes, target: str = "") -> tarfile.TarInfo:
    """A link or a device."""
    info = tarfile.TarInfo()
    info.type, info.linkname = kind, target
    return info


def below(folder: str, files: Mapping[str, bytes], names: Sequence[str] = ()) -> dict[str, bytes]:
    """The files, or those of these names, in a folder."""
    return {f"{folder}/{name}": files[name] for name in names or files}


def _described(blob: bytes) -> dict[str, Any]:
    kind = "application/vnd.oci.image.layer.v1.tar+gzip"
    return {"mediaType": kind, "digest": _digest(blob), "size": len(blob)}


def _digest(content: bytes) -> str:
    return f"sha256:{hashlib.sha256(content).hexdigest()}"

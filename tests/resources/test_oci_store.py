"""Models copied into container registries, with a program on PATH that behaves like skopeo."""

import base64
import json
import os
import tarfile
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import pytest

from osft_assets.core.errors import (
    ConfigError,
    ModelError,
    OsftError,
    RegistryError,
    WorkspaceError,
)
from osft_assets.core.recipes.base_model import BaseModelRecipe
from osft_assets.core.workspace import Workspace
from resources.model_inspector import ModelFiles
from resources.model_sources import ModelSources
from resources.model_stores import ModelStores
from tests.models import model, safetensors, shards, write_model
from tests.resources.images import Registry

TARGET = "oci://quay.io/org/tuned"
NAME = "demo/7c8340d5976ea113a0e23f69169f08b1"
TAGGED = "quay.io/org/tuned:demo-7c8340d5976ea113a0e23f69169f08b1"
PULL, PUSH = "OCI_PULL_SECRET_MODEL_DOWNLOAD", "OCI_PUSH_SECRET"
AUTH = base64.b64encode(b"bob:hunter2").decode()
SECRET = json.dumps({"auths": {"quay.io": {"auth": AUTH}}})


@dataclass(frozen=True)
class Images:
    """The adapter, and the registry it writes to."""

    registry: Registry
    workspace: Workspace
    environment: dict[str, str]
    said: list[str] = field(default_factory=list)

    def given(self, **environment: str) -> "Images":
        return replace(self, environment={**self.environment, **environment})

    def publish(
        self, files: Mapping[str, bytes], directory: str = "one", target: str = TARGET
    ) -> str:
        source = write_model(self.workspace.root / directory, files)
        stores = ModelStores(self.workspace, self.environment)
        return stores.publish(source, target, NAME, self.said.append)

    def load(self, address: str) -> Path:
        sources = ModelSources(self.workspace, environment=self.environment)
        return sources.find(BaseModelRecipe(base_model=address)).fetch(print)

    def manifest(self, address: str) -> dict[str, Any]:
        digest = address.rpartition("@")[2]
        manifest: dict[str, Any] = json.loads(
            self.registry.file_of(digest, "manifest.json").read_text()
        )
        return manifest

    def pushed(self) -> list[str]:
        """What was copied to the registry so far."""
        arguments = [call["arguments"] for call in self.registry.calls]
        return [words[-1] for words in arguments if words[-2].startswith("oci:")]


@pytest.fixture
def images(tmp_path: Path, workspace: Workspace, monkeypatch: pytest.MonkeyPatch) -> Images:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "temporary"))
    (tmp_path / "temporary").mkdir()
    registry = Registry(tmp_path / "registry")
    return Images(registry, workspace, {"PATH": f"{registry.bin}:{os.environ['PATH']}"})


def test_what_was_published_is_a_base_model_of_the_same_files(images: Images) -> None:
    files = {**shards(), "README.md": b"# card", "additional_chat_templates/a.jinja": b"{{ x }}"}

    address = images.publish({**files, ".cache/notes": b"hidden"})
    directory = images.load(address)

    assert address.startswith(f"{TARGET}@sha256:")
    found = {
        str(p.relative_to(directory)): p.read_bytes() for p in directory.rglob("*") if p.is_file()
    }
    assert found == files
    assert ModelFiles().inspect(directory).weights_problem == ""
    assert images.pushed() == [f"docker://{TAGGED}"]


def test_the_tag_leads_to_the_model_too(images: Images) -> None:
    address = images.publish(model())

    assert images.load(f"oci://{TAGGED}") == images.load(address)


def test_the_image_is_one_for_linux_with_plain_files_of_root(images: Images) -> None:
    address = images.publish({**model(), "additional_chat_templates/a.jinja": b"x"})

    manifest = images.manifest(address)
    digest = address.rpartition("@")[2]
    config = json.loads(images.registry.file_of(digest, manifest["config"]["digest"]).read_text())
    (layer,) = manifest["layers"]
    with tarfile.open(images.registry.file_of(digest, layer["digest"])) as archive:
        members = archive.getmembers()
    assert (config["os"], config["architecture"]) == ("linux", "amd64")
    assert config["rootfs"]["diff_ids"] == [layer["digest"]]
    assert [m.name for m in members][:2] == ["models", "models/additional_chat_templates"]
    assert {(m.uid, m.gid, m.mtime) for m in members} == {(0, 0, 0)}
    assert {m.mode for m in members if m.isfile()} == {0o644}


def test_a_large_file_has_a_layer_of_its_own(images: Images) -> None:
    large = safetensors({"a": ("F32", (27 * 2**20,))})

    address = images.publish(model(model_safetensors=large))

    sizes = [layer["size"] for layer in images.manifest(address)["layers"]]
    assert len(sizes) == 2
    assert sizes[0] < 100_000 < len(large) < sizes[1]
    assert ModelFiles().inspect(images.load(address)).parameters == 27 * 2**20


def test_a_model_that_is_there_is_not_copied_again(images: Images) -> None:
    first = images.publish(model())
    for path in (images.workspace.root / "one").iterdir():
        os.utime(path, (1, 1))

    again = images.publish(model())

    assert again == first
    assert len(images.pushed()) == 1
    assert images.said[-1] == f"oci://{TAGGED} is this model already: not copied again."


def test_the_same_files_elsewhere_are_the_same_image(images: Images) -> None:
    assert images.publish(model()) == images.publish(model(), directory="two")


def test_another_model_of_that_name_takes_the_tag_and_leaves_the_old_digest(
    images: Images,
) -> None:
    first = images.publish(model())

    second = images.publish(
        model(model_safetensors=safetensors({"a": ("F32", (9,))})), directory="two"
    )

    assert images.load(f"oci://{TAGGED}") == images.load(second) != images.load(first)
    assert ModelFiles().inspect(images.load(first)).parameters == 64


def test_nothing_stays_in_the_workspace(images: Images, tmp_path: Path) -> None:
    images.publish(model())

    assert list((images.workspace.root / "_publishing").iterdir()) == []
    assert list((tmp_path / "temporary").iterdir()) == []


def test_a_push_that_fails_leaves_nothing_in_the_workspace(images: Images) -> None:
    images.registry.answers(login="another")

    with pytest.raises(RegistryError):
        images.publish(model())

    assert list((images.workspace.root / "_publishing").iterdir()) == []


@pytest.mark.parametrize(
    ("name", "expected_tag"),
    [
        ("demo/7c83", "demo-7c83"),
        (f"{'long' * 40}/7c83", "7c83"),
        ("-demo/7c83", "7c83"),
    ],
)
def test_the_tag_is_as_much_of_the_name_as_it_can_hold(
    images: Images, name: str, expected_tag: str
) -> None:
    source = write_model(images.workspace.root / "one", model())

    ModelStores(images.workspace, images.environment).publish(source, TARGET, name, print)

    assert images.pushed() == [f"docker://quay.io/org/tuned:{expected_tag}"]


@pytest.mark.parametrize("variable", [PUSH, PULL])
def test_the_secret_is_handed_over_in_a_private_file_and_not_in_the_environment(
    images: Images, tmp_path: Path, variable: str
) -> None:
    images.registry.answers(login=AUTH)

    images.given(**{variable: SECRET}).publish(model())

    assert [call["login"] for call in images.registry.calls] == [json.loads(SECRET)] * 3
    assert {call["mode"] for call in images.registry.calls} == {"0o600"}
    assert {call["secret"] for call in images.registry.calls} == {None}
    assert list((tmp_path / "temporary").iterdir()) == []


def test_the_secret_for_writing_goes_before_that_for_reading(images: Images) -> None:
    images.registry.answers(login=AUTH)
    reading = json.dumps({"auths": {"quay.io": {"auth": "YW5v"}}})

    images.given(**{PUSH: SECRET, PULL: reading}).publish(model())

    assert len(images.pushed()) == 1


def test_a_secret_that_is_none_is_refused_before_the_registry_is_asked(images: Images) -> None:
    with pytest.raises(ConfigError, match=f"{PUSH} is no Docker config JSON"):
        images.given(**{PUSH: "{}"}).publish(model())

    assert images.registry.calls == []


def test_a_secret_that_may_not_write_is_told_and_not_repeated(images: Images) -> None:
    images.registry.answers(login="another")

    with pytest.raises(RegistryError, match=f"cannot be written: .*and that {PUSH} holds") as told:
        images.given(**{PUSH: SECRET}).publish(model())

    assert f"oci://{TAGGED}" in str(told.value)
    assert not any(secret in str(told.value) for secret in ("hunter2", AUTH))


def test_a_registry_that_is_not_reached_is_told_before_anything_is_hashed(images: Images) -> None:
    images.registry.answers(says="pinging container registry: connection refused")

    with pytest.raises(RegistryError, match="connection refused. Check the address and the net"):
        images.publish(model())

    assert images.said == []


def test_an_image_that_cannot_be_read_back_does_not_count(images: Images) -> None:
    images.registry.answers(loses_digests=True)

    with pytest.raises(RegistryError, match="manifest unknown"):
        images.publish(model())


def test_a_missing_skopeo_is_told_with_what_to_do(images: Images, tmp_path: Path) -> None:
    without = images.given(PATH=str(tmp_path))

    with pytest.raises(RegistryError, match=r"needs the program skopeo.*set registry.publish_to"):
        without.publish(model())


@pytest.mark.parametrize(
    ("files", "target", "expected_error", "expected_message"),
    [
        ({"notes.txt": b"x"}, TARGET, ModelError, "is no model"),
        (model(), "oci://quay/tuned", ConfigError, "Expected oci://registry.example/repository"),
        (model(), "/mnt/shared", ConfigError, "registry.publish_to is '/mnt/shared', expected s3:"),
    ],
)
def test_what_cannot_be_published_is_told(
    images: Images,
    files: dict[str, bytes],
    target: str,
    expected_error: type[OsftError],
    expected_message: str,
) -> None:
    with pytest.raises(expected_error) as told:
        images.publish(files, target=target)

    assert expected_message in str(told.value)
    assert images.registry.calls == []


def test_too_little_room_is_told_before_anything_is_written(
    images: Images, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("shutil.disk_usage", lambda _: type("Usage", (), {"free": 10}))

    with pytest.raises(WorkspaceError, match="No room for"):
        images.publish(model())

    assert images.pushed() == []


def test_a_workspace_that_cannot_be_written_is_told(images: Images) -> None:
    (images.workspace.root / "_publishing").write_text("a file")

    with pytest.raises(WorkspaceError, match="cannot be put together in .*Check the room"):
        images.publish(model())


def test_a_file_that_vanishes_is_told(images: Images) -> None:
    source = write_model(images.workspace.root / "one", model())

    def remove(_: str) -> None:
        (source / "tokenizer.json").unlink(missing_ok=True)

    with pytest.raises(WorkspaceError, match="one cannot be read: No such file"):
        ModelStores(images.workspace, images.environment).publish(source, TARGET, NAME, remove)

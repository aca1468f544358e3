"""Models in container images, with a program on PATH that behaves like skopeo."""

import base64
import json
import os
import tarfile
import tempfile
import time
from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from osft_assets.core.errors import ConfigError, ModelError, SourceError, WorkspaceError
from osft_assets.core.model_sources import OciImage
from osft_assets.core.ports import FoundModel
from osft_assets.core.recipes.base_model import BaseModelRecipe
from osft_assets.core.workspace import Workspace
from resources.model_inspector import ModelFiles
from resources.model_sources import ModelSources
from resources.skopeo import Skopeo
from tests.models import model, safetensors
from tests.resources.images import Entries, Registry, archive, below, entry

NAME = "quay.io/org/tiny"
VARIABLE = "OCI_PULL_SECRET_MODEL_DOWNLOAD"
AUTH = base64.b64encode(b"bob:hunter2").decode()
SECRET = json.dumps({"auths": {"quay.io": {"auth": AUTH}}})


@dataclass(frozen=True)
class Images:
    """The adapter, and the registry it asks."""

    registry: Registry
    workspace: Workspace
    environment: dict[str, str]

    def with_secret(self, text: str) -> "Images":
        return replace(self, environment={**self.environment, VARIABLE: text})

    def find(self, tag: str = ":1.0") -> FoundModel:
        sources = ModelSources(self.workspace, environment=self.environment)
        return sources.find(BaseModelRecipe(base_model=f"oci://{NAME}{tag}"))

    def fetch(self, *layers: Entries | bytes) -> Path:
        self.registry.push(f"{NAME}:1.0", *layers)
        return self.find().fetch(print)


@pytest.fixture
def images(tmp_path: Path, workspace: Workspace, monkeypatch: pytest.MonkeyPatch) -> Images:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "temporary"))
    (tmp_path / "temporary").mkdir()
    registry = Registry(tmp_path / "registry")
    return Images(registry, workspace, {"PATH": f"{registry.bin}:{os.environ['PATH']}"})


def kept(images: Images) -> list[Path]:
    home = images.workspace.root / "_models"
    return [path for path in home.glob("*") if path.is_dir()]


@pytest.mark.parametrize("folder", ["models", "./models", "models/tiny"])
@pytest.mark.parametrize("compress", [True, False])
def test_the_model_is_taken_out_of_the_layers(images: Images, folder: str, compress: bool) -> None:
    system = archive({"etc/passwd": b"root", "app/models/config.json": b"x"}, compress)
    configuration = ["config.json", "tokenizer.json", "tokenizer_config.json"]
    layers = (below(folder, model(), names) for names in (configuration, ["model.safetensors"]))

    directory = images.fetch(system, *(archive(layer, compress) for layer in layers))

    assert {path.name for path in directory.iterdir()} == set(model())
    assert ModelFiles().inspect(directory).weights_problem == ""
    assert directory.is_relative_to(images.workspace.root / "_models")
    assert not list(images.workspace.root.rglob("passwd"))


def test_a_tag_is_pinned_to_its_digest(images: Images) -> None:
    images.registry.push(f"{NAME}:1.0", below("models", model()))

    found = images.find()

    assert found.uri == f"oci://{NAME}:1.0"
    assert found.revision.startswith("sha256:")
    assert images.find(f"@{found.revision}").revision == found.revision


def test_the_same_digest_is_not_pulled_twice(images: Images) -> None:
    images.registry.push(f"{NAME}:1.0", below("models", model()))
    images.registry.push(f"{NAME}:latest", below("models", model()))
    said = list[str]()

    first = images.find().fetch(print)
    again = images.find(":latest").fetch(said.append)

    assert again == first
    assert images.registry.copies() == 1
    assert said == ["Downloaded before: reused."]


def test_a_digest_that_is_there_needs_no_registry(images: Images) -> None:
    images.registry.push(f"{NAME}:1.0", below("models", model()))
    found = images.find()
    first = found.fetch(print)
    before = len(images.registry.calls)

    assert images.find(f"@{found.revision}").fetch(print) == first
    assert len(images.registry.calls) == before


def test_a_moved_tag_is_another_model(images: Images) -> None:
    first = images.fetch(below("models", model()))

    second = images.fetch(
        below("models", model(model_safetensors=safetensors({"a": ("F32", (9,))})))
    )

    assert ModelFiles().inspect(second).parameters == 9
    assert ModelFiles().inspect(first).parameters == 64


def test_a_later_layer_replaces_a_file_and_not_what_it_links_to(images: Images) -> None:
    directory = images.fetch(
        below("models", model()),
        {"models/copy.json": entry(tarfile.SYMTYPE, "config.json")},
        {"models/copy.json": b"replaced"},
    )

    assert (directory / "copy.json").read_bytes() == b"replaced"
    assert (directory / "config.json").read_bytes() == model()["config.json"]


def test_links_within_the_model_are_kept(images: Images) -> None:
    files = below("models", model(config_json=None)) | {"models/real.json": model()["config.json"]}

    directory = images.fetch(
        files, {"models/config.json": entry(tarfile.LNKTYPE, "models/real.json")}
    )

    assert (directory / "config.json").read_bytes() == model()["config.json"]


@pytest.mark.parametrize(
    ("name", "content", "reason"),
    [
        ("models/../../evil", b"x", "a path that may lead out of the model"),
        ("/models/evil", b"x", "a path that may lead out of the model"),
        ("models/evil", entry(tarfile.SYMTYPE, "/etc/passwd"), "a link that may lead out"),
        ("models/evil", entry(tarfile.SYMTYPE, "../../evil"), "a link that may lead out"),
        ("models/evil", entry(tarfile.LNKTYPE, "/etc/passwd"), "a link that leads out"),
        ("models/evil", entry(tarfile.LNKTYPE, "models/../../x"), "a link that leads out"),
        ("models/evil", entry(tarfile.LNKTYPE, "etc/passwd"), "a link that leads out"),
        ("models/evil", entry(tarfile.CHRTYPE), "which is neither file, directory nor link"),
        ("models/evil", entry(tarfile.FIFOTYPE), "which is neither file, directory nor link"),
        ("models/.wh.config.json", b"", "which deletes a file of an earlier layer. Squash"),
    ],
)
def test_an_entry_that_could_do_harm_is_refused(
    images: Images, tmp_path: Path, name: str, content: bytes | tarfile.TarInfo, reason: str
) -> None:
    with pytest.raises(ModelError) as refused:
        images.fetch(below("models", model()), {name: content})

    assert reason in str(refused.value)
    assert "It was not extracted" in str(refused.value)
    assert kept(images) == []
    assert not list(tmp_path.rglob("evil"))


@pytest.mark.parametrize(
    ("layers", "expected_error"),
    [
        ([{"etc/passwd": b"x"}], "holds no model in models/ or one directory below it. Found: not"),
        ([{"models/readme.txt": b"x"}], "Found: models, models/readme.txt. Expected one directory"),
        ([below("models", model(tokenizer_json=None, tokenizer_config_json=None))], "no model in"),
        ([below("models/a/b", model())], "holds no model in models/"),
        ([below("models/a", model()) | below("models/b", model())],
         "holds several models in models/ or one directory below it. Found: models/a, models/b"),
        ([b"no archive"], "and no tar or tar.gz that can be read"),
        ([archive({"models/x": bytes(9999)})[:-20]], "and no tar or tar.gz that can be read"),
    ],
)  # fmt: skip
def test_an_image_without_a_model_is_told_and_not_kept(
    images: Images, layers: list[Entries | bytes], expected_error: str
) -> None:
    with pytest.raises(ModelError) as refused:
        images.fetch(*layers)

    assert expected_error in str(refused.value)
    assert kept(images) == []


@pytest.mark.parametrize(
    ("damaged", "expected_error"),
    [
        (lambda content: content[:-1], "bytes, expected"),
        (lambda content: b"\0" + content[1:], "is damaged, its hash differs. Run again"),
        (lambda _: None, "is 0 bytes, expected"),
    ],
)
def test_a_layer_that_did_not_arrive_whole_is_told(
    images: Images, damaged: object, expected_error: str
) -> None:
    image = images.registry.push(f"{NAME}:1.0", below("models", model()))
    blob = next(path for path in image.iterdir() if len(path.name) == 64)
    content = damaged(blob.read_bytes())  # type: ignore[operator]
    blob.unlink() if content is None else blob.write_bytes(content)

    with pytest.raises(SourceError, match=expected_error):
        images.find().fetch(print)

    assert kept(images) == []


@pytest.mark.parametrize("manifest", [None, "{", "[]", '{"manifests": []}', '{"layers": [1]}'])
def test_what_is_no_image_is_told(images: Images, manifest: str | None) -> None:
    image = images.registry.push(f"{NAME}:1.0", below("models", model()))
    (image / "manifest.json").unlink()
    if manifest is not None:
        (image / "manifest.json").write_text(manifest)

    with pytest.raises(SourceError, match="has no manifest that lists layers. Is it an image"):
        images.find().fetch(print)


def test_the_pull_secret_is_handed_over_in_a_private_file_that_is_gone_afterwards(
    images: Images, tmp_path: Path
) -> None:
    images.registry.answers(login=AUTH)

    images.with_secret(SECRET).fetch(below("models", model()))

    assert [call["login"] for call in images.registry.calls] == [json.loads(SECRET)] * 2
    assert {call["mode"] for call in images.registry.calls} == {"0o600"}
    assert {call["secret"] for call in images.registry.calls} == {None}
    assert not any("hunter2" in str(call["arguments"]) for call in images.registry.calls)
    assert list((tmp_path / "temporary").iterdir()) == []


def test_without_a_pull_secret_skopeo_is_left_to_its_own(images: Images) -> None:
    images.fetch(below("models", model()))

    assert {call["authfile"] for call in images.registry.calls} == {None}


def test_a_wrong_pull_secret_is_told_and_not_repeated(images: Images, tmp_path: Path) -> None:
    images.registry.push(f"{NAME}:1.0", below("models", model()))
    images.registry.answers(login="another")

    with pytest.raises(SourceError, match=rf"unauthorized: .* and that {VARIABLE} holds") as told:
        images.with_secret(SECRET).find()

    assert AUTH not in str(told.value)
    assert list((tmp_path / "temporary").iterdir()) == []


def test_a_message_that_repeats_the_secret_is_cleaned(images: Images) -> None:
    images.registry.answers(says=f'bob "hunter2" {AUTH} at https://s3/blob?X-Amz-Signature=hunter3')

    with pytest.raises(SourceError) as told:
        images.with_secret(SECRET).find()

    assert "at https://s3/blob?***" in str(told.value)
    assert not any(secret in str(told.value) for secret in ("hunter2", AUTH, "hunter3"))


@pytest.mark.parametrize(
    "text", ["nonsense", "[]", "{}", '{"auths": {}}', '{"auths": []}', "eyJhdXRocyI6e319"]
)
def test_a_pull_secret_that_is_none_is_refused(images: Images, text: str) -> None:
    with pytest.raises(ConfigError, match=f"{VARIABLE} is no Docker config JSON") as refused:
        images.with_secret(text).find()

    assert f" {text} " not in str(refused.value)
    assert images.registry.calls == []


@pytest.mark.parametrize(
    ("says", "expected_error", "expected_message"),
    [
        ("manifest unknown: manifest unknown", SourceError, "Check the name and the tag."),
        ("pinging container registry: connection refused", SourceError, "address and the network"),
        ("open /etc/containers/policy.json: no such file", SourceError, "Install containers-comm"),
        ("writing blob: no space left on device", WorkspaceError, "No room to download oci://"),
    ],
)
def test_what_skopeo_says_is_told_with_a_remedy(
    images: Images, says: str, expected_error: type[Exception], expected_message: str
) -> None:
    images.registry.answers(says=says)

    with pytest.raises(expected_error) as told:
        images.find()

    assert expected_message in str(told.value)


def test_a_missing_skopeo_is_told_with_what_to_do(images: Images, tmp_path: Path) -> None:
    without = replace(images, environment={"PATH": str(tmp_path)})

    with pytest.raises(SourceError, match=r"needs the program skopeo.*or copy the model to pvc://"):
        without.find()


def test_a_registry_that_stops_answering_is_given_up_and_nothing_goes_on(images: Images) -> None:
    images.registry.answers(hangs=True)
    started = time.monotonic()

    with pytest.raises(SourceError, match="made no progress for 1 s. Check the registry"):
        Skopeo(images.environment, stalled_after_seconds=1).digest(OciImage(NAME, "1.0"))

    assert time.monotonic() - started < 30
    with pytest.raises(ProcessLookupError):
        os.kill(images.registry.calls[0]["pid"], 0)

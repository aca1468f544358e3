"""Models below a prefix of S3, against moto's server."""

import resource
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import count

import httpx
import pytest

from osft_assets.core.errors import ConfigError, ModelError, SourceError, WorkspaceError
from osft_assets.core.ports import FoundModel
from osft_assets.core.recipes.base_model import BaseModelRecipe
from osft_assets.core.workspace import Workspace
from resources.model_inspector import ModelFiles
from resources.model_sources import ModelSources
from tests.models import model, safetensors, shards
from tests.resources.servers import RunningServer, s3_server

KEYS = {"AWS_ACCESS_KEY_ID": "key-of-the-test", "AWS_SECRET_ACCESS_KEY": "secret-of-the-test"}
_SIGNED = {"Authorization": "AWS4-HMAC-SHA256 Credential=any/20251120/us-east-1/s3/aws4_request"}
_numbers = count()


@dataclass(frozen=True)
class Bucket:
    """A bucket of its own for each test."""

    server: RunningServer
    workspace: Workspace
    name: str

    def put(self, files: dict[str, bytes], prefix: str = "models/tiny/") -> None:
        for name, content in files.items():
            url = f"{self.server.url}/{self.name}/{prefix}{name}"
            httpx.put(url, content=content, headers=_SIGNED).raise_for_status()

    def find(self, key: str = "models/tiny/") -> FoundModel:
        base_model = f"s3://{self.name}/{key}"
        recipe = BaseModelRecipe(base_model=base_model, s3_endpoint_url=self.server.url)
        return ModelSources(self.workspace).find(recipe)

    def downloads(self) -> list[str]:
        return [r.path for r in self.server.requests if r.method == "GET" and "/models/" in r.path]


@pytest.fixture(scope="module")
def server() -> Iterator[RunningServer]:
    with s3_server() as running:
        yield running


@pytest.fixture
def bucket(server: RunningServer, workspace: Workspace, monkeypatch: pytest.MonkeyPatch) -> Bucket:
    for name, value in KEYS.items():
        monkeypatch.setenv(name, value)
    for name in ("AWS_CONFIG_FILE", "AWS_SHARED_CREDENTIALS_FILE"):
        monkeypatch.setenv(name, "/nonexistent")
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    name = f"models-{next(_numbers)}"
    httpx.put(f"{server.url}/{name}").raise_for_status()
    server.requests.clear()
    return Bucket(server, workspace, name)


@pytest.mark.parametrize("key", ["models/tiny/", "models/tiny"])
def test_what_is_needed_of_a_model_is_downloaded(bucket: Bucket, key: str) -> None:
    bucket.put({**shards(), "optimizer.pt": b"x", "checkpoint-1/config.json": b"x"})
    bucket.put(model(), prefix="models/tiny-old/")

    found = bucket.find(key)
    directory = found.fetch(print)

    assert found.uri == f"s3://{bucket.name}/{key}"
    assert {path.name for path in directory.iterdir()} == set(shards())
    assert ModelFiles().inspect(directory).weights_problem == ""
    assert directory.is_relative_to(bucket.workspace.root / "_models")


def test_the_same_model_is_not_downloaded_twice(bucket: Bucket) -> None:
    bucket.put(model())
    first = bucket.find().fetch(print)
    before, said = len(bucket.downloads()), list[str]()

    again = bucket.find().fetch(said.append)

    assert again == first
    assert len(bucket.downloads()) == before
    assert said == ["Downloaded before: reused."]


def test_another_bucket_with_the_same_files_is_the_same_model(bucket: Bucket) -> None:
    bucket.put(model())
    bucket.put(model(), prefix="models/copy/")

    assert bucket.find().revision == bucket.find("models/copy/").revision


def test_a_changed_file_makes_another_model_and_keeps_the_old_one(bucket: Bucket) -> None:
    bucket.put(model())
    before = bucket.find()
    first = before.fetch(print)
    bucket.put({"model.safetensors": safetensors({"a": ("F32", (9,))})})

    after = bucket.find()

    assert after.revision != before.revision
    assert ModelFiles().inspect(after.fetch(print)).parameters == 9
    assert ModelFiles().inspect(first).parameters == 64


def test_a_file_that_changes_before_it_is_downloaded_is_told_and_nothing_is_kept(
    bucket: Bucket,
) -> None:
    bucket.put(model())
    found = bucket.find()
    bucket.put({"model.safetensors": safetensors({"a": ("F32", (9,))})})

    with pytest.raises(SourceError, match="was changed since it was found. Run again"):
        found.fetch(print)

    assert [path for path in (bucket.workspace.root / "_models").iterdir() if path.is_dir()] == []


def test_a_full_disk_is_told_and_nothing_is_kept(bucket: Bucket) -> None:
    bucket.put(model(model_safetensors=safetensors({"a": ("F32", (500_000,))})))
    found = bucket.find()
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1_000_000, before[1]))
    try:
        with pytest.raises(WorkspaceError, match="No room to write"):
            found.fetch(print)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)

    assert [path for path in (bucket.workspace.root / "_models").iterdir() if path.is_dir()] == []
    assert ModelFiles().inspect(found.fetch(print)).parameters == 500_000


@pytest.mark.parametrize(
    ("key", "files", "expected_error"),
    [
        ("models/gone/", {}, "is no model: it has no config.json and no weights"),
        (
            "models/tiny/",
            {"config.json": b"{}"},
            "it has no weights (*.safetensors). Found: config",
        ),
        ("models/tiny/config.json", {"config.json": b"{}"}, "is no model"),
    ],
)
def test_what_is_no_model_is_told(
    bucket: Bucket, key: str, files: dict[str, bytes], expected_error: str
) -> None:
    bucket.put(files)

    with pytest.raises(ModelError) as refused:
        bucket.find(key)

    assert expected_error in str(refused.value)
    assert f"s3://{bucket.name}/{key}" in str(refused.value)


def test_wrong_keys_are_told(bucket: Bucket) -> None:
    bucket.put(model())
    httpx.post(f"{bucket.server.url}/moto-api/reset-auth", content=b"0").raise_for_status()
    try:
        with pytest.raises(SourceError, match="may not be read. Check the credentials") as refused:
            bucket.find()
    finally:
        httpx.post(f"{bucket.server.url}/moto-api/reset-auth", content=b"inf").raise_for_status()

    assert KEYS["AWS_SECRET_ACCESS_KEY"] not in str(refused.value)


def test_half_a_pair_of_keys_is_refused(bucket: Bucket, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("AWS_SECRET_ACCESS_KEY")

    with pytest.raises(ConfigError, match="AWS_ACCESS_KEY_ID is set but AWS_SECRET_ACCESS_KEY is"):
        bucket.find()

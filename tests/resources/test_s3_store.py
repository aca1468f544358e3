"""Models copied below a prefix of S3, against moto's server."""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from itertools import count

import httpx
import pytest

from osft_assets.core.errors import ConfigError, ModelError, OsftError, RegistryError
from osft_assets.core.ports import FoundModel
from osft_assets.core.progress import UploadProgress
from osft_assets.core.recipes.base_model import BaseModelRecipe
from osft_assets.core.workspace import Workspace
from resources.model_inspector import ModelFiles
from resources.model_sources import ModelSources
from resources.s3_prefix import S3Prefix
from resources.s3_store import S3Store
from tests.models import model, safetensors, shards, write_model
from tests.resources.servers import Answer, RunningServer, s3_server, web_server

KEYS = {"AWS_ACCESS_KEY_ID": "key-of-the-test", "AWS_SECRET_ACCESS_KEY": "secret-of-the-test"}
NAME = "demo/7c8340d5976ea113a0e23f69169f08b1"
MANIFEST = ".osft-complete.json"
_SIGNED = {"Authorization": "AWS4-HMAC-SHA256 Credential=any/20251120/us-east-1/s3/aws4_request"}
_numbers = count()


@dataclass
class Bucket:
    """A bucket of its own for each test, and the store that writes to it."""

    server: RunningServer
    workspace: Workspace
    name: str
    said: list[str] = field(default_factory=list)
    pauses: list[float] = field(default_factory=list)

    def publish(self, files: Mapping[str, bytes], target: str = "", directory: str = "one") -> str:
        source = write_model(self.workspace.root / directory, files)
        to = target or f"s3://{self.name}/models"
        return S3Store(pause=self.pauses.append).publish(source, to, NAME, self.said.append)

    def url(self, name: str) -> str:
        return f"{self.server.url}/{self.name}/models/{NAME}/{name}"

    def get(self, name: str) -> httpx.Response:
        return httpx.get(self.url(name), headers=_SIGNED)

    def load(self, address: str) -> FoundModel:
        return ModelSources(self.workspace).find(BaseModelRecipe(base_model=f"{address}/"))

    def written(self) -> list[str]:
        """The names of the objects written so far, in order."""
        puts = [r.path for r in self.server.requests if r.method == "PUT"]
        return [path.partition(f"{NAME}/")[2] for path in puts]


@pytest.fixture(scope="module")
def server() -> Iterator[RunningServer]:
    with s3_server() as running:
        yield running


@pytest.fixture
def bucket(server: RunningServer, workspace: Workspace, monkeypatch: pytest.MonkeyPatch) -> Bucket:
    for name, value in {**KEYS, "AWS_ENDPOINT_URL": server.url}.items():
        monkeypatch.setenv(name, value)
    for name in ("AWS_CONFIG_FILE", "AWS_SHARED_CREDENTIALS_FILE"):
        monkeypatch.setenv(name, "/nonexistent")
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    name = f"published-{next(_numbers)}"
    httpx.put(f"{server.url}/{name}").raise_for_status()
    server.requests.clear()
    return Bucket(server, workspace, name)


def test_what_was_published_is_a_base_model_of_the_same_files(bucket: Bucket) -> None:
    files = {**shards(), "additional_chat_templates/tool.jinja": b"{{ x }}"}

    address = bucket.publish({**files, "README.md": b"# card"})
    directory = bucket.load(address).fetch(print)

    assert address == f"s3://{bucket.name}/models/{NAME}"
    found = {
        str(p.relative_to(directory)): p.read_bytes() for p in directory.rglob("*") if p.is_file()
    }
    assert found == files
    assert ModelFiles().inspect(directory).weights_problem == ""
    assert bucket.get("README.md").text == "# card"


def test_a_bucket_without_a_prefix_is_a_target_too(bucket: Bucket) -> None:
    address = bucket.publish(model(), f"s3://{bucket.name}")

    assert address == f"s3://{bucket.name}/{NAME}"
    assert bucket.load(address).fetch(print).is_dir()


def test_the_object_that_says_the_model_is_whole_is_written_last(bucket: Bucket) -> None:
    bucket.publish({**model(), ".cache/notes": b"hidden"})

    listed = json.loads(bucket.get(MANIFEST).content)["files"]
    assert bucket.written()[-1] == MANIFEST
    assert set(listed) == set(bucket.written()[:-1]) == set(model())
    assert listed["config.json"]["bytes"] == len(model()["config.json"])


def test_a_model_that_is_there_is_not_copied_again(bucket: Bucket) -> None:
    first = bucket.publish(model())
    bucket.server.requests.clear()

    again = bucket.publish(model())

    assert again == first
    assert bucket.written() == []
    assert bucket.said[-1] == f"{first} holds this model already: not copied again."


@pytest.mark.parametrize("lost", [MANIFEST, "model.safetensors"])
def test_a_copy_that_was_cut_off_is_completed(bucket: Bucket, lost: str) -> None:
    address = bucket.publish(model())
    httpx.delete(bucket.url(lost), headers=_SIGNED).raise_for_status()

    bucket.publish(model())

    assert bucket.get(MANIFEST).is_success
    assert ModelFiles().inspect(bucket.load(address).fetch(print)).parameters == 64


def test_another_model_of_that_name_is_replaced_and_nothing_of_it_stays(bucket: Bucket) -> None:
    address = bucket.publish({**shards(), "merges.txt": b"old"})
    other = model(model_safetensors=safetensors({"a": ("F32", (9,))}))
    bucket.server.requests.clear()

    bucket.publish(other, directory="two")

    changes = [r for r in bucket.server.requests if r.method in ("PUT", "DELETE")]
    assert changes[0].method == "DELETE"
    assert changes[0].path.endswith(MANIFEST)
    assert bucket.get("merges.txt").status_code == 404
    directory = bucket.load(address).fetch(print)
    assert {path.name for path in directory.iterdir()} == set(other)
    assert ModelFiles().inspect(directory).parameters == 9


def test_files_that_are_changed_while_they_are_copied_are_not_called_whole(bucket: Bucket) -> None:
    files = model()

    def change(told: str) -> None:
        if told.startswith("Copying"):
            config = bucket.workspace.root / "one" / "config.json"
            config.write_bytes(b"?" * len(files["config.json"]))

    source = write_model(bucket.workspace.root / "one", files)
    with pytest.raises(RegistryError, match="config.json was changed while it was copied"):
        S3Store().publish(source, f"s3://{bucket.name}/models", NAME, change)

    assert bucket.get(MANIFEST).status_code == 404
    address = bucket.publish(files)
    assert "holds this model already" not in " ".join(bucket.said)
    assert address.endswith(NAME)


def test_another_model_card_is_copied_without_the_weights(bucket: Bucket) -> None:
    bucket.publish({**model(), "README.md": b"# first"})
    bucket.server.requests.clear()

    bucket.publish({**model(), "README.md": b"# other"})

    assert bucket.written() == ["README.md", MANIFEST]
    assert bucket.get("README.md").text == "# other"


@pytest.mark.parametrize("content", [b"{", b"[]", b'{"files": 1}', b'{"files": {}}'])
def test_a_manifest_of_somebody_else_counts_as_none(bucket: Bucket, content: bytes) -> None:
    bucket.publish(model())
    httpx.put(bucket.url(MANIFEST), content=content, headers=_SIGNED).raise_for_status()
    bucket.server.requests.clear()

    bucket.publish(model())

    assert bucket.written() == [*sorted(model()), MANIFEST]


def test_a_neighbour_whose_name_begins_alike_is_left_alone(bucket: Bucket) -> None:
    neighbour = f"{bucket.server.url}/{bucket.name}/models/{NAME}0/config.json"
    httpx.put(neighbour, content=b"{}", headers=_SIGNED).raise_for_status()

    bucket.publish(model())

    assert httpx.get(neighbour, headers=_SIGNED).content == b"{}"


def test_a_large_file_is_sent_in_parts(bucket: Bucket) -> None:
    large = model(model_safetensors=safetensors({"a": ("F32", (27 * 2**20,))}))

    address = bucket.publish(large)

    assert bucket.written().count("model.safetensors") == 3  # parts of 50 MiB
    assert ModelFiles().inspect(bucket.load(address).fetch(print)).parameters == 27 * 2**20


def test_a_directory_without_a_model_is_refused(bucket: Bucket) -> None:
    with pytest.raises(ModelError, match=r"is no model: it has no config.json and no weights"):
        bucket.publish({"notes.txt": b"x"})

    assert bucket.written() == []


def test_a_bucket_that_is_not_there_is_told(bucket: Bucket) -> None:
    with pytest.raises(RegistryError, match="there is no such bucket. Create it") as told:
        bucket.publish(model(), "s3://nowhere-at-all/models")

    assert f"s3://nowhere-at-all/models/{NAME}" in str(told.value)
    assert bucket.pauses == []


def test_keys_that_may_not_write_are_told(bucket: Bucket) -> None:
    httpx.post(f"{bucket.server.url}/moto-api/reset-auth", content=b"0").raise_for_status()
    try:
        with pytest.raises(RegistryError, match=r"may not be written .*Check the cred") as told:
            bucket.publish(model())
    finally:
        httpx.post(f"{bucket.server.url}/moto-api/reset-auth", content=b"inf").raise_for_status()

    assert not any(value in str(told.value) for value in KEYS.values())
    assert bucket.pauses == []


def test_missing_keys_are_told(bucket: Bucket, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in KEYS:
        monkeypatch.delenv(name)

    with pytest.raises(ConfigError, match="No credentials for s3://.* Set AWS_ACCESS_KEY_ID and"):
        bucket.publish(model())


def test_a_server_that_is_not_there_is_asked_three_times(
    bucket: Bucket, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:1")

    with pytest.raises(RegistryError, match=r"after 3 tries: EndpointConnectionError. Check the"):
        bucket.publish(model())

    assert bucket.pauses == [5.0, 20.0]
    assert "Trying again in 5 seconds" in bucket.said[0]


class _AnswersTheSecondTime:
    """A client of S3 whose connection breaks once."""

    def __init__(self) -> None:
        self.tries = 0

    def cat_file(self, key: str) -> bytes:
        self.tries += 1
        if self.tries == 1:
            raise ConnectionResetError(104, "Connection reset by peer")
        return key.encode()


def test_a_broken_connection_is_tried_again_and_the_work_goes_on() -> None:
    client, said, pauses = _AnswersTheSecondTime(), list[str](), list[float]()

    content = S3Prefix(client, "s3://bucket/models", said.append, pauses.append).read("a.json")

    assert content == b"bucket/models/a.json"
    assert pauses == [5.0]
    assert said == ["s3://bucket/models: ConnectionResetError. Trying again in 5 seconds."]


def test_what_the_server_refuses_is_not_asked_again_and_not_repeated(
    bucket: Bucket, monkeypatch: pytest.MonkeyPatch
) -> None:
    refusal = b"<Error><Code>InvalidRequest</Code><Message>hunter2</Message></Error>"
    with web_server(Answer(refusal, status=400)) as refusing:
        monkeypatch.setenv("AWS_ENDPOINT_URL", refusing.url)

        with pytest.raises(OsftError, match="cannot be written: InvalidRequest") as told:
            bucket.publish(model())

    assert "hunter2" not in str(told.value)
    assert bucket.pauses == []


def test_progress_is_told_now_and_then_with_files_and_shares() -> None:
    clock, said = iter([0.0, 5.0, 20.0]), list[str]()
    progress = UploadProgress(said.append, 4_000_000_000, lambda: next(clock))

    progress(500_000_000, "1 of 4 files, ")
    progress.after(500_000_000, "1 of 4 files, ")(500_000_000)

    assert said == ["Copied 1 of 4 files, 1.00 of 4.00 GB (25%), 50.0 MB a second"]

"""Objects of S3, against moto's server."""

import gzip
import re
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import count
from pathlib import Path
from urllib.parse import quote

import httpx
import pytest

from osft_assets.core.errors import ConfigError, SourceError
from osft_assets.core.ports import FoundSource
from osft_assets.core.recipes.dataset import DatasetRecipe
from osft_assets.core.workspace import Workspace
from resources.dataset_sources import DatasetSources
from tests.fakes import chat, chats, lines
from tests.resources.servers import RunningServer, s3_server
from tests.resources.test_row_files import canonical, parquet

ROWS = chats(50)
CONTENT = lines(ROWS)
KEYS = {"AWS_ACCESS_KEY_ID": "key-of-the-test", "AWS_SECRET_ACCESS_KEY": "secret-of-the-test"}
_numbers = count()
# Moto wants to see a signature before it overwrites an object, and does not check it.
_SIGNED = {"Authorization": "AWS4-HMAC-SHA256 Credential=any/20251120/us-east-1/s3/aws4_request"}


@dataclass(frozen=True)
class Bucket:
    """A bucket of its own for each test."""

    server: RunningServer
    name: str

    def put(self, key: str, content: bytes = CONTENT) -> None:
        self._send("PUT", key, content)

    def delete(self, key: str) -> None:
        self._send("DELETE", key)

    def _send(self, method: str, key: str, content: bytes = b"") -> None:
        url = f"{self.server.url}/{self.name}/{quote(key)}"
        httpx.request(method, url, content=content, headers=_SIGNED).raise_for_status()

    def find(self, key: str, **settings: str) -> FoundSource:
        return find(f"s3://{self.name}/{key}", s3_endpoint_url=self.server.url, **settings)


def find(data_uri: str, **settings: str) -> FoundSource:
    recipe = DatasetRecipe(data_uri=data_uri, **settings)
    return DatasetSources(Workspace(Path("/nonexistent"))).find(recipe)


@pytest.fixture(scope="module")
def server() -> Iterator[RunningServer]:
    with s3_server() as running:
        yield running


@pytest.fixture(autouse=True)
def keys(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in KEYS.items():
        monkeypatch.setenv(name, value)
    for name in ("AWS_REGION", "AWS_DEFAULT_REGION", "AWS_CA_BUNDLE", "AWS_ENDPOINT_URL_S3"):
        monkeypatch.delenv(name, raising=False)
    for name in ("AWS_CONFIG_FILE", "AWS_SHARED_CREDENTIALS_FILE"):
        monkeypatch.setenv(name, "/nonexistent")
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")


@pytest.fixture
def bucket(server: RunningServer) -> Bucket:
    name = f"bucket-{next(_numbers)}"
    httpx.put(f"{server.url}/{name}").raise_for_status()
    return Bucket(server, name)


@pytest.fixture
def strict_bucket(bucket: Bucket) -> Iterator[Bucket]:
    """Moto lets everybody in until it is told to check."""
    httpx.post(f"{bucket.server.url}/moto-api/reset-auth", content=b"0").raise_for_status()
    yield bucket
    httpx.post(f"{bucket.server.url}/moto-api/reset-auth", content=b"inf").raise_for_status()


def test_an_object_is_read_whole(bucket: Bucket) -> None:
    bucket.put("raw/chats.jsonl")

    found = bucket.find("raw/chats.jsonl")

    assert found.record.uri == f"s3://{bucket.name}/raw/chats.jsonl"
    assert found.record.files == ("raw/chats.jsonl",)
    assert found.size_bytes == len(CONTENT)
    assert canonical(list(found.read())) == CONTENT.splitlines()


@pytest.mark.parametrize("key", ["raw/", "raw", ""])
def test_every_data_file_below_a_prefix_is_read_in_the_order_of_the_keys(
    bucket: Bucket, key: str
) -> None:
    halves = lines(ROWS[:25]), lines(ROWS[25:])
    bucket.put("raw/b.jsonl", halves[1])
    bucket.put("raw/a/deep.jsonl", halves[0])
    for other in ("raw/README.md", "raw/.hidden.jsonl", "raw/_SUCCESS.json"):
        bucket.put(other)

    found = bucket.find(key)

    assert found.record.files == ("raw/a/deep.jsonl", "raw/b.jsonl")
    assert found.size_bytes == len(CONTENT)
    assert canonical(list(found.read())) == CONTENT.splitlines()


def test_a_prefix_is_not_the_beginning_of_a_name(bucket: Bucket) -> None:
    bucket.put("raw/chats.jsonl")
    bucket.put("raw-old/chats.jsonl")

    assert bucket.find("raw").record.files == ("raw/chats.jsonl",)


@pytest.mark.parametrize("key", ["my chats+tests.jsonl", "Größe/50%.jsonl", "a#b.jsonl"])
def test_a_key_with_odd_characters_is_read(bucket: Bucket, key: str) -> None:
    bucket.put(key)

    found = bucket.find(key)

    assert found.record.files == (key,)
    assert canonical(list(found.read())) == CONTENT.splitlines()


@pytest.mark.parametrize(
    ("name", "stored"),
    [("rows.jsonl.gz", gzip.compress(CONTENT)), ("rows.parquet", parquet(ROWS)),
     ("rows.parquet.gz", gzip.compress(parquet(ROWS)))],
)  # fmt: skip
def test_compressed_and_parquet_objects_are_read(bucket: Bucket, name: str, stored: bytes) -> None:
    bucket.put(name, stored)

    assert canonical(list(bucket.find(name).read())) == CONTENT.splitlines()


def test_a_large_object_is_fetched_in_ranges_each_once(bucket: Bucket) -> None:
    content = lines([chat("x" * 2**20, str(number)) for number in range(20)])
    bucket.put("large.jsonl", content)
    found = bucket.find("large.jsonl")
    before = len(bucket.server.requests)

    received = canonical(list(found.read()))

    ranges = [
        tuple(map(int, re.findall(r"\d+", request.range)))
        for request in bucket.server.requests[before:]
        if request.range
    ]
    assert received == content.splitlines()
    assert len(ranges) > 1
    assert sum(end - start for start, end in ranges) < 1.5 * len(content)


def test_the_endpoint_may_come_from_the_environment(
    bucket: Bucket, monkeypatch: pytest.MonkeyPatch
) -> None:
    bucket.put("chats.jsonl")
    monkeypatch.setenv("AWS_ENDPOINT_URL", bucket.server.url)

    found = find(f"s3://{bucket.name}/chats.jsonl")

    assert canonical(list(found.read())) == CONTENT.splitlines()


def test_the_recipe_s_endpoint_goes_before_the_environment_s(
    bucket: Bucket, monkeypatch: pytest.MonkeyPatch
) -> None:
    bucket.put("chats.jsonl")
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:1")

    assert canonical(list(bucket.find("chats.jsonl").read())) == CONTENT.splitlines()


@pytest.mark.parametrize(
    ("environment", "settings", "expected"),
    [
        ({}, {"s3_region": "eu-west-1"}, "eu-west-1"),
        ({"AWS_DEFAULT_REGION": "eu-north-1"}, {}, "eu-north-1"),
        ({"AWS_REGION": "eu-south-1"}, {}, "eu-south-1"),
        ({"AWS_DEFAULT_REGION": "eu-north-1"}, {"s3_region": "eu-west-1"}, "eu-west-1"),
        ({}, {}, "us-east-1"),
    ],
)
def test_requests_are_signed_for_the_region(
    bucket: Bucket,
    monkeypatch: pytest.MonkeyPatch,
    environment: dict[str, str],
    settings: dict[str, str],
    expected: str,
) -> None:
    bucket.put("chats.jsonl")
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    before = len(bucket.server.requests)

    list(bucket.find("chats.jsonl", **settings).read())

    scopes = {
        re.findall(r"Credential=([^,]*)", request.authorization)[0].split("/")[2]
        for request in bucket.server.requests[before:]
    }
    assert scopes == {expected}


def test_the_revision_is_the_same_for_the_same_objects(bucket: Bucket) -> None:
    bucket.put("raw/a.jsonl")
    before = bucket.find("raw/").record.revision

    bucket.put("raw/a.jsonl")

    assert before
    assert bucket.find("raw/").record.revision == before


@pytest.mark.parametrize("key", ["raw/", "raw/a.jsonl"])
def test_the_revision_changes_with_the_content(bucket: Bucket, key: str) -> None:
    bucket.put("raw/a.jsonl")
    before = bucket.find(key).record.revision

    bucket.put("raw/a.jsonl", CONTENT.replace(b"What is 2?", b"What is 3?"))

    assert bucket.find(key).record.revision != before


def test_the_revision_changes_with_one_more_object(bucket: Bucket) -> None:
    bucket.put("raw/a.jsonl")
    before = bucket.find("raw/").record.revision

    bucket.put("raw/b.jsonl")

    assert bucket.find("raw/").record.revision != before


def test_an_object_that_changes_before_it_is_read_is_refused(bucket: Bucket) -> None:
    bucket.put("chats.jsonl")
    found = bucket.find("chats.jsonl")

    bucket.put("chats.jsonl", lines(chats(3)))

    with pytest.raises(SourceError, match=r"chats\.jsonl .*changed"):
        list(found.read())


def test_an_object_that_vanishes_before_it_is_read_is_told(bucket: Bucket) -> None:
    bucket.put("chats.jsonl")
    found = bucket.find("chats.jsonl")

    bucket.delete("chats.jsonl")

    with pytest.raises(SourceError, match=rf"s3://{bucket.name}/chats\.jsonl does not exist"):
        list(found.read())


@pytest.mark.parametrize(
    ("data_uri", "expected_error"),
    [
        ("s3://no-such-bucket/chats.jsonl", r"^s3://no-such-bucket/chats\.jsonl does not exist"),
        ("s3://no-such-bucket/raw/", "^s3://no-such-bucket/raw/ does not exist"),
        ("s3://no-such-bucket", "^s3://no-such-bucket/ does not exist"),
        ("s3://{bucket}/nothing.jsonl", r"/nothing\.jsonl does not exist"),
        ("s3://{bucket}/nothing/", r"/nothing/ has no data files \(\.jsonl, "),
        ("s3://{bucket}/prose/", r"/prose/ has no data files \(\.jsonl, "),
        ("s3://{bucket}/prose", r"/prose has no data files \(\.jsonl, "),
    ],
)
def test_an_address_without_data_is_refused(
    bucket: Bucket, data_uri: str, expected_error: str
) -> None:
    bucket.put("prose/README.md")

    with pytest.raises(SourceError, match=expected_error):
        find(data_uri.format(bucket=bucket.name), s3_endpoint_url=bucket.server.url)


@pytest.mark.parametrize("key", ["chats.jsonl", "raw/"])
def test_keys_that_are_not_accepted_are_told(strict_bucket: Bucket, key: str) -> None:
    with pytest.raises(SourceError, match=f"/{key} may not be read. Check the credentials"):
        strict_bucket.find(key)


def test_no_keys_at_all_are_told(bucket: Bucket, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in KEYS:
        monkeypatch.delenv(name)

    with pytest.raises(SourceError, match="credentials"):
        bucket.find("chats.jsonl")


@pytest.mark.parametrize(
    ("environment", "expected_error"),
    [
        ({"AWS_ACCESS_KEY_ID": "a"}, "AWS_ACCESS_KEY_ID is set but AWS_SECRET_ACCESS_KEY is not"),
        ({"AWS_SECRET_ACCESS_KEY": "hush"},
         "AWS_SECRET_ACCESS_KEY is set but AWS_ACCESS_KEY_ID is not"),
        ({"AWS_SESSION_TOKEN": "hush"}, "AWS_SESSION_TOKEN is set without its keys"),
        ({"AWS_SESSION_TOKEN": "hush", "AWS_ACCESS_KEY_ID": "a", "AWS_SECRET_ACCESS_KEY": ""},
         "AWS_ACCESS_KEY_ID is set but AWS_SECRET_ACCESS_KEY is not"),
    ],
)  # fmt: skip
def test_half_a_pair_of_keys_is_refused(
    workspace: Workspace, environment: dict[str, str], expected_error: str
) -> None:
    sources = DatasetSources(workspace, environment=environment)

    with pytest.raises(ConfigError, match=expected_error) as refusal:
        sources.find(DatasetRecipe(data_uri="s3://bucket/key.jsonl"))

    assert "hush" not in str(refusal.value)


def test_a_session_token_is_sent_with_its_keys(
    bucket: Bucket, monkeypatch: pytest.MonkeyPatch
) -> None:
    bucket.put("chats.jsonl")
    monkeypatch.setenv("AWS_SESSION_TOKEN", "token-of-the-test")

    list(bucket.find("chats.jsonl").read())

    assert "x-amz-security-token" in bucket.server.requests[-1].authorization


def test_the_keys_are_shown_nowhere(bucket: Bucket) -> None:
    bucket.put("chats.jsonl")

    found = bucket.find("chats.jsonl")

    shown = repr(found) + found.record.model_dump_json()
    assert not any(value in shown for value in KEYS.values())

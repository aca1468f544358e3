"""Addresses of data: every kind, and everything that is none."""

from pathlib import Path

import pytest

from osft_assets.core.errors import ConfigError
from osft_assets.core.sources import (
    HubDataset,
    LocalPath,
    Location,
    S3Location,
    WebLocation,
    WorkspacePath,
    parse_location,
    resolve_location,
)

SIGNED = "https://bucket.example/rows.jsonl?X-Amz-Signature=hunter2"


@pytest.mark.parametrize(
    ("data_uri", "location"),
    [
        ("hf://org/name", HubDataset("org/name")),
        ("hf://squad", HubDataset("squad")),
        ("hf://org/name:main_config", HubDataset("org/name", "main_config")),
        ("hf://org/name@v1.0", HubDataset("org/name", "", "v1.0")),
        ("hf://org/name:en@refs/pr/1", HubDataset("org/name", "en", "refs/pr/1")),
        ("org/name", HubDataset("org/name")),
        ("org/name:en@main", HubDataset("org/name", "en", "main")),
        ("s3://bucket/a/rows.jsonl", S3Location("bucket", "a/rows.jsonl")),
        ("s3://bucket/prefix/", S3Location("bucket", "prefix/")),
        ("http://host/rows.jsonl", WebLocation("http://host/rows.jsonl")),
        ("https://host:8443/rows?v=2", WebLocation("https://host:8443/rows?v=2")),
        ("pvc://a/rows.jsonl", WorkspacePath("a/rows.jsonl")),
        ("pvc:///a/", WorkspacePath("a")),
        ("/data/rows.jsonl", LocalPath(Path("/data/rows.jsonl"))),
        ("file:///data/my%20rows.jsonl", LocalPath(Path("/data/my rows.jsonl"))),
        ("file://localhost/data/rows.jsonl", LocalPath(Path("/data/rows.jsonl"))),
        ("  s3://bucket/rows.jsonl\n", S3Location("bucket", "rows.jsonl")),
    ],
)
def test_every_kind_of_address_is_understood(data_uri: str, location: Location) -> None:
    assert parse_location(data_uri) == location


@pytest.mark.parametrize(
    ("data_uri", "expected_error"),
    [
        ("", "is not hf://org/name"),
        ("hf://", "is not hf://org/name"),
        ("hf://a/b/c", r"'hf://a/b/c' is not hf://org/name\[:config\]\[@revision\]"),
        ("two words", "'two words' is not hf://org/name"),
        ("HF://org/name", r"has the scheme 'HF', expected .* Schemes are lower case: hf://\."),
        ("S3://bucket/key", "Schemes are lower case: s3://"),
        ("Https://host/rows", "Schemes are lower case: https://"),
        ("ftp://host/rows", "has the scheme 'ftp', expected hf://, s3://, http://"),
        ("gs://bucket/rows", "has the scheme 'gs', expected hf://, s3://, http://"),
        ("://rows", "has the scheme '', expected hf://"),
        ("./rows.jsonl", r"'\./rows\.jsonl' looks like a relative path. Give an absolute one"),
        ("../rows.jsonl", "looks like a relative path"),
        ("~/rows.jsonl", "looks like a relative path"),
        ("data/rows.parquet", "looks like a relative path"),
        ("rows.jsonl.gz", "looks like a relative path. Give an absolute one, or pvc://PATH"),
        ("s3://", "is not s3://bucket/key, or s3://bucket/prefix/ for many"),
        ("s3:///key", "is not s3://bucket/key"),
        ("s3://UPPER/key", "is not s3://bucket/key"),
        ("s3://bucket/key?part=1", "is not s3://bucket/key"),
        ("https://", "has no valid host. Expected https://host/path"),
        ("https:///rows", "has no valid host"),
        ("https://[host/rows", "has no valid host"),
        ("https://host:port/rows", "has no valid host"),
        ("pvc://", "names no file. Expected pvc://path, relative to the workspace"),
        ("pvc:///", "names no file"),
        ("pvc://../rows.jsonl", "leaves the workspace. Remove '..'"),
        ("pvc://a/../../rows.jsonl", "leaves the workspace"),
        ("file://elsewhere/rows.jsonl", "names another machine. Expected file:///absolute/path"),
        ("file://rows.jsonl", "names another machine. Expected file:///absolute/path"),
        ("hf://../name", "is not hf://org/name"),
    ],
)
def test_what_is_no_address_is_refused_with_the_remedy(data_uri: str, expected_error: str) -> None:
    with pytest.raises(ConfigError, match=expected_error):
        parse_location(data_uri)


@pytest.mark.parametrize(
    "data_uri",
    [
        SIGNED,
        "https://host/rows?sig=hunter2",
        "https://host/rows?a=1&access_token=hunter2",
        "https://me:hunter2@host/rows.jsonl",
        "https://hunter2@host/rows.jsonl",
        "HTTPS://me:hunter2@host/rows.jsonl",
        "s3://me:hunter2@bucket/rows.jsonl",
        "ftp://me:hunter2@host/rows.jsonl",
        "file://me:hunter2@host/rows.jsonl",
        "https://me:hunter2@[host/rows",
        "https://me:hun/ter2@host/rows",
        "https:/me:hunter2@host/rows",
        "https:/host/rows?X-Amz-Signature=hunter2",
    ],
)
def test_an_address_with_a_credential_is_refused_without_repeating_it(data_uri: str) -> None:
    with pytest.raises(ConfigError) as refusal:
        parse_location(data_uri)

    assert "ter2" not in str(refusal.value)


def test_a_refused_credential_names_the_way_out() -> None:
    with pytest.raises(ConfigError, match="the query parameter X-Amz-Signature.* env:THAT_VARIAB"):
        parse_location(SIGNED)


def test_an_address_in_the_environment_is_unknown_until_it_is_read() -> None:
    assert parse_location("env:DATA_URL") is None


def test_an_address_in_the_environment_may_carry_a_credential() -> None:
    location = resolve_location(" env:DATA_URL ", {"DATA_URL": f" {SIGNED}\n"})

    assert location == WebLocation(SIGNED)


def test_an_address_that_is_given_needs_no_environment() -> None:
    assert resolve_location("hf://org/name", {}) == HubDataset("org/name")


@pytest.mark.parametrize("environment", [{}, {"DATA_URL": ""}, {"DATA_URL": "  "}])
def test_an_unset_variable_is_refused(environment: dict[str, str]) -> None:
    with pytest.raises(ConfigError, match="env:DATA_URL, but DATA_URL is not set. Set it where"):
        resolve_location("env:DATA_URL", environment)


@pytest.mark.parametrize("name", ["", "1ST", "DATA-URL", "DATA URL", "https://host/?sig=hunter2"])
def test_what_is_no_name_of_a_variable_is_refused_without_repeating_it(name: str) -> None:
    with pytest.raises(ConfigError, match="expected the name of an environment variable") as error:
        parse_location(f"env:{name}")

    assert "hunter2" not in str(error.value)


@pytest.mark.parametrize(
    "value",
    [
        "ftp://me:hunter2@host/rows.jsonl",
        "file://me:hunter2@host/rows.jsonl",
        "s3://me:hunter2@Bucket/rows.jsonl",
        "https://me:hunter2@[host/rows",
        "pvc://../rows?sig=hunter2",
        "https:/me:hunter2@host/rows",
        "me:hunter2 host/rows.jsonl",
    ],
)
def test_a_bad_address_in_the_environment_is_never_repeated(value: str) -> None:
    with pytest.raises(ConfigError) as refusal:
        resolve_location("env:DATA_URL", {"DATA_URL": value})

    assert "hunter2" not in str(refusal.value)


def test_a_variable_that_points_to_another_one_is_refused() -> None:
    with pytest.raises(ConfigError):
        resolve_location("env:DATA_URL", {"DATA_URL": "env:OTHER_URL", "OTHER_URL": SIGNED})


@pytest.mark.parametrize("show", [str, repr])
def test_a_signed_address_is_never_shown(show: type[str]) -> None:
    assert "hunter2" not in show(WebLocation(SIGNED))


@pytest.mark.parametrize(
    "data_uri",
    [
        "hf://org/name",
        "hf://org/name:en",
        "hf://org/name@main",
        "hf://org/name:en@main",
        "s3://bucket/a/rows.jsonl",
        "https://host/rows.jsonl",
        "pvc://a/rows.jsonl",
        "/data/rows.jsonl",
    ],
)
def test_an_address_reads_back_as_it_was_written(data_uri: str) -> None:
    assert str(parse_location(data_uri)) == data_uri

"""Addresses of models: every kind, and everything that is none."""

from pathlib import Path

import pytest

from osft_assets.core.errors import ConfigError
from osft_assets.core.model_sources import (
    HubModel,
    ModelLocation,
    OciImage,
    parse_model_location,
)
from osft_assets.core.sources import LocalPath, S3Location, WorkspacePath

DIGEST = f"sha256:{'a1' * 32}"


@pytest.mark.parametrize(
    ("base_model", "location"),
    [
        ("Qwen/Qwen2.5-1.5B-Instruct", HubModel("Qwen/Qwen2.5-1.5B-Instruct")),
        ("org/name@v1.0", HubModel("org/name", "v1.0")),
        ("org/name@refs/pr/1", HubModel("org/name", "refs/pr/1")),
        ("hf://org/name@main", HubModel("org/name", "main")),
        ("gpt2", HubModel("gpt2")),
        ("s3://bucket/models/tiny/", S3Location("bucket", "models/tiny/")),
        ("pvc://models/tiny", WorkspacePath("models/tiny")),
        ("/models/tiny", LocalPath(Path("/models/tiny"))),
        ("file:///my%20models/tiny", LocalPath(Path("/my models/tiny"))),
        ("oci://quay.io/org/tiny:1.0", OciImage("quay.io/org/tiny", "1.0")),
        ("oci://quay.io/org/tiny", OciImage("quay.io/org/tiny", "latest")),
        ("oci://localhost:5000/tiny:a_b.c", OciImage("localhost:5000/tiny", "a_b.c")),
        (f"oci://quay.io/org/tiny@{DIGEST}", OciImage("quay.io/org/tiny", digest=DIGEST)),
        (f"oci://quay.io/org/tiny:1.0@{DIGEST}", OciImage("quay.io/org/tiny", digest=DIGEST)),
        ("  org/name\n", HubModel("org/name")),
    ],
)
def test_every_kind_of_address_is_understood(base_model: str, location: ModelLocation) -> None:
    assert parse_model_location(base_model) == location


@pytest.mark.parametrize(
    "address", ["hf://org/name@v1", "s3://bucket/a/", "pvc://a", f"oci://quay.io/tiny@{DIGEST}"]
)
def test_an_address_is_shown_as_it_can_be_given(address: str) -> None:
    assert str(parse_model_location(address)) == address


@pytest.mark.parametrize(
    ("revision", "is_pinned"), [("c0" * 20, True), ("c0" * 19, False), ("main", False), ("", False)]
)
def test_only_a_whole_commit_is_pinned(revision: str, is_pinned: bool) -> None:
    assert HubModel("org/name", revision).is_pinned == is_pinned


@pytest.mark.parametrize(
    ("base_model", "expected_error"),
    [
        ("./model", "looks like a relative path. Give an absolute one, or pvc://PATH"),
        ("../model", "looks like a relative path"),
        ("~/model", "looks like a relative path"),
        ("models/org/name", "looks like a relative path"),
        ("", "is not org/name or org/name@revision"),
        ("two words", "'two words' is not org/name"),
        ("hf://", "is not org/name"),
        ("hf://org/name:config", "is not org/name"),
        ("pvc://", "base_model names no file"),
        ("pvc://a/../../b", "leaves the workspace. Remove '..'"),
        ("file://host/model", "base_model 'file://host/model' names another machine"),
        ("s3://B/model", "base_model 's3://B/model' is not s3://bucket/key"),
        ("S3://bucket/model", "Schemes are lower case: s3://"),
        ("https://huggingface.co/org/name", "For a page of the Hub, write org/name"),
        ("https://host/model.tar", "has the scheme 'https', expected hf://, s3://, pvc://, oci://"),
        ("env:MODEL", "is not org/name"),
        ("oci://org/name", "is not oci://registry/repository:tag"),
        ("oci://quay.io", "is not oci://registry/repository:tag"),
        ("oci://quay.io/Org/name", "is not oci://registry/repository:tag"),
        ("oci://quay.io/org/name@sha256:abc", "64 hexadecimal digits"),
        ("oci://quay.io/org/name:--flag x", "is not oci://registry/repository:tag"),
    ],
)
def test_what_is_no_address_is_refused_with_what_one_looks_like(
    base_model: str, expected_error: str
) -> None:
    with pytest.raises(ConfigError) as refused:
        parse_model_location(base_model)

    assert expected_error in str(refused.value)


@pytest.mark.parametrize(
    "base_model",
    [
        "s3://key:hunter2@bucket/model/",
        "oci://bob:hunter2@quay.io/org/name:1",
        "hf://org/name?token=hunter2",
        "hunter2:secret@org/name",
        "hunter2@org/name",
        "oci://quay.io/org/name:hunter2@x",
    ],
)
def test_a_credential_is_refused_and_not_repeated(base_model: str) -> None:
    with pytest.raises(ConfigError) as refused:
        parse_model_location(base_model)

    assert "hunter2" not in str(refused.value)


@pytest.mark.parametrize(
    "address", ["hf://org/name@hf_abcdefghijkl", "hf_abcdefghijkl", "pvc://user:pass@path"]
)
def test_a_token_in_any_place_is_refused_unseen(address: str) -> None:
    with pytest.raises(ConfigError, match="would be stored with the run") as caught:
        parse_model_location(address)

    assert "hf_abc" not in str(caught.value)
    assert "pass@" not in str(caught.value)

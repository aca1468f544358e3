"""The knobs of the registry stage."""

from typing import Any

import pytest
from pydantic import ValidationError

from osft_assets.core.recipes.registry import RegistryRecipe


@pytest.mark.parametrize("version", ["1.0.0", "0.0.1", "10.20.30", "1.0.0-rc.1", "1.0.0+build.5"])
def test_a_semantic_version_is_accepted(version: str) -> None:
    assert RegistryRecipe(reg_version=version).reg_version == version


@pytest.mark.parametrize("version", ["", "1", "1.0", "v1.0.0", "01.0.0", "1.0.0.0", "1.0.0-", "x"])
def test_any_other_version_is_refused(version: str) -> None:
    with pytest.raises(ValidationError, match="expected a semantic version, such as 1.0.0"):
        RegistryRecipe(reg_version=version)


@pytest.mark.parametrize(
    ("settings", "expected_error"),
    [
        ({"port": 0}, "greater than or equal to 1"),
        ({"port": 65_536}, "less than or equal to 65535"),
        ({"reg_author": ""}, "at least 1 character"),
        ({"format_name": ""}, "at least 1 character"),
        ({"format_version": ""}, "at least 1 character"),
    ],
)
def test_a_bad_setting_is_refused(settings: dict[str, Any], expected_error: str) -> None:
    with pytest.raises(ValidationError, match=expected_error):
        RegistryRecipe(**settings)


def test_without_an_address_there_is_no_server_to_speak_to() -> None:
    assert RegistryRecipe().server is None
    assert RegistryRecipe(address=" ").server is None


def test_the_port_belongs_to_the_address() -> None:
    assert str(RegistryRecipe(address="registry", port=9090).server) == "http://registry:9090"
    assert str(RegistryRecipe(address="https://registry").server) == "https://registry:443"


def test_a_bad_address_is_refused_where_it_is_set() -> None:
    with pytest.raises(ValidationError, match="address\n.*expected http://host"):
        RegistryRecipe(address="ftp://registry")


def test_a_token_itself_is_refused_as_the_name_of_a_variable() -> None:
    with pytest.raises(ValidationError, match="the name of an environment variable") as refused:
        RegistryRecipe(token="eyJhbGciOi.secret")  # noqa: S106 - refused

    assert "eyJ" not in str(refused.value)


@pytest.mark.parametrize(
    "target",
    ["s3://bucket", "s3://bucket/models/", "oci://registry.example/team/model", "oci://a:5000/m"],
)
def test_a_model_can_be_copied_to_a_bucket_or_a_container_registry(target: str) -> None:
    assert RegistryRecipe(publish_to=target).publish_to == target.rstrip("/")


@pytest.mark.parametrize(
    "target", ["/mnt", "s3://", "oci://host", "oci://h/m:tag", "oci://u:p@h/m", "gs://b", "s3://B_"]
)
def test_any_other_place_is_refused(target: str) -> None:
    with pytest.raises(ValidationError, match="expected s3://bucket/prefix or oci://"):
        RegistryRecipe(publish_to=target)

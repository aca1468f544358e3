"""Where the token and the certificates come from, and that neither is repeated."""

from pathlib import Path

import pytest

from osft_assets.core.errors import ConfigError
from osft_assets.core.recipes.registry import RegistryRecipe
from resources.registry_access import Access, remote_access

SECURE = "https://registry.example"
PLAIN = "http://registry.example"
NOWHERE = Path("/nonexistent/token")


def access(url: str, service_account: Path = NOWHERE, **environment: str) -> Access:
    recipe = RegistryRecipe(address=url)
    assert recipe.server
    return remote_access(recipe.server, recipe, environment, service_account)


def test_the_token_is_read_from_the_environment() -> None:
    assert access(SECURE, MODEL_REGISTRY_TOKEN=" abc\n").token == "abc"


def test_the_token_of_the_clients_own_places_is_taken_when_there_is_no_other(
    tmp_path: Path,
) -> None:
    (tmp_path / "named").write_text("from-file\n")
    (tmp_path / "account").write_text("from-pod\n")
    named = {"KF_PIPELINES_SA_TOKEN_PATH": str(tmp_path / "named")}

    assert access(SECURE, tmp_path / "account").token == "from-pod"
    assert access(SECURE, tmp_path / "account", **named).token == "from-file"
    assert access(SECURE, MODEL_REGISTRY_TOKEN="ours", **named).token == "ours"


def test_a_secure_registry_without_a_token_is_refused() -> None:
    with pytest.raises(ConfigError, match="Set the environment variable MODEL_REGISTRY_TOKEN"):
        access(SECURE)


def test_a_plain_registry_needs_no_token() -> None:
    assert access(PLAIN).token == ""


def test_a_token_file_that_is_not_there_is_refused() -> None:
    with pytest.raises(ConfigError, match=r"cannot be read from /none: FileNotFoundError"):
        access(SECURE, KF_PIPELINES_SA_TOKEN_PATH="/none")


@pytest.mark.parametrize("token", ["two words", "two\nlines", "tökén"])
def test_a_token_that_cannot_be_sent_is_refused_and_not_repeated(token: str) -> None:
    with pytest.raises(ConfigError, match="MODEL_REGISTRY_TOKEN holds no token") as raised:
        access(SECURE, MODEL_REGISTRY_TOKEN=token)

    assert token not in str(raised.value)


def test_certificates_that_are_not_there_are_refused() -> None:
    with pytest.raises(ConfigError, match="MODEL_REGISTRY_CA_FILE is /none: no such file"):
        access(SECURE, MODEL_REGISTRY_TOKEN="abc", MODEL_REGISTRY_CA_FILE="/none")


def test_a_file_without_certificates_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "ca.pem"
    file.write_text("no certificate")

    with pytest.raises(ConfigError, match="no certificates. Set it to a PEM file"):
        access(SECURE, MODEL_REGISTRY_TOKEN="abc", MODEL_REGISTRY_CA_FILE=str(file))


def test_certificates_do_not_matter_to_a_plain_registry() -> None:
    assert access(PLAIN, MODEL_REGISTRY_CA_FILE="/none").ca_file == ""


def test_no_record_of_an_access_shows_the_token() -> None:
    assert "abc" not in repr(access(SECURE, MODEL_REGISTRY_TOKEN="abc"))

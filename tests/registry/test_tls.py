"""A registry behind TLS, whose certificate comes from an authority of our own."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

pytest.importorskip("cryptography", reason="certificates are made with cryptography")

from osft_assets.core.errors import RegistryError
from osft_assets.core.recipes.registry import RegistryRecipe
from resources.model_registry import Registries
from tests.registry.certificates import Authority, authority
from tests.registry.conftest import TOKEN
from tests.registry.middleman import Middleman, forward, middleman
from tests.registry.registrations import Place

MakeRegistries = Callable[..., Registries]


@pytest.fixture
def trusted(tmp_path: Path) -> Authority:
    return authority(tmp_path / "trusted")


@pytest.fixture
def secure(server: str, trusted: Authority) -> Iterator[Middleman]:
    with middleman(lambda asked: forward(server, asked), trusted.context) as running:
        yield running


def at(registries: Registries, url: str) -> Place:
    return Place(registries, RegistryRecipe(address=url, timeout=10.0, retries=2))


def test_a_model_is_registered_with_a_token_over_tls(
    registries: MakeRegistries, secure: Middleman, trusted: Authority
) -> None:
    ca_file = str(trusted.ca_file)
    place = at(registries(MODEL_REGISTRY_TOKEN=TOKEN, MODEL_REGISTRY_CA_FILE=ca_file), secure.url)

    made = place.register()

    assert (made.created, made.registry) == (True, secure.url)
    assert [one.version for one in place.read().versions] == ["1.0.0"]
    assert {asked.headers["Authorization"] for asked in secure.requests} == {f"Bearer {TOKEN}"}
    assert not [line for line in place.said if "unencrypted" in line]


def test_a_certificate_of_an_unknown_authority_is_not_trusted(
    registries: MakeRegistries, secure: Middleman, tmp_path: Path
) -> None:
    other = str(authority(tmp_path / "other").ca_file)
    place = at(registries(MODEL_REGISTRY_TOKEN=TOKEN, MODEL_REGISTRY_CA_FILE=other), secure.url)

    with pytest.raises(RegistryError, match="is not trusted .*MODEL_REGISTRY_CA_FILE to a PEM"):
        place.register()

    assert secure.requests == []
    assert place.said == []


def test_the_machines_own_certificates_are_used_when_none_are_given(
    registries: MakeRegistries, secure: Middleman
) -> None:
    place = at(registries(MODEL_REGISTRY_TOKEN=TOKEN), secure.url)

    with pytest.raises(RegistryError, match="is not trusted"):
        place.register()


def test_https_to_a_server_without_tls_says_so(registries: MakeRegistries, server: str) -> None:
    place = at(registries(MODEL_REGISTRY_TOKEN=TOKEN), server.replace("http:", "https:"))

    with pytest.raises(RegistryError, match="does not speak TLS .*write http:// in registry"):
        place.register()


def test_http_to_a_server_with_tls_is_an_error_that_names_it(
    registries: MakeRegistries, secure: Middleman
) -> None:
    url = secure.url.replace("https:", "http:")

    with pytest.raises(RegistryError, match=url):
        at(registries(MODEL_REGISTRY_TOKEN=TOKEN), url).register()

"""Where a registry is, however people write it."""

import pytest

from osft_assets.core.errors import ConfigError
from osft_assets.core.registry_address import parse_registry_address


@pytest.mark.parametrize(
    ("address", "port", "expected"),
    [
        ("registry", 8080, "http://registry:8080"),
        ("registry:9090", 8080, "http://registry:9090"),
        ("registry.ns.svc.cluster.local", 80, "http://registry.ns.svc.cluster.local:80"),
        ("registry", 443, "https://registry:443"),
        ("registry", 8443, "https://registry:8443"),
        ("http://registry", 8080, "http://registry:8080"),
        ("http://registry/", 8080, "http://registry:8080"),
        ("http://registry:81", 8080, "http://registry:81"),
        ("https://registry", 8080, "https://registry:443"),
        ("https://registry:8080", 443, "https://registry:8080"),
        (" https://registry:8443 ", 8080, "https://registry:8443"),
        ("[::1]:8080", 80, "http://[::1]:8080"),
    ],
)
def test_an_address_is_understood(address: str, port: int, expected: str) -> None:
    assert str(parse_registry_address(address, port, port_was_set=port != 8080)) == expected


def test_a_port_set_on_purpose_holds_for_https_too() -> None:
    assert parse_registry_address("https://registry", 9443, port_was_set=True).port == 9443


@pytest.mark.parametrize(
    "address",
    ["ftp://registry", "http://", "registry/api", "http://registry:0x1", "registry:99999", ":80"],
)
def test_what_is_no_address_is_refused(address: str) -> None:
    with pytest.raises(ConfigError, match="expected http://host, https://host, a bare host"):
        parse_registry_address(address, 8080, port_was_set=False)


@pytest.mark.parametrize("address", ["http://me:hunter2@registry", "me:hunter2@registry"])
def test_a_credential_is_refused_and_not_repeated(address: str) -> None:
    with pytest.raises(ConfigError, match="it carries a credential") as refused:
        parse_registry_address(address, 8080, port_was_set=False)

    assert "hunter2" not in str(refused.value)

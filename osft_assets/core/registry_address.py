"""Where a model registry is: from what people write to what the client must be given.

The client itself takes a bare host without complaint, and fails at the first request.
"""

from dataclasses import dataclass
from urllib.parse import urlsplit

from osft_assets.core.errors import ConfigError
from osft_assets.core.redaction import credentials_in

_TLS_PORTS = (443, 8443)
_EXPECTED = "http://host, https://host, a bare host, or any of them with :port"


@dataclass(frozen=True)
class RegistryAddress:
    """A registry's scheme, host and port."""

    scheme: str
    host: str
    port: int

    @property
    def is_secure(self) -> bool:
        """Whether it is spoken to over TLS."""
        return self.scheme == "https"

    def __str__(self) -> str:
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{self.scheme}://{host}:{self.port}"


def parse_registry_address(address: str, port: int, *, port_was_set: bool) -> RegistryAddress:
    """The address; ConfigError when it is none.

    A port in `address` decides. Without one it is `port`; but https without any port set is 443.
    """
    text = address.strip()
    if credentials_in(text if "://" in text else f"http://{text}"):
        raise ConfigError(
            "it carries a credential, and would be stored with the run. Put the token in an "
            "environment variable, and its name in `token`"
        )
    try:
        parts = urlsplit(text if "://" in text else f"//{text}")
        in_address = parts.port
    except ValueError:
        raise ConfigError(f"expected {_EXPECTED}, with a port from 1 to 65535") from None
    if parts.scheme not in ("", "http", "https") or not parts.hostname or parts.path.strip("/"):
        raise ConfigError(f"expected {_EXPECTED}, without a path")
    chosen = in_address or port
    scheme = parts.scheme or ("https" if chosen in _TLS_PORTS else "http")
    if scheme == "https" and not in_address and not port_was_set:
        chosen = 443
    return RegistryAddress(scheme, parts.hostname, chosen)

"""Which registry is asked, and what it is shown: the token, and the certificates it is checked
against. Both come from the environment; neither is ever repeated.

The client's own places for a token are looked at too: a file named by KF_PIPELINES_SA_TOKEN_PATH,
then the service account of a pod. Talking to the registry is `resources.registry_connection`.
"""

import ssl
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from osft_assets.core.errors import ConfigError
from osft_assets.core.recipes.registry import RegistryRecipe
from osft_assets.core.registry_address import RegistryAddress

TOKEN_PATH_VARIABLE = "KF_PIPELINES_SA_TOKEN_PATH"  # noqa: S105 - a name
SERVICE_ACCOUNT = Path("/var/run/secrets/kubernetes.io/serviceaccount/token")


@dataclass(frozen=True)
class Access:
    """One registry. `name` is what the answers and the errors call it."""

    name: str
    url: str
    token: str = field(default="", repr=False)
    ca_file: str = ""

    @property
    def is_secure(self) -> bool:
        """Whether it is spoken to over TLS."""
        return self.url.startswith("https://")


def remote_access(
    server: RegistryAddress,
    recipe: RegistryRecipe,
    environment: Mapping[str, str],
    service_account: Path = SERVICE_ACCOUNT,
) -> Access:
    """The registry at this address; ConfigError when the token or the certificates are no good."""
    token = _token(recipe, environment, service_account)
    if server.is_secure and not token:
        raise ConfigError(
            f"{server} is a secure registry, and there is no token for it. Set the environment "
            f"variable {recipe.token} (registry.token), or {TOKEN_PATH_VARIABLE} to a file with one"
        )
    ca_file = _ca_file(recipe, environment) if server.is_secure else ""
    return Access(str(server), str(server), token, ca_file)


def _token(recipe: RegistryRecipe, environment: Mapping[str, str], service_account: Path) -> str:
    token = environment.get(recipe.token, "").strip()
    if token:
        return _sendable(token, f"The environment variable {recipe.token}")
    path = environment.get(TOKEN_PATH_VARIABLE, "")
    if path:
        return _sendable(_content(Path(path)), f"The file that {TOKEN_PATH_VARIABLE} names")
    if service_account.is_file():
        return _sendable(_content(service_account), "The service account's token")
    return ""


def _content(path: Path) -> str:
    try:
        return path.read_text().strip()
    except (OSError, UnicodeDecodeError) as problem:
        raise ConfigError(
            f"The registry's token cannot be read from {path}: {type(problem).__name__}. Mend "
            f"{TOKEN_PATH_VARIABLE}, or set the environment variable that registry.token names"
        ) from None


def _sendable(token: str, place: str) -> str:
    if token.isascii() and token.isprintable() and " " not in token:
        return token
    raise ConfigError(
        f"{place} holds no token: one is a single line of ASCII without spaces. Set it anew"
    )


def _ca_file(recipe: RegistryRecipe, environment: Mapping[str, str]) -> str:
    path = environment.get(recipe.ca_file, "").strip()
    if not path:
        return ""
    try:
        ssl.create_default_context(cafile=path)
    except (OSError, ValueError) as problem:  # an SSLError is an OSError
        reason = "no such file" if isinstance(problem, FileNotFoundError) else "no certificates"
        raise ConfigError(
            f"{recipe.ca_file} is {path}: {reason}. Set it to a PEM file with the certificates "
            "that the registry is checked against, or unset it to use the machine's own"
        ) from None
    return path

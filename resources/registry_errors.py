"""What went wrong with a registry, and what to do about it.

The client's own messages hold headers and bodies, so they are not repeated; what the server says of
a refusal is, without the token. Trying again is `resources.registry_connection`.
"""

import json
import ssl
from dataclasses import dataclass

from osft_assets.core.errors import OsftError, RegistryError
from osft_assets.core.recipes.registry import RegistryRecipe
from resources.client_errors import status_may_pass
from resources.registry_access import Access
from resources.registry_client import RedirectedError

NOT_FOUND, CONFLICT = 404, 409
_UNAUTHORIZED, _FORBIDDEN = 401, 403
_PASSING = frozenset({502, 503, 504})
_LONGEST_REPEATED = 300
_NO_REGISTRY = (
    "Check registry.address: it is a model registry's, not a web page's, a log-in's or a gateway's"
)


def client_errors() -> tuple[type[Exception], ...]:
    """Whatever the client raises. An answer of another form makes it stumble in any way."""
    from aiohttp import ClientError
    from mr_openapi.exceptions import OpenApiException  # type: ignore[import-untyped]

    stumbles = (ValueError, TypeError, AttributeError, KeyError, AssertionError)
    return (OpenApiException, ClientError, OSError, RedirectedError, *stumbles)


def status_of(problem: Exception) -> int | None:
    """The HTTP status that the registry answered with, when it was a refusal."""
    from mr_openapi.exceptions import ApiException

    return problem.status or None if isinstance(problem, ApiException) else None


def may_pass(problem: Exception) -> bool:
    """Whether it is worth another try: no answer, or one that says later."""
    from aiohttp import ClientConnectionError, ClientPayloadError, ClientSSLError

    if isinstance(problem, ClientSSLError | ssl.SSLError):
        return False
    if status_of(problem):
        return status_of(problem) in _PASSING
    return isinstance(problem, ClientConnectionError | ClientPayloadError | OSError)


def reason(problem: Exception, recipe: RegistryRecipe) -> str:
    """What happened, in a few words."""
    if isinstance(problem, TimeoutError):
        return f"no answer within {recipe.timeout:g} seconds"
    if status := status_of(problem):
        return f"HTTP status {status}"
    names = {
        "ClientConnectorDNSError": "its host has no address",
        "ClientConnectorError": "no connection",
        "ServerDisconnectedError": "it hung up",
    }
    return names.get(type(problem).__name__, type(problem).__name__)


@dataclass(frozen=True)
class Explainer:
    """Makes our errors of the client's."""

    access: Access
    recipe: RegistryRecipe

    def __call__(self, problem: Exception, tries: int) -> OsftError:
        """The error to raise instead."""
        name = self.access.name
        if isinstance(problem, RedirectedError):
            return RegistryError(
                f"{name} sends us to {problem}. Set registry.address to where the registry is"
            )
        if status := status_of(problem):
            return self._refused(status, problem, tries)
        if may_pass(problem):
            return self._silent(problem, tries)
        return self._secure(problem) or RegistryError(
            f"{name} does not answer like a model registry ({type(problem).__name__}). "
            f"{_NO_REGISTRY}"
        )

    def _refused(self, status: int, problem: Exception, tries: int) -> OsftError:
        said = self._said(problem)
        tried = f" after {tries} tries" if tries > 1 else ""
        return RegistryError(
            f"{self.access.name} answers HTTP status {status}{tried}{said}. {self._remedy(status)}",
            transient=status_may_pass(status),
        )

    def _remedy(self, status: int) -> str:
        variable = self.recipe.token
        if status == _UNAUTHORIZED and not self.access.token:
            return f"It wants a token: set the environment variable {variable}"
        if status == _UNAUTHORIZED:
            return f"It does not accept the token; set {variable} to one that it knows"
        if status == _FORBIDDEN:
            return f"The token ({variable}) may not do this: ask for access, or use another one"
        if status == NOT_FOUND:
            return "What was there is gone: somebody else is changing it. Run again"
        if status >= 500:  # noqa: PLR2004 - HTTP
            return "Look into its log; what was written stays, and the next run goes on from there"
        return "It refuses what was sent; check the settings of `registry`"

    def _said(self, problem: Exception) -> str:
        text = " ".join(_message(str(getattr(problem, "body", None) or "")).split())
        if self.access.token:
            text = text.replace(self.access.token, "***")
        return f": {text[:_LONGEST_REPEATED]}" if text else ""

    def _silent(self, problem: Exception, tries: int) -> OsftError:
        remedy = {
            "ClientConnectorDNSError": "Check the host in registry.address",
            "TimeoutError": "Check it, or raise registry.timeout",
        }.get(type(problem).__name__, "Check that it runs, and registry.address")
        tried = f"{tries} tries" if tries > 1 else "1 try"
        return RegistryError(
            f"{self.access.name} does not answer ({tried}): {reason(problem, self.recipe)}. "
            f"{remedy}. What was written stays, and the next run goes on from there",
            transient=True,
        )

    def _secure(self, problem: Exception) -> OsftError | None:
        """The error when it is about TLS."""
        from aiohttp import ClientConnectorCertificateError, ClientSSLError

        if isinstance(problem, ClientConnectorCertificateError | ssl.SSLCertVerificationError):
            return RegistryError(
                f"The certificate of {self.access.name} is not trusted{_doubt(problem)}. Set the "
                f"environment variable {self.recipe.ca_file} to a PEM file with the certificate "
                "of whoever signed it"
            )
        if isinstance(problem, ClientSSLError | ssl.SSLError):
            return RegistryError(
                f"{self.access.name} does not speak TLS as it should. If it has none, write "
                "http:// in registry.address; else check its port"
            )
        return None


def _message(body: str) -> str:
    """What a refusal says for people; a page for a browser says nothing."""
    try:
        return str(json.loads(body)["message"])
    except (ValueError, TypeError, KeyError):
        return "" if body.lstrip().startswith("<") else body


def _doubt(problem: Exception) -> str:
    found = getattr(problem, "certificate_error", problem)
    message = getattr(found, "verify_message", "")
    return f" ({message})" if message else ""

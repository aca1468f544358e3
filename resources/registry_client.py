"""The `model-registry` client: its generated half, `mr_openapi`, which is all there is to the wire.

The other half, `ModelRegistry`, registers in three writes without looking back, replaces asyncio
for the whole process, adds a handler to the root logger, and loses the types of properties.
"""

from typing import Any
from urllib.parse import urljoin, urlsplit
from urllib.request import getproxies, proxy_bypass

from osft_assets.core.redaction import redact
from resources.registry_access import Access


class RedirectedError(Exception):
    """The server sends us elsewhere; says where to."""


async def open_client(access: Access) -> Any:
    """The API of a registry; `close_client` ends its connections."""
    import aiohttp
    from mr_openapi import (  # type: ignore[import-untyped]
        ApiClient,
        Configuration,
        ModelRegistryServiceApi,
    )

    configuration = Configuration(
        host=access.url, access_token=access.token or None, ssl_ca_cert=access.ca_file or None
    )
    configuration.proxy = _proxy(access.url)
    client = ApiClient(configuration)
    # The session it would make goes through a proxy even to loopback, refuses a token where
    # ~/.netrc knows the host, and follows redirects, after which a POST is a GET.
    client.rest_client.pool_manager = aiohttp.ClientSession(
        connector=aiohttp.TCPConnector(ssl=client.rest_client.ssl_context),
        trace_configs=[_no_redirects()],
    )
    return ModelRegistryServiceApi(client)


async def close_client(client: Any) -> None:
    """End its connections."""
    await client.api_client.close()


def _proxy(url: str) -> str | None:
    parts = urlsplit(url)
    host = parts.hostname or ""
    if host in ("127.0.0.1", "::1", "localhost") or proxy_bypass(host):
        return None
    return getproxies().get(parts.scheme)


def _no_redirects() -> Any:
    from aiohttp import TraceConfig

    async def refuse(_session: Any, _context: Any, redirect: Any) -> None:
        location = redirect.response.headers.get("Location", "")
        redirect.response.close()
        # One within the server has no host, but may hold a token all the same.
        raise RedirectedError(redact(urljoin(str(redirect.url), location)))

    config = TraceConfig()
    config.on_request_redirect.append(refuse)
    return config

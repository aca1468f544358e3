"""How the Kubernetes API is reached, in one place: by address and token, as a pod, by kubeconfig.

The first of these that is there counts. Certificates are always checked. What is asked then is
`resources.cluster_api` (a look) and `resources.train_job_api` (trainings).
"""

import os
import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from osft_assets.core.errors import ConfigError
from osft_assets.core.redaction import redact

# The names that the old pipelines read from their secret `kubernetes-credentials`.
URL_VARIABLE, TOKEN_VARIABLE = "KUBERNETES_SERVER_URL", "KUBERNETES_AUTH_TOKEN"  # noqa: S105
CA_VARIABLE = "KUBERNETES_CA_FILE"
_OUR_NAMESPACE = Path("/var/run/secrets/kubernetes.io/serviceaccount/namespace")
_LOOPBACK = ("127.0.0.1", "localhost", "::1")


@dataclass(frozen=True)
class ClusterConnection:
    """`settings`: a `kubernetes.client.Configuration`, with the token. `namespace`: where we are
    at home there, if anything says so.
    """

    settings: Any = field(repr=False)
    whom: str
    namespace: str


def find_connection() -> ClusterConnection:
    """What the environment says, or ConfigError."""
    from kubernetes import client, config

    settings = client.Configuration()
    settings.retries = False  # who asks decides when to ask again
    try:
        found = _connection(settings)
    except (config.ConfigException, OSError, TypeError, ValueError) as problem:
        if isinstance(problem, ConfigError):
            raise
        said = (str(problem).splitlines() or [type(problem).__name__])[0]
        raise ConfigError(f"no kubeconfig that can be used: {said}") from problem
    if not settings.verify_ssl:
        raise ConfigError(
            f"{settings.host} is to be trusted unseen (insecure-skip-tls-verify): whoever answers "
            f"would get the token. Name its CA, in the kubeconfig or in {CA_VARIABLE}"
        )
    return found


def _connection(settings: Any) -> ClusterConnection:
    if os.environ.get(URL_VARIABLE):
        return _by_address(settings)
    if os.environ.get("KUBERNETES_SERVICE_HOST"):
        return _as_a_pod(settings)
    return _by_kubeconfig(settings)


def _by_address(settings: Any) -> ClusterConnection:
    url = os.environ[URL_VARIABLE].strip()
    parts = urlsplit(url)
    is_near = parts.scheme == "http" and parts.hostname in _LOOPBACK
    if parts.username or not parts.hostname or not (parts.scheme == "https" or is_near):
        raise ConfigError(
            f"{URL_VARIABLE} is {redact(url)!r}, expected https://host:port: the token goes there"
        )
    token = os.environ.get(TOKEN_VARIABLE, "").strip()
    # A line break in it would be told, with the token, by the exception of the HTTP library.
    if not re.fullmatch(r"[!-~]+", token):
        wrong = "is not one word" if token else "is not set"
        raise ConfigError(f"{URL_VARIABLE} is set, but {TOKEN_VARIABLE} {wrong}. Set it to a token")
    settings.host = url.rstrip("/")
    settings.api_key["BearerToken"] = f"Bearer {token}"
    if ca_file := os.environ.get(CA_VARIABLE, ""):
        if not Path(ca_file).is_file():
            raise ConfigError(f"{CA_VARIABLE} is {ca_file}, which is not there. Correct the path")
        settings.ssl_ca_cert = ca_file
    return ClusterConnection(settings, f"the token for {parts.hostname}", "")


def _as_a_pod(settings: Any) -> ClusterConnection:
    from kubernetes import config

    config.load_incluster_config(settings)
    own = _OUR_NAMESPACE.read_text(encoding="utf-8").strip() if _OUR_NAMESPACE.exists() else ""
    return ClusterConnection(settings, "this pod's account", own)


def _by_kubeconfig(settings: Any) -> ClusterConnection:
    from kubernetes import config

    context = config.list_kube_config_contexts()[1]
    config.load_kube_config(client_configuration=settings)
    namespace = context["context"].get("namespace", "")
    return ClusterConnection(settings, f"the context {context['name']}", namespace)

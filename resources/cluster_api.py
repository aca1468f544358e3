"""Asks the Kubernetes API for JSON, for those who only look: one short try, and no more is told of
a refusal than its number.

Which questions there are is `resources.cluster_probes`. Starting and following steps is
`osft_assets.kubernetes`.
"""

import json
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from osft_assets.core.cluster_diagnosis import Reached, Sight

_SECONDS = 5
_FORBIDDEN, _UNKNOWN = (401, 403), 404
_OUR_NAMESPACE = Path("/var/run/secrets/kubernetes.io/serviceaccount/namespace")
_DEFAULT_NAMESPACE = "osft"


@dataclass(frozen=True)
class Question:
    """One request. With a body it is a POST."""

    path: str
    accept: str = "application/json"
    query: tuple[tuple[str, str], ...] = ()
    body: Any = None


class ClusterApi:
    """The API of one cluster, by what `kubernetes.client.Configuration` says."""

    def __init__(self, settings: Any) -> None:
        from kubernetes import client

        settings.retries = False  # a look, not a run: the first answer counts
        self._client = client.ApiClient(settings)

    def ask(self, question: Question) -> tuple[Sight, Any]:
        """Whether there was an answer, and the answer."""
        from kubernetes.client import ApiException
        from urllib3.exceptions import HTTPError

        try:
            return Sight(is_there=True), json.loads(self._send(question))
        except ApiException as problem:
            return _refused(problem.status or 0, problem.reason or ""), None
        except (HTTPError, ValueError) as problem:
            return Sight(problem=f"it does not answer: {type(problem).__name__}"), None

    def _send(self, question: Question) -> bytes:
        answer = self._client.call_api(
            question.path,
            "POST" if question.body else "GET",
            query_params=list(question.query),
            header_params={"Accept": question.accept, "Content-Type": "application/json"},
            body=question.body,
            auth_settings=["BearerToken"],
            _preload_content=False,
            _return_http_data_only=True,
            _request_timeout=_SECONDS,
        )
        content: bytes = answer.data
        return content


def _refused(status: int, reason: str) -> Sight:
    if status == _UNKNOWN:
        return Sight()
    if status in _FORBIDDEN:
        return Sight(is_hidden=True)
    return Sight(problem=f"it answered {status} {reason}")


def connect(namespace: str) -> tuple[ClusterApi | None, Reached]:
    """The cluster that this pod is in, or the one of the kubeconfig; and whether it answers."""
    from kubernetes import client, config

    settings = client.Configuration()
    try:
        if os.environ.get("KUBERNETES_SERVICE_HOST"):
            whom, own = "this pod's account", _own_namespace()
            config.load_incluster_config(settings)
        else:
            context = config.list_kube_config_contexts()[1]
            whom, own = f"the context {context['name']}", context["context"].get("namespace", "")
            config.load_kube_config(client_configuration=settings)
    except (config.ConfigException, OSError, TypeError, ValueError) as problem:
        said = (str(problem).splitlines() or [type(problem).__name__])[0]
        return None, Reached(problem=f"no kubeconfig that can be used: {said}")
    api = ClusterApi(settings)
    sight, version = api.ask(Question("/version"))
    if not sight.is_there:
        return None, Reached(problem=f"{settings.host}: {sight.problem or 'it does not know us'}")
    place = namespace or own or _DEFAULT_NAMESPACE
    return api, Reached(whom, version.get("gitVersion", "?"), place)


def _own_namespace() -> str:
    return _OUR_NAMESPACE.read_text(encoding="utf-8").strip() if _OUR_NAMESPACE.exists() else ""

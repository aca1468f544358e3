"""Asks the Kubernetes API for JSON, for those who only look: one short try, and no more is told of
a refusal than its number.

Which questions there are is `resources.cluster_probes`; which cluster it is,
`resources.cluster_connection`. Starting and following steps is `osft_assets.kubernetes`.
"""

import json
from dataclasses import dataclass
from typing import Any

from osft_assets.core.cluster_diagnosis import Reached, Sight
from osft_assets.core.errors import ConfigError
from resources.cluster_connection import find_connection

_SECONDS = 5
_FORBIDDEN, _UNKNOWN = (401, 403), 404
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
    """The cluster that the environment leads to, and whether it answers."""
    try:
        found = find_connection()
    except ConfigError as problem:
        return None, Reached(problem=str(problem))
    api = ClusterApi(found.settings)
    sight, version = api.ask(Question("/version"))
    if not sight.is_there:
        return None, Reached(
            problem=f"{found.settings.host}: {sight.problem or 'it does not know us'}"
        )
    place = namespace or found.namespace or _DEFAULT_NAMESPACE
    return api, Reached(found.whom, version.get("gitVersion", "?"), place)

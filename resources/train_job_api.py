"""The part of the Kubernetes API that a training over several pods needs, in one namespace.

JSON in and out, by Kubernetes' own client. One try each, and none without an end: who asks decides
when to ask again. No error here holds a header, and so no token.
"""

import json
from collections.abc import Sequence
from typing import Any
from urllib.parse import quote

from osft_assets.core.pods.findings import Json, told_by
from osft_assets.core.redaction import without_secrets
from osft_assets.core.train_jobs.nodes import selector_of
from osft_assets.core.train_jobs.request import NODE

_TRAIN_JOBS = "/apis/trainer.kubeflow.org/v1alpha1"
_CORE = "/api/v1"
_SECONDS = (10.0, 30.0)  # to connect, and of silence
GONE, CONFLICT, TOO_MANY = 404, 409, 429
FORBIDDEN, INVALID = (401, 403), (400, 422)
_UNREADABLE = (400, 403, 404)  # of a log: its container has not begun, we may not, there is none


class ApiError(Exception):
    """What the API refused, with its status; 0 when it did not answer."""

    def __init__(self, message: str, status: int = 0) -> None:
        super().__init__(message)
        self.status = status

    @property
    def may_pass(self) -> bool:
        """Whether the same may be answered in a while."""
        return self.status in (0, TOO_MANY) or self.status >= 500


class TrainJobApi:
    """TrainJobs of one namespace, their pods, and what is told of them."""

    def __init__(self, settings: Any, namespace: str) -> None:
        from kubernetes import client

        self.namespace = namespace
        self._client = client.ApiClient(settings)
        self._jobs = f"{_TRAIN_JOBS}/namespaces/{quote(namespace)}/trainjobs"
        self._core = f"{_CORE}/namespaces/{quote(namespace)}"

    def read(self, name: str) -> Json | None:
        """As it is now; None when there is none of that name."""
        try:
            return self._json("GET", f"{self._jobs}/{name}")
        except ApiError as problem:
            if problem.status != GONE:
                raise
            return None

    def create(self, body: Json, *, dry_run: bool = False) -> Json:
        """As the API keeps it, or would keep it."""
        query = [("dryRun", "All")] if dry_run else []
        return self._json("POST", self._jobs, query, body)

    def delete(self, name: str) -> None:
        """Let it and all below it end, the pods first; nothing where there is none."""
        try:
            options = {"propagationPolicy": "Foreground"}
            self._json("DELETE", f"{self._jobs}/{name}", [], options)
        except ApiError as problem:
            if problem.status != GONE:
                raise

    def pods(self, name: str) -> list[Json]:
        """The nodes of a TrainJob."""
        query = [("labelSelector", selector_of(name))]
        return list(self._json("GET", f"{self._core}/pods", query)["items"])

    def warnings(self, names: Sequence[str]) -> list[str]:
        """What events warn of, the newest last. A role need not allow it: words become better."""
        found: list[Json] = []
        for name in names:
            query = [("fieldSelector", f"involvedObject.name={name},type=Warning")]
            try:
                found += self._json("GET", f"{self._core}/events", query)["items"]
            except ApiError:
                return []
        return told_by(found)

    def log(self, pod: str, since: str) -> str:
        """The lines of its training from then on, each with its time. Empty where there is none."""
        query = [("container", NODE), ("timestamps", "true")]
        query += [("sinceTime", since)] if since else []
        try:
            content = self._send("GET", f"{self._core}/pods/{quote(pod)}/log", query)
        except ApiError as problem:
            if problem.status in _UNREADABLE:
                return ""
            raise
        return content.decode(errors="replace")

    def close(self) -> None:
        """No more is asked."""
        self._client.close()

    def _json(
        self, method: str, path: str, query: Sequence[tuple[str, str]] = (), body: Any = None
    ) -> Json:
        content = self._send(method, path, query, body)
        try:
            found = json.loads(content)
        except ValueError:
            found = None
        if not isinstance(found, dict):
            raise ApiError("the Kubernetes API answered with something that is not its JSON")
        return found

    def _send(
        self, method: str, path: str, query: Sequence[tuple[str, str]] = (), body: Any = None
    ) -> bytes:
        from kubernetes.client import ApiException
        from urllib3.exceptions import HTTPError

        try:
            answer = self._client.call_api(
                path,
                method,
                query_params=list(query),
                header_params={"Accept": "*/*", "Content-Type": "application/json"},
                body=body,
                auth_settings=["BearerToken"],
                _preload_content=False,
                _return_http_data_only=True,
                _request_timeout=_SECONDS,
            )
            content: bytes = answer.data
        except ApiException as problem:
            raise _refusal(problem) from None
        except (HTTPError, OSError) as problem:
            kind = type(problem).__name__
            raise ApiError(f"the Kubernetes API does not answer: {kind}") from None
        return content


def _refusal(problem: Any) -> ApiError:
    """The API's own words, which name fields and rights."""
    status = int(problem.status or 0)
    try:
        said = str(json.loads(problem.body)["message"])
    except (ValueError, KeyError, TypeError):
        said = str(problem.reason or "it does not say why")
    words = without_secrets(" ".join(said.split()))[:600].rstrip(".")
    return ApiError(f"the Kubernetes API answered {status}: {words}", status)

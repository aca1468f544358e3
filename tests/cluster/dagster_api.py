"""Dagster as its UI speaks to it: GraphQL of the web server, through the cluster's own proxy."""

import time
from dataclasses import dataclass
from typing import Any

from tests.cluster.chart import CODE_SERVER, WEBSERVER
from tests.cluster.found import Cluster

_ENDED = ("SUCCESS", "FAILURE", "CANCELED")
_LAUNCH = """
mutation Launch($params: ExecutionParams!) {
  launchRun(executionParams: $params) {
    __typename
    ... on LaunchRunSuccess { run { runId } }
    ... on PythonError { message }
    ... on RunConfigValidationInvalid { errors { message } }
    ... on InvalidSubsetError { message }
  }
}"""
_TERMINATE = "mutation End($id: String!) { terminateRun(runId: $id) { __typename } }"
_RUN = """
query Run($id: ID!) {
  runOrError(runId: $id) {
    ... on Run {
      status
      eventConnection(limit: 1000) {
        events {
          __typename
          ... on MessageEvent { message stepKey timestamp eventType }
          ... on ErrorEvent { error { message causes { message } } }
          ... on MaterializationEvent {
            assetKey { path } metadataEntries { label ... on TextMetadataEntry { text } }
          }
        }
      }
    }
  }
}"""
_LOCATION = """
query { workspaceOrError { ... on Workspace { locationEntries {
  locationOrLoadError { __typename } } } } }"""


@dataclass(frozen=True)
class Dagster:
    """The web server of a deployment."""

    cluster: Cluster

    def asked(self, query: str, **variables: Any) -> dict[str, Any]:
        """The data of an answer."""
        path = (
            f"/api/v1/namespaces/{self.cluster.namespace}/services/{WEBSERVER}:3000/proxy/graphql"
        )
        answer = self.cluster.api().api_client.call_api(
            path,
            "POST",
            header_params={"Content-Type": "application/json"},
            body={"query": query, "variables": variables},
            response_types_map={200: "object"},
            _return_http_data_only=True,
            _request_timeout=60,
        )
        assert "errors" not in answer, answer["errors"]
        data: dict[str, Any] = answer["data"]
        return data

    def is_loaded(self) -> bool:
        """Whether the code server's pipelines are known. It may have been slower than we."""
        entries = self.asked(_LOCATION)["workspaceOrError"]["locationEntries"]
        found = [(each["locationOrLoadError"] or {}).get("__typename") for each in entries]
        return found == ["RepositoryLocation"]

    def launched(
        self, *assets: str, config: dict[str, Any] | None = None, job: str = "__ASSET_JOB"
    ) -> str:
        """A run of these assets of the pipeline, or of a whole job; its id."""
        selector = {
            "repositoryLocationName": CODE_SERVER,
            "repositoryName": "__repository__",
            "jobName": job,
            **(
                {"assetSelection": [{"path": ["facts", name]} for name in assets]} if assets else {}
            ),
        }
        params = {"selector": selector, "runConfigData": config or {}, "mode": "default"}
        found = self.asked(_LAUNCH, params=params)["launchRun"]
        assert found["__typename"] == "LaunchRunSuccess", found
        return str(found["run"]["runId"])

    def terminate(self, run_id: str) -> None:
        """As the button does."""
        done = self.asked(_TERMINATE, id=run_id)["terminateRun"]["__typename"]
        assert done == "TerminateRunSuccess"

    def status(self, run_id: str) -> str:
        """In Dagster's words."""
        return str(self._run(run_id)["status"])

    def events(self, run_id: str) -> list[dict[str, Any]]:
        """What is in its log, so far."""
        found: list[dict[str, Any]] = self._run(run_id)["eventConnection"]["events"]
        return found

    def ended(self, run_id: str, seconds: float = 600) -> str:
        """Its status, when it has ended."""
        until = time.monotonic() + seconds
        while (status := self.status(run_id)) not in _ENDED:
            assert time.monotonic() < until, f"still {status}: {self.told(run_id)}"
            time.sleep(1)
        return status

    def told(self, run_id: str) -> str:
        """All that its log says, errors with their causes."""
        lines = []
        for event in self.events(run_id):
            lines.append(f"{event.get('eventType')} {event.get('stepKey')}: {event.get('message')}")
            if error := event.get("error"):
                lines += [error["message"], *(cause["message"] for cause in error["causes"])]
        return "\n".join(lines)

    def _run(self, run_id: str) -> dict[str, Any]:
        found: dict[str, Any] = self.asked(_RUN, id=run_id)["runOrError"]
        return found

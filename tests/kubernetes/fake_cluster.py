"""The parts of the Kubernetes API that the handler uses, in memory, and things it may hold.

Jobs and pods are dicts as the real API writes them, and come back as the client's own models.
"""

import json
from typing import Any

from kubernetes.client import ApiClient, ApiException

TRAIN_JOBS = ("trainer.kubeflow.org", "v1alpha1")
NOW = "2026-03-01T12:00:00+00:00"


class _Response:
    def __init__(self, value: Any) -> None:
        self.data = json.dumps(value)


def model(value: Any, kind: str) -> Any:
    """A dict of the API as the client's model."""
    client = ApiClient()
    return client.deserialize(_Response(value), kind)  # type: ignore[arg-type]


class FakeCluster:
    """All of them at once. `fails` is raised by whatever is asked."""

    def __init__(self) -> None:
        self.jobs: dict[str, dict[str, Any]] = {}
        self.pods: list[dict[str, Any]] = []
        self.events: list[dict[str, Any]] = []
        self.created: list[dict[str, Any]] = []
        self.deleted: list[tuple[str, str]] = []
        self.fails: Exception | None = None
        self.keeps: Exception | None = None  # raised by deletions
        self.train_jobs: dict[str, dict[str, str]] = {}  # their labels
        self.has_no_trainer: Exception | None = None  # raised by whoever asks for TrainJobs

    def _answer(self) -> None:
        if self.fails:
            raise self.fails

    def create_namespaced_job(self, body: Any, namespace: str, **_: Any) -> None:
        self._answer()
        job = ApiClient().sanitize_for_serialization(body)
        name = job["metadata"]["name"]
        if name in self.jobs:
            raise ApiException(status=409, reason="Conflict")
        self.created.append(job)
        self.jobs[name] = job | {"status": {"active": 1}}
        self.jobs[name]["metadata"] |= {"creationTimestamp": NOW, "namespace": namespace}

    def read_namespaced_job(self, name: str, namespace: str, **_: Any) -> Any:
        self._answer()
        if name not in self.jobs:
            raise ApiException(status=404, reason="Not Found")
        assert namespace
        return model(self.jobs[name], "V1Job")

    def list_namespaced_job(self, namespace: str, label_selector: str, **_: Any) -> Any:
        self._answer()
        assert namespace
        wanted = dict(each.split("=") for each in label_selector.split(","))
        found = [j for j in self.jobs.values() if wanted.items() <= j["metadata"]["labels"].items()]
        return model({"items": found}, "V1JobList")

    def delete_namespaced_job(
        self, name: str, namespace: str, propagation_policy: str, **_: Any
    ) -> None:
        self._answer()
        if self.keeps:
            raise self.keeps
        if name not in self.jobs:
            raise ApiException(status=404, reason="Not Found")
        del self.jobs[name]
        assert namespace
        self.deleted.append((name, propagation_policy))

    def list_namespaced_pod(self, namespace: str, label_selector: str, **_: Any) -> Any:
        self._answer()
        assert namespace
        job = label_selector.removeprefix("job-name=")
        found = [p for p in self.pods if p["metadata"]["labels"]["job-name"] == job]
        return model({"items": found}, "V1PodList")

    def list_namespaced_custom_object(
        self, group: str, version: str, namespace: str, plural: str, label_selector: str, **_: Any
    ) -> Any:
        self._answer()
        if self.has_no_trainer:
            raise self.has_no_trainer
        assert (group, version, namespace, plural) == (*TRAIN_JOBS, "ml", "trainjobs")
        wanted = dict(each.split("=") for each in label_selector.split(","))
        found = [n for n, labels in self.train_jobs.items() if wanted.items() <= labels.items()]
        return {"items": [{"metadata": {"name": name}} for name in found]}

    def delete_namespaced_custom_object(
        self, group: str, version: str, namespace: str, plural: str, name: str, **_: Any
    ) -> None:
        assert (group, version, namespace, plural) == (*TRAIN_JOBS, "ml", "trainjobs")
        del self.train_jobs[name]

    def list_namespaced_event(self, namespace: str, field_selector: str, **_: Any) -> Any:
        self._answer()
        assert namespace
        name = field_selector.removeprefix("involvedObject.name=").partition(",")[0]
        found = [e for e in self.events if e["involvedObject"]["name"] == name]
        return model({"items": found}, "CoreV1EventList")


def pod(phase: str = "Running", job: str = "job", **status: Any) -> dict[str, Any]:
    """A pod of a job."""
    return {
        "metadata": {
            "name": f"{job}-x7k2p",
            "namespace": "ml",
            "labels": {"job-name": job},
            "creationTimestamp": NOW,
        },
        "spec": {"nodeName": "gpu-1", "containers": [{"name": "dagster", "image": "trainer:1"}]},
        "status": {"phase": phase, **status},
    }


def container(**state: Any) -> dict[str, Any]:
    """The status of a pod whose container is in a state."""
    return {
        "containerStatuses": [
            {
                **{"name": "dagster", "image": "trainer:1", "imageID": "", "ready": False},
                **{"restartCount": 0, "state": state},
            }
        ]
    }


def condition(kind: str, status: str, **values: Any) -> dict[str, Any]:
    """One of a status's conditions."""
    return {"conditions": [{"type": kind, "status": status, **values}]}


def warning(name: str, message: str) -> dict[str, Any]:
    """An event about something."""
    return {
        "metadata": {"name": f"{name}.1", "namespace": "ml"},
        "involvedObject": {"name": name},
        "message": message,
        "type": "Warning",
        "lastTimestamp": NOW,
    }

"""What the cluster has of a run, and what it has at all."""

from collections.abc import Iterator
from typing import Any

from tests.cluster.dagster_api import Dagster
from tests.cluster.found import Cluster

TRAINING = "facts__training"


def step_jobs(dagster: Dagster, run_id: str, step: str = "") -> list[Any]:
    """The jobs of a run's steps, or of one of them; the first made first."""
    selector = f"dagster/run-id={run_id},app.kubernetes.io/component=step_worker"
    selector += f",dagster/op={step}" if step else ""
    batch = dagster.cluster.api("BatchV1Api")
    found = batch.list_namespaced_job(dagster.cluster.namespace, label_selector=selector).items
    return sorted(found, key=lambda job: job.metadata.creation_timestamp)


def pods(dagster: Dagster, run_id: str, component: str, step: str = "") -> list[Any]:
    """Of the component `run_worker` or `step_worker`."""
    selector = f"dagster/run-id={run_id},app.kubernetes.io/component={component}"
    selector += f",dagster/op={step}" if step else ""
    core = dagster.cluster.api()
    return list(core.list_namespaced_pod(dagster.cluster.namespace, label_selector=selector).items)


def training(**settings: Any) -> dict[str, Any]:
    """The launchpad's config of a training: `pod` and `train`."""
    return {"ops": {TRAINING: {"config": settings}}}


def everything(cluster: Cluster) -> Iterator[tuple[str, Any]]:
    """Every object of the namespace, of every kind that the cluster can list; as (kind, object)."""
    from kubernetes.dynamic import DynamicClient

    client = DynamicClient(cluster.api().api_client)
    for resource in client.resources.search(namespaced=True):
        if "list" not in (resource.verbs or ()) or resource.kind.endswith("List"):
            continue
        for found in resource.get(namespace=cluster.namespace).to_dict().get("items", []):
            yield resource.kind, found


def left_over(cluster: Cluster) -> set[str]:
    """What there is, as kind/name; without what has ended and waits for its time to live."""
    return {
        f"{kind}/{found['metadata']['name']}"
        for kind, found in everything(cluster)
        if kind not in ("Event", "EndpointSlice") and not _has_ended(kind, found)
    }


def _has_ended(kind: str, found: dict[str, Any]) -> bool:
    status = found.get("status") or {}
    if kind == "Pod":
        return status.get("phase") in ("Succeeded", "Failed")
    return kind == "Job" and bool(status.get("succeeded") or status.get("failed"))

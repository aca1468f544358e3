"""Our deployment on the cluster of the tests, and its end.

The manifests are deployment/manifests as they stand, the control plane is `chart`. What a cluster
has and a test brings is here: the secrets (with values that are looked for afterwards), PostgreSQL,
disks on a cluster that has none to give, and the demo's model in the workspace.
"""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from tests.cluster.chart import PIPELINES, control_plane
from tests.cluster.found import OWN_KUBECONFIG, Cluster
from tests.deployment.parts import Document, manifests, values

HERE = Path(__file__).parent
# Looked for in every object, event and log.
PLANTED = {
    "osft-postgresql": {"postgresql-password": "planted-database-4711"},
    "osft-tokens": {"MODEL_REGISTRY_TOKEN": "planted-registry-4712"},
}
_NOT_FOR_A_NAMESPACE = ("Namespace", "ClusterRole", "ClusterTrainingRuntime")
_WITHIN_SECONDS = 300


@contextmanager
def deployed(cluster: Cluster) -> Iterator[None]:
    """Everything runs and answers; the disks go when it ends, the rest with the namespace."""
    disks = _disks(cluster)
    apply(cluster, *disks, *_secrets(), *_postgresql(cluster), *_manifests(cluster))
    apply(cluster, _pipelines(), *control_plane(cluster), _inputs(cluster))
    try:
        wait_until("PostgreSQL, the registry and Dagster are ready", lambda: _all_ready(cluster))
        wait_until("the inputs are there", lambda: _copied(cluster))
        yield
    finally:
        for disk in disks:
            cluster.api().delete_persistent_volume(disk["metadata"]["name"])


def apply(cluster: Cluster, *documents: Document) -> None:
    """Create them, whatever their kinds are."""
    from kubernetes.dynamic import DynamicClient

    client = DynamicClient(cluster.api().api_client)
    for document in documents:
        resource = client.resources.get(api_version=document["apiVersion"], kind=document["kind"])
        namespace = cluster.namespace if resource.namespaced else None
        document["metadata"].pop("namespace", None)
        resource.create(body=document, namespace=namespace)


def wait_until(what: str, holds: Callable[[], bool], seconds: float = _WITHIN_SECONDS) -> None:
    """Fail when it does not come to hold."""
    until = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < until, f"not within {seconds:.0f} s: {what}"
        time.sleep(0.5)


def _manifests(cluster: Cluster) -> Iterator[Document]:
    for document in manifests():
        kind, name = document["kind"], document["metadata"]["name"]
        if kind in (*_NOT_FOR_A_NAMESPACE, "Secret") or name.startswith("osft-proxy"):
            continue
        if kind == "RoleBinding":
            for subject in document["subjects"]:
                subject["namespace"] = cluster.namespace
        if kind == "PersistentVolumeClaim" and cluster.is_ours:
            document["spec"] |= {"storageClassName": "", "volumeName": _disk_name(cluster, name)}
        if kind == "Deployment":
            document["spec"]["template"]["spec"]["containers"][0]["image"] = cluster.image(
                "control"
            )
        yield document


def _disk_name(cluster: Cluster, claim: str) -> str:
    return f"{cluster.namespace}-{claim}"


def _disks(cluster: Cluster) -> list[Document]:
    """Directories of this machine: our own cluster has no storage to give."""
    if not cluster.is_ours:
        return []
    claims = [each for each in manifests() if each["kind"] == "PersistentVolumeClaim"]
    return [_disk(cluster, each["metadata"]["name"], each["spec"]) for each in claims]


def _disk(cluster: Cluster, claim: str, spec: Document) -> Document:
    name = _disk_name(cluster, claim)
    directory = OWN_KUBECONFIG.parent / "disks" / name
    directory.mkdir(parents=True)
    directory.chmod(0o777)  # the kubelet does not change who owns such a directory
    return {
        "apiVersion": "v1",
        "kind": "PersistentVolume",
        "metadata": {"name": name},
        "spec": {
            "capacity": spec["resources"]["requests"],
            "accessModes": spec["accessModes"],
            "hostPath": {"path": str(directory)},
            "persistentVolumeReclaimPolicy": "Retain",
        },
    }


def _secrets() -> list[Document]:
    return [
        {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": name}, "stringData": dict(each)}
        for name, each in PLANTED.items()
    ]


def _postgresql(cluster: Cluster) -> list[Document]:
    chart = values()["postgresql"]
    secret = {"name": "osft-postgresql", "key": "postgresql-password"}
    container = {
        "name": "postgresql",
        "image": cluster.image("postgresql"),
        "env": [
            {"name": "POSTGRES_USER", "value": chart["postgresqlUsername"]},
            {"name": "POSTGRES_DB", "value": chart["postgresqlDatabase"]},
            {"name": "POSTGRES_PASSWORD", "valueFrom": {"secretKeyRef": secret}},
        ],
        "readinessProbe": {"tcpSocket": {"port": 5432}, "periodSeconds": 2},
    }
    labels = {"app": "postgres"}
    return [
        {
            "apiVersion": "apps/v1",
            "kind": "Deployment",
            "metadata": {"name": "postgres"},
            "spec": {
                "selector": {"matchLabels": labels},
                "template": {"metadata": {"labels": labels}, "spec": {"containers": [container]}},
            },
        },
        {
            "apiVersion": "v1",
            "kind": "Service",
            "metadata": {"name": "postgres"},
            "spec": {"selector": labels, "ports": [{"port": 5432}]},
        },
    ]


def _pipelines() -> Document:
    return {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": {"name": PIPELINES},
        "data": {"facts.yaml": (HERE / "facts.yaml").read_text()},
    }


_COPY = """
import shutil
from pathlib import Path
import osft_assets
demo = Path(osft_assets.__file__).parent / "defs/demo"
shutil.copytree(demo, "/workspace/inputs")
"""


def _inputs(cluster: Cluster) -> Document:
    """A job that copies the demo's model and rows to where pipelines may read."""
    container = {
        "name": "copy",
        "image": cluster.image("control"),
        "command": ["python", "-c", _COPY],
        "volumeMounts": [{"name": "workspace", "mountPath": "/workspace"}],
    }
    pod = {
        "restartPolicy": "Never",
        "securityContext": {"fsGroup": 10001},
        "containers": [container],
        "volumes": [
            {"name": "workspace", "persistentVolumeClaim": {"claimName": "osft-workspace"}}
        ],
    }
    return {
        "apiVersion": "batch/v1",
        "kind": "Job",
        "metadata": {"name": "copy-inputs"},
        "spec": {"backoffLimit": 0, "template": {"spec": pod}},
    }


def _all_ready(cluster: Cluster) -> bool:
    found: list[Any] = cluster.api("AppsV1Api").list_namespaced_deployment(cluster.namespace).items
    return len(found) == 5 and all(each.status.ready_replicas for each in found)


def _copied(cluster: Cluster) -> bool:
    job = cluster.api("BatchV1Api").read_namespaced_job_status("copy-inputs", cluster.namespace)
    assert not job.status.failed, "the job copy-inputs failed"
    return bool(job.status.succeeded)

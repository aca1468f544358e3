"""Kubeflow Trainer, played: what its controller and JobSet do with a TrainJob, as far as we see it.

A cluster of make cluster is too old for both. So a thread watches the TrainJobs of the namespace,
makes a pod for each node, as the TrainJob's own patch of the runtime says, and writes its
conditions. The API is the cluster's own, with the definitions of `tests.deployment.crds`, in
either dialect: unknown fields are pruned, dry runs are dry. What a node does is `played_nodes`.
"""

import copy
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from tests.cluster.found import Cluster
from tests.deployment.crds import KINDS, Dialect, crd
from tests.deployment.parts import Document, of_kind

WHERE = ("trainer.kubeflow.org", "v1alpha1")
_LOOK_EVERY_SECONDS = 1.0
_PROGRAM = Path(__file__).with_name("played_nodes.py")


@contextmanager
def installed(cluster: Cluster, dialect: Dialect) -> Iterator[None]:
    """The definitions are known, in this dialect, and our runtime is there."""
    api, custom = cluster.api("ApiextensionsV1Api"), cluster.api("CustomObjectsApi")
    definitions = [crd(kind, dialect) for kind in KINDS]
    names = [each["metadata"]["name"] for each in definitions]
    for definition in definitions:
        api.create_custom_resource_definition(definition)
    try:
        _wait_for_them(api, names)
        (runtime,) = of_kind("ClusterTrainingRuntime")
        custom.create_cluster_custom_object(*WHERE, "clustertrainingruntimes", runtime)
        yield
    finally:
        for name in names:
            api.delete_custom_resource_definition(name)
        while {each.metadata.name for each in api.list_custom_resource_definition().items} & set(
            names
        ):
            time.sleep(_LOOK_EVERY_SECONDS)


def is_installed(cluster: Cluster) -> bool:
    """Whether somebody else brought them: then there is a real Trainer."""
    listed = cluster.api("ApiextensionsV1Api").list_custom_resource_definition().items
    return "trainjobs.trainer.kubeflow.org" in {each.metadata.name for each in listed}


def _wait_for_them(api: Any, names: list[str]) -> None:
    for name in names:
        while True:
            conditions = api.read_custom_resource_definition(name).status.conditions or []
            if any(each.type == "Established" and each.status == "True" for each in conditions):
                break
            time.sleep(_LOOK_EVERY_SECONDS)


class PlayedTrainer:
    """The controller. `holds_back`: every TrainJob waits in a queue, as with Kueue."""

    def __init__(self, cluster: Cluster) -> None:
        self._cluster, self._core = cluster, cluster.api()
        self._custom = cluster.api("CustomObjectsApi")
        self._ends = threading.Event()
        self.holds_back = threading.Event()
        self.seen: dict[str, Document] = {}  # every TrainJob there ever was
        self.problems: list[BaseException] = []

    @contextmanager
    def at_work(self) -> Iterator["PlayedTrainer"]:
        """For as long as the block lasts."""
        thread = threading.Thread(target=self._work)
        thread.start()
        try:
            yield self
        finally:
            self._ends.set()
            thread.join()
        assert self.problems == []

    def jobs(self) -> list[Document]:
        """The TrainJobs that there are."""
        found = self._custom.list_namespaced_custom_object(*self._where())
        return list(found["items"])

    def _where(self) -> tuple[str, str, str, str]:
        return (*WHERE, self._cluster.namespace, "trainjobs")

    def _work(self) -> None:
        from kubernetes.client import ApiException

        while not self._ends.wait(_LOOK_EVERY_SECONDS):
            try:
                for job in self.jobs():
                    self.seen.setdefault(job["metadata"]["name"], job)
                    self._reconcile(job)
            except ApiException as problem:
                if problem.status not in (404, 409):  # deleted, or changed, while we looked
                    self.problems.append(problem)
                    return

    def _reconcile(self, job: Document) -> None:
        name = job["metadata"]["name"]
        if job["metadata"].get("deletionTimestamp"):
            return
        if self.holds_back.is_set():
            self._say(name, "Suspended", "TrainJob is suspended")
            return
        nodes = self._nodes(name)
        if not nodes:
            self._say(name, "Suspended", "TrainJob is resumed", holds="False")
            for rank in range(job["spec"]["trainer"]["numNodes"]):
                self._core.create_namespaced_pod(self._cluster.namespace, node_pod(job, rank))
            return
        phases = [pod.status.phase for pod in nodes]
        if "Failed" in phases:
            self._say(name, "Failed", "jobset failed due to one or more job failures")
        elif set(phases) == {"Succeeded"}:
            self._say(name, "Complete", "jobset completed successfully")

    def _nodes(self, name: str) -> list[Any]:
        selector = f"jobset.sigs.k8s.io/jobset-name={name}"
        found = self._core.list_namespaced_pod(self._cluster.namespace, label_selector=selector)
        return list(found.items)

    def _say(self, name: str, kind: str, message: str, holds: str = "True") -> None:
        condition = {
            "type": kind,
            "status": holds,
            "reason": kind,
            "message": message,
            "lastTransitionTime": datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
        }
        self._custom.patch_namespaced_custom_object_status(
            *self._where(), name, {"status": {"conditions": [condition]}}
        )


def node_pod(job: Document, rank: int) -> Document:
    """The pod that JobSet would make of the runtime, with what the TrainJob says over it."""
    (runtime,) = of_kind("ClusterTrainingRuntime")
    (replicated,) = runtime["spec"]["template"]["spec"]["replicatedJobs"]
    template = copy.deepcopy(replicated["template"]["spec"]["template"])
    patch, trainer = _patch_of(job["spec"]), job["spec"]["trainer"]
    (container,) = template["spec"]["containers"]
    (patched,) = patch["spec"].pop("containers")
    name = job["metadata"]["name"]
    container |= {
        "image": trainer["image"],
        "imagePullPolicy": "IfNotPresent",
        # The program stands for `python -m resources.training_worker`, the job's path is its own.
        "command": ["python", "-c", _PROGRAM.read_text(), trainer["command"][-1]],
        "env": [*trainer["env"], *_ranks(name, trainer, rank)],
        "resources": _without_gpus(trainer["resourcesPerNode"]),
        "volumeMounts": [*container["volumeMounts"], *patched["volumeMounts"]],
    }
    volumes = [*template["spec"]["volumes"], *patch["spec"].pop("volumes")]
    labels = {
        "jobset.sigs.k8s.io/jobset-name": name,
        "jobset.sigs.k8s.io/replicatedjob-name": "node",
        "batch.kubernetes.io/job-completion-index": str(rank),
    }
    told = patch.get("metadata", {})
    owner = {"apiVersion": "/".join(WHERE), "kind": "TrainJob", "blockOwnerDeletion": True}
    return {
        "metadata": {
            "name": f"{name}-node-0-{rank}-x7k2p",
            "labels": {**told.get("labels", {}), **labels},
            "annotations": told.get("annotations", {}),
            "ownerReferences": [owner | {"name": name, "uid": job["metadata"]["uid"]}],
        },
        "spec": {**template["spec"], **patch["spec"], "volumes": volumes},
    }


def _patch_of(spec: Document) -> Document:
    """Of the pods, in either dialect."""
    if "runtimePatches" in spec:
        (patch,) = spec["runtimePatches"]
        (node,) = patch["trainingRuntimeSpec"]["template"]["spec"]["replicatedJobs"]
        return copy.deepcopy(node["template"]["spec"]["template"])
    (override,) = spec["podTemplateOverrides"]
    assert override["targetJobs"] == [{"name": "node"}]
    return {name: copy.deepcopy(override[name]) for name in ("metadata", "spec")}


def _ranks(name: str, trainer: Document, rank: int) -> list[Document]:
    told = {
        "PET_NNODES": trainer["numNodes"],
        "PET_NPROC_PER_NODE": trainer["numProcPerNode"],
        "PET_NODE_RANK": rank,
        "PET_MASTER_ADDR": f"{name}-node-0-0.{name}",
        "PET_MASTER_PORT": 29400,
    }
    return [{"name": each, "value": str(value)} for each, value in told.items()]


def _without_gpus(asked: Document) -> Document:
    """The node of make cluster has one GPU to offer, for all pods together; and 2 CPU cores."""
    memory = {"memory": "256Mi"}
    assert asked["limits"]["memory"]
    return {"requests": {"cpu": "50m", **memory}, "limits": memory}

"""Looks at a cluster for `osft-assets doctor --cluster`. It changes nothing there.

Secrets are asked for as metadata: their values never come here. How is `resources.cluster_api`;
what a finding means, `osft_assets.core.cluster_diagnosis`.
"""

import os
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from osft_assets.core.cluster_diagnosis import (
    NEEDED_RIGHTS,
    WORKSPACE_CLAIM,
    Claim,
    Gpus,
    Pods,
    Right,
    Sight,
)
from resources.cluster_api import ClusterApi, Question

_NAMES_ONLY = "application/json;as=PartialObjectMetadata;v=v1;g=meta.k8s.io"
_GPU_WORDS = ("gpu", "nvidia.com/mig-")
_TRAINER = "/apis/trainer.kubeflow.org/v1alpha1"
_ACCESS = "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews"


@dataclass(frozen=True)
class ClusterProbe:
    """One namespace of a cluster."""

    api: ClusterApi
    namespace: str

    def find_namespace(self) -> Sight:
        """Whether it is there."""
        return self.api.ask(Question(f"/api/v1/namespaces/{self.namespace}"))[0]

    def missing_rights(
        self, rights: Iterable[Right] = tuple(NEEDED_RIGHTS)
    ) -> tuple[list[Right], str]:
        """Of those that are needed, and what went wrong when they were asked for."""
        missing = []
        for right in rights:
            sight, answer = self.api.ask(Question(_ACCESS, body=self._may_we(right)))
            if not sight.is_there:
                return [], sight.problem or "we may not ask what we may do"
            if not answer["status"].get("allowed"):
                missing.append(right)
        return missing, ""

    def _may_we(self, right: Right) -> Any:
        group, resource, verb = right
        kind, _, part = resource.partition("/")
        attributes = {"namespace": self.namespace, "group": group, "resource": kind, "verb": verb}
        return {
            "apiVersion": "authorization.k8s.io/v1",
            "kind": "SelfSubjectAccessReview",
            "spec": {"resourceAttributes": attributes | ({"subresource": part} if part else {})},
        }

    def find_claim(self) -> Claim:
        """The claim that OSFT_WORKSPACE_URI names, or ours."""
        uri = os.environ.get("OSFT_WORKSPACE_URI", "")
        named = uri.removeprefix("pvc://").partition("/")[0] if uri.startswith("pvc://") else ""
        name = named or WORKSPACE_CLAIM
        sight, found = self.api.ask(self._in_namespace(f"persistentvolumeclaims/{name}"))
        if not sight.is_there:
            return Claim(sight, name)
        status = found.get("status", {})
        modes = status.get("accessModes") or found["spec"].get("accessModes", [])
        size = status.get("capacity", {}).get("storage", "")
        return Claim(sight, name, status.get("phase", ""), tuple(modes), size)

    def find_secret(self, name: str) -> Sight:
        """Whether there is one of this name."""
        return self.api.ask(self._in_namespace(f"secrets/{name}", _NAMES_ONLY))[0]

    def find_pods(self, label: str) -> Pods:
        """Those with a label, `name=value`."""
        query = (("labelSelector", label),)
        sight, found = self.api.ask(Question(self._in_namespace("pods").path, query=query))
        if not sight.is_there or not found["items"]:
            return Pods(sight)
        pods = found["items"]
        (container, *_) = pods[0]["spec"]["containers"]
        environment = {one["name"]: one.get("value", "") for one in container.get("env", [])}
        ready = sum(_is_ready(pod) for pod in pods)
        return Pods(sight, len(pods), ready, container["image"], environment)

    def find_gpus(self) -> Gpus:
        """What all nodes offer together."""
        sight, found = self.api.ask(Question("/api/v1/nodes"))
        if not sight.is_there:
            return Gpus(sight)
        offered: Counter[str] = Counter()
        for node in found["items"]:
            for name, many in node.get("status", {}).get("allocatable", {}).items():
                if any(word in name for word in _GPU_WORDS) and many.isdigit() and int(many):
                    offered[name] += int(many)
        return Gpus(sight, len(found["items"]), dict(offered))

    def find_trainer(self) -> Sight:
        """Whether the cluster knows TrainJobs."""
        return self.api.ask(Question(_TRAINER))[0]

    def find_runtime(self, name: str) -> Sight:
        """The runtime that TrainJobs are built on."""
        return self.api.ask(Question(f"{_TRAINER}/clustertrainingruntimes/{name}"))[0]

    def _in_namespace(self, rest: str, accept: str = "application/json") -> Question:
        return Question(f"/api/v1/namespaces/{self.namespace}/{rest}", accept)


def _is_ready(pod: Any) -> bool:
    conditions = pod.get("status", {}).get("conditions", [])
    return any(one["type"] == "Ready" and one["status"] == "True" for one in conditions)

"""The part of deployment/ for training over several pods, against Kubeflow Trainer's own API."""

import copy
import subprocess
import sys
from pathlib import Path
from typing import Any

import jsonschema
import kubernetes_validate
import pytest
import yaml

from osft_assets.core.recipes.pod import PodRecipe
from osft_assets.core.train_jobs.dialects import older
from osft_assets.core.train_jobs.files import Mount
from osft_assets.core.train_jobs.place import TrainJobPlace
from osft_assets.core.train_jobs.request import TrainJobRequest
from tests.cluster.played_trainer import node_pod
from tests.core.training_parts import inputs
from tests.deployment.crds import DIALECTS, Dialect, crd, validate
from tests.deployment.parts import MANIFESTS, ROOT, Document, of_kind


def _runtime() -> Document:
    (only,) = of_kind("ClusterTrainingRuntime")
    return copy.deepcopy(only)


def _node() -> Document:
    (node,) = _runtime()["spec"]["template"]["spec"]["replicatedJobs"]
    return dict(node)


def _pod() -> Document:
    return dict(_node()["template"]["spec"]["template"]["spec"])


@pytest.mark.parametrize("dialect", DIALECTS)
def test_the_runtime_is_what_trainer_expects(dialect: Dialect) -> None:
    validate(_runtime(), dialect)


@pytest.mark.parametrize("dialect", DIALECTS)
def test_a_field_that_trainer_would_drop_silently_is_noticed(dialect: Dialect) -> None:
    wrong = _runtime()
    wrong["spec"]["template"]["spec"]["replicatedJobs"][0]["template"]["spec"]["backOffLimit"] = 0

    with pytest.raises(jsonschema.ValidationError, match="backOffLimit"):
        validate(wrong, dialect)


def test_its_pod_is_what_kubernetes_expects() -> None:
    pod = {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "x"}, "spec": _pod()}

    kubernetes_validate.validate(pod, kubernetes_validate.latest_version(), strict=True)


def test_trainer_finds_the_job_and_the_container_that_it_fills_in() -> None:
    """By these names and this label; with others it would make pods without command and ranks."""
    job = _node()

    assert job["name"] == "node"
    assert job["template"]["metadata"]["labels"] == {
        "trainer.kubeflow.org/trainjob-ancestor-step": "trainer"
    }
    assert [container["name"] for container in _pod()["containers"]] == ["node"]
    assert "torch" in _runtime()["spec"]["mlPolicy"]


def test_a_node_that_fails_is_not_started_again_alone() -> None:
    assert _node()["template"]["spec"]["backoffLimit"] == 0
    assert _pod()["restartPolicy"] == "Never"


def test_a_node_has_no_rights_it_does_not_need() -> None:
    pod = _pod()
    (container,) = pod["containers"]

    assert pod["automountServiceAccountToken"] is False
    assert pod["securityContext"]["runAsNonRoot"] is True
    assert pod["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
    assert container["securityContext"] == {
        "allowPrivilegeEscalation": False,
        "readOnlyRootFilesystem": True,
        "capabilities": {"drop": ["ALL"]},
    }
    assert {mount["mountPath"] for mount in container["volumeMounts"]} == {"/tmp", "/home/osft"}


def test_a_training_has_time_to_end_where_its_job_cannot_say_how_long() -> None:
    from osft_assets.kubernetes.pod import GRACE_SECONDS

    assert _pod()["terminationGracePeriodSeconds"] == GRACE_SECONDS


def test_the_runtime_is_the_one_that_is_asked_for() -> None:
    assert _runtime()["metadata"]["name"] == TrainJobPlace(always=True, in_pod=False).runtime


def test_nodes_reach_each_other_although_nobody_else_is_let_in() -> None:
    policies = {one["metadata"]["name"]: one["spec"] for one in of_kind("NetworkPolicy")}
    nodes = policies["training-nodes"]
    (rule,) = nodes["ingress"]

    assert policies["nobody-unless-said"] == {"podSelector": {}, "policyTypes": ["Ingress"]}
    assert rule == {"from": [{"podSelector": nodes["podSelector"]}]}


def test_the_runtime_is_not_put_into_a_namespace() -> None:
    listed = yaml.safe_load((MANIFESTS / "trainer/kustomization.yaml").read_text())

    assert "namespace" not in listed
    assert "namespace" not in _runtime()["metadata"]


def _train_job() -> Document:
    """As a step asks for it, with much that a pod may have."""
    settings = {
        "workers": 2,
        "gpu": 2,
        "env_secrets": ["hub-token"],
        "pull_secret": "registry-login",
        "tolerations": [{"key": "nvidia.com/gpu", "operator": "Exists"}],
        "volumes": {"models": "/models"},
        "service_account": "osft-step",
    }
    asked = inputs(pod=PodRecipe.model_validate(settings)).job("osft", Path("/workspace/run"))
    place = TrainJobPlace(always=False, in_pod=True, image="trainer:1")
    mounts = (Mount("osft-workspace", Path("/workspace"), "team"), Mount("models", Path("/models")))
    request = TrainJobRequest("osft-x", asked, place, mounts, Path("/workspace/train_jobs/osft-x"))
    return request.body() | {"metadata": {"name": "osft-x", "uid": "7"}}


@pytest.mark.parametrize("told", [_train_job(), older(_train_job())], ids=DIALECTS[::-1])
def test_runtime_and_train_job_together_are_a_pod_that_kubernetes_takes(told: Document) -> None:
    """As Trainer and JobSet put them together, played for the tests on a cluster."""
    pod = {"apiVersion": "v1", "kind": "Pod", **node_pod(told, 1)}

    kubernetes_validate.validate(pod, kubernetes_validate.latest_version(), strict=True)
    (container,) = pod["spec"]["containers"]
    assert {mount["mountPath"] for mount in container["volumeMounts"]} == {
        *("/tmp", "/home/osft", "/workspace", "/models", "/dev/shm"),
        "/var/run/osft/secrets/hub-token",
    }
    assert pod["spec"]["serviceAccountName"] == "osft-step"


def _fields(part: Any) -> list[Any]:
    if isinstance(part, dict):
        return [part, *(each for value in part.values() for each in _fields(value))]
    return [each for value in part for each in _fields(value)] if isinstance(part, list) else []


@pytest.mark.parametrize("kind", ["TrainJob", "ClusterTrainingRuntime"])
@pytest.mark.parametrize("dialect", DIALECTS)
def test_a_definition_that_a_cluster_is_given_for_tests_is_one(kind: str, dialect: Dialect) -> None:
    """What an API server asks of a schema: nothing referred to, and a type everywhere."""
    made = crd(kind, dialect)
    schema = made["spec"]["versions"][0]["schema"]["openAPIV3Schema"]
    named = [
        field
        for part in _fields(schema)
        if isinstance(part.get("properties"), dict)
        for field in part["properties"].values()
    ]

    kubernetes_validate.validate(made, kubernetes_validate.latest_version(), strict=True)
    assert len(named) > 500
    assert [one for one in named if not {"type", "x-kubernetes-int-or-string"} & one.keys()] == []
    assert "$ref" not in str(schema)


def test_the_definitions_can_be_written_for_kubectl() -> None:
    command = [sys.executable, "-m", "tests.deployment.crds", "2.1"]
    written = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stdout

    assert [one["metadata"]["name"] for one in yaml.safe_load_all(written)] == [
        "trainjobs.trainer.kubeflow.org",
        "clustertrainingruntimes.trainer.kubeflow.org",
    ]

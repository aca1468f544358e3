"""What our pods may ask of Kubernetes: this list, each with the call that needs it."""

import inspect
import re

import pytest

from osft_assets.core.cluster_diagnosis import NEEDED_RIGHTS
from osft_assets.core.train_job_diagnosis import TRAIN_JOB_RIGHTS
from tests.deployment.parts import ROOT, Document, of_kind

# The client's call behind each right.
_CALLS = {
    ("batch", "jobs", "create"): "create_namespaced_job",
    ("batch", "jobs", "get"): "read_namespaced_job",
    ("batch", "jobs", "list"): "list_namespaced_job",
    ("batch", "jobs", "delete"): "delete_namespaced_job",
    ("batch", "jobs/status", "get"): "read_namespaced_job_status",
    ("", "pods", "get"): "read_namespaced_pod",
    ("", "pods", "list"): "list_namespaced_pod",
    ("", "pods", "delete"): "delete_namespaced_pod",
    ("", "pods/log", "get"): "read_namespaced_pod_log",
    ("", "events", "list"): "list_namespaced_event",
}


# The same of a training over several pods: in our own client of Trainer's API, or in the handler.
_TRAIN_JOB_CALLS = {
    ("trainer.kubeflow.org", "trainjobs", "create"): r'"POST", self\._jobs',
    ("trainer.kubeflow.org", "trainjobs", "get"): r'"GET", f"\{self\._jobs\}/',
    ("trainer.kubeflow.org", "trainjobs", "list"): r"_custom\.list_namespaced_custom_object\(",
    ("trainer.kubeflow.org", "trainjobs", "delete"): r'"DELETE", f"\{self\._jobs\}/',
    ("", "pods", "list"): r'"GET", f"\{self\._core\}/pods"',
    ("", "pods/log", "get"): r'"GET", f"\{self\._core\}/pods/.*/log"',
    ("", "events", "list"): r'"GET", f"\{self\._core\}/events"',
}


def _allowed(name: str) -> set[tuple[str, str, str]]:
    (role,) = [one for one in of_kind("Role") if one["metadata"]["name"] == name]
    return {
        (group, resource, verb)
        for rule in role["rules"]
        for group in rule["apiGroups"]
        for resource in rule["resources"]
        for verb in rule["verbs"]
    }


def test_nothing_is_allowed_that_is_not_needed() -> None:
    assert _allowed("osft-runs") == set(_CALLS) == set(NEEDED_RIGHTS)
    assert _allowed("osft-train-jobs") == set(_TRAIN_JOB_CALLS) == set(TRAIN_JOB_RIGHTS)
    assert {one["metadata"]["name"] for one in of_kind("Role")} == {"osft-runs", "osft-train-jobs"}


@pytest.mark.parametrize("call", _CALLS.values())
def test_what_is_allowed_is_really_called(call: str) -> None:
    import dagster_k8s.client

    ours = "".join(path.read_text() for path in (ROOT / "osft_assets/kubernetes").glob("*.py"))
    called = inspect.getsource(dagster_k8s.client) + ours

    assert re.search(rf"(_api|_batch|_core)\.{call}\(", called)


@pytest.mark.parametrize("call", _TRAIN_JOB_CALLS.values())
def test_what_is_allowed_of_train_jobs_is_really_called(call: str) -> None:
    files = ("resources/train_job_api.py", "osft_assets/kubernetes/cluster.py")
    source = "".join((ROOT / file).read_text() for file in files)

    assert re.search(call, source)


def test_the_control_plane_and_runs_have_the_role_and_training_has_none() -> None:
    bindings = {one["roleRef"]["name"]: one for one in of_kind("RoleBinding")}
    accounts = {one["metadata"]["name"]: one for one in of_kind("ServiceAccount")}

    assert _bound(bindings["osft-runs"]) == {"osft-control", "osft-run"}
    assert _bound(bindings["osft-train-jobs"]) == {"osft-run", "osft-remote"}
    assert accounts["osft-step"]["automountServiceAccountToken"] is False
    assert of_kind("ClusterRoleBinding") == []


def _bound(binding: Document) -> set[str]:
    return {one["name"] for one in binding["subjects"]}


def test_no_role_reads_secrets_or_makes_pods() -> None:
    """Who may make pods can read every secret of the namespace. A TrainJob and a Job can, too: that
    is how Kubernetes is, and why no pod of a training has a role.
    """
    allowed = _allowed("osft-runs") | _allowed("osft-train-jobs")

    assert not [right for right in allowed if right[1] == "secrets"]
    assert ("", "pods", "create") not in allowed

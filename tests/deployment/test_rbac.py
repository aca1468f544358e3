"""What our pods may ask of Kubernetes: this list, each with the call that needs it."""

import inspect
import re

import pytest

from osft_assets.core.cluster_diagnosis import NEEDED_RIGHTS
from tests.deployment.parts import ROOT, of_kind

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


def _allowed() -> set[tuple[str, str, str]]:
    (role,) = of_kind("Role")
    return {
        (group, resource, verb)
        for rule in role["rules"]
        for group in rule["apiGroups"]
        for resource in rule["resources"]
        for verb in rule["verbs"]
    }


def test_nothing_is_allowed_that_is_not_needed() -> None:
    assert _allowed() == set(_CALLS) == set(NEEDED_RIGHTS)


@pytest.mark.parametrize("call", _CALLS.values())
def test_what_is_allowed_is_really_called(call: str) -> None:
    import dagster_k8s.client

    ours = "".join(path.read_text() for path in (ROOT / "osft_assets/kubernetes").glob("*.py"))
    called = inspect.getsource(dagster_k8s.client) + ours

    assert re.search(rf"(_api|_batch|_core)\.{call}\(", called)


def test_the_control_plane_and_runs_have_the_role_and_training_has_none() -> None:
    (binding,) = of_kind("RoleBinding")
    accounts = {one["metadata"]["name"]: one for one in of_kind("ServiceAccount")}

    assert {one["name"] for one in binding["subjects"]} == {"osft-control", "osft-run"}
    assert accounts["osft-step"]["automountServiceAccountToken"] is False
    assert of_kind("ClusterRoleBinding") == []

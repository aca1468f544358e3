"""What our pods may ask of Kubernetes: this list, each with the call that needs it."""

import inspect

import pytest

from tests.deployment.parts import of_kind

# (resource, verb): the client's call that makes it.
_NEEDED = {
    ("jobs", "create"): "create_namespaced_job",
    ("jobs", "list"): "list_namespaced_job",
    ("jobs", "delete"): "delete_namespaced_job",
    ("jobs/status", "get"): "read_namespaced_job_status",
    ("pods", "get"): "read_namespaced_pod",
    ("pods", "list"): "list_namespaced_pod",
    ("pods", "delete"): "delete_namespaced_pod",
    ("pods/log", "get"): "read_namespaced_pod_log",
    ("events", "list"): "list_namespaced_event",
}


def _allowed() -> set[tuple[str, str]]:
    (role,) = of_kind("Role")
    return {
        (resource, verb)
        for rule in role["rules"]
        for resource in rule["resources"]
        for verb in rule["verbs"]
    }


def test_nothing_is_allowed_that_is_not_needed() -> None:
    assert _allowed() == set(_NEEDED)


@pytest.mark.parametrize("call", _NEEDED.values())
def test_what_is_allowed_is_really_called(call: str) -> None:
    import dagster_k8s.client

    assert f"_api.{call}(" in inspect.getsource(dagster_k8s.client)


def test_the_control_plane_and_runs_have_the_role_and_training_has_none() -> None:
    (binding,) = of_kind("RoleBinding")
    accounts = {one["metadata"]["name"]: one for one in of_kind("ServiceAccount")}

    assert {one["name"] for one in binding["subjects"]} == {"osft-control", "osft-run"}
    assert accounts["osft-step"]["automountServiceAccountToken"] is False
    assert of_kind("ClusterRoleBinding") == []

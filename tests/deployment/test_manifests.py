"""The manifests, against Kubernetes' own schemas and against each other. No cluster: that a policy
is well formed is shown here, that it keeps anybody out is not.
"""

import warnings

import kubernetes_validate
import pytest
import yaml

from tests.deployment.parts import (
    DEPLOYMENT,
    MANIFESTS,
    Document,
    manifests,
    of_kind,
    titled,
    values,
)

_OLDEST, _NEWEST = "1.27", kubernetes_validate.latest_version()


_OF_TRAINER = [one for one in manifests() if one["apiVersion"].startswith("trainer.kubeflow.org/")]
_OF_KUBERNETES = [one for one in manifests() if one not in _OF_TRAINER]


@pytest.mark.parametrize("document", _OF_KUBERNETES, ids=titled)
@pytest.mark.parametrize("version", [_OLDEST, _NEWEST])
def test_a_manifest_is_what_kubernetes_expects(document: Document, version: str) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        kubernetes_validate.validate(document, version, strict=True)


def test_a_wrong_manifest_would_be_noticed() -> None:
    wrong = of_kind("Deployment")[0]
    wrong["spec"]["template"]["spec"]["containers"][0]["resource"] = {}

    with pytest.raises(kubernetes_validate.ValidationError):
        kubernetes_validate.validate(wrong, _NEWEST, strict=True)


def test_every_file_beside_a_kustomization_is_in_it_but_the_examples_of_secrets() -> None:
    for directory in (MANIFESTS, MANIFESTS / "oauth2-proxy", MANIFESTS / "trainer"):
        listed = yaml.safe_load((directory / "kustomization.yaml").read_text())["resources"]
        there = {path.name for path in directory.glob("*.yaml")}

        assert there - set(listed) <= {"kustomization.yaml", "secrets.example.yaml"}


@pytest.mark.parametrize("part", ["openshift", "openshift/trainer"])
def test_on_openshift_the_groups_that_we_name_are_taken_out(part: str) -> None:
    file = DEPLOYMENT / part / "kustomization.yaml"
    (patch,) = yaml.safe_load(file.read_text())["patches"]
    (change,) = yaml.safe_load(patch["patch"])
    *way, last = change["path"].strip("/").split("/")
    (found,) = [
        one
        for one in of_kind(patch["target"]["kind"])
        if one["metadata"]["name"] == patch["target"]["name"]
    ]
    for step in way:
        found = found[int(step)] if isinstance(found, list) else found[step]

    assert change["op"] == "remove"
    assert (last, found[last]) == ("fsGroup", 10001)


@pytest.mark.parametrize("deployment", of_kind("Deployment"), ids=titled)
def test_a_deployment_selects_its_own_pods_and_a_service_too(deployment: Document) -> None:
    labels = deployment["spec"]["template"]["metadata"]["labels"]
    (service,) = [
        one
        for one in of_kind("Service")
        if one["metadata"]["name"] == deployment["metadata"]["name"]
    ]

    assert deployment["spec"]["selector"]["matchLabels"].items() <= labels.items()
    assert service["spec"]["selector"].items() <= labels.items()


@pytest.mark.parametrize("deployment", of_kind("Deployment"), ids=titled)
def test_a_pod_has_no_rights_it_does_not_need(deployment: Document) -> None:
    pod = deployment["spec"]["template"]["spec"]
    (container,) = pod["containers"]

    assert pod["securityContext"]["runAsNonRoot"] is True
    assert pod["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
    assert container["securityContext"] == {
        "allowPrivilegeEscalation": False,
        "readOnlyRootFilesystem": True,
        "capabilities": {"drop": ["ALL"]},
    }
    assert pod["automountServiceAccountToken"] is False


@pytest.mark.parametrize("deployment", of_kind("Deployment"), ids=titled)
def test_a_pod_says_what_it_needs_and_how_it_is(deployment: Document) -> None:
    (container,) = deployment["spec"]["template"]["spec"]["containers"]

    assert {"cpu", "memory"} <= container["resources"]["requests"].keys()
    assert "memory" in container["resources"]["limits"]
    assert {"readinessProbe", "livenessProbe"} <= container.keys()


def test_the_claims_and_secrets_that_are_named_are_made() -> None:
    claims = {one["metadata"]["name"] for one in of_kind("PersistentVolumeClaim")}
    secrets = {one["metadata"]["name"] for one in of_kind("Secret")}

    assert claims == set(_named(manifests() + [values()], "claimName"))
    assert secrets == _secrets_named()


def _named(place: object, key: str) -> list[str]:
    if isinstance(place, list):
        return [found for one in place for found in _named(one, key)]
    if not isinstance(place, dict):
        return []
    here = [place[key]] if isinstance(place.get(key), str) else []
    return here + [found for one in place.values() for found in _named(one, key)]


def _secrets_named() -> set[str]:
    chart = values()
    server = chart["dagster-user-deployments"]["deployments"][0]
    lists = [server, chart["dagsterWebserver"], chart["dagsterDaemon"]]
    by_chart = {one["name"] for part in lists for one in part["envSecrets"]}
    deployments = yaml.safe_dump(of_kind("Deployment"))
    by_manifests = {name for name in ("osft-tokens", "osft-oauth2") if name in deployments}
    return by_chart | by_manifests | {chart["global"]["postgresqlSecretName"]}


def test_no_secret_has_a_value() -> None:
    for secret in of_kind("Secret"):
        assert set(secret["stringData"].values()) == {""}, titled(secret)
        assert "data" not in secret


def test_the_workspace_can_be_written_by_pods_of_several_nodes() -> None:
    claims = {one["metadata"]["name"]: one["spec"] for one in of_kind("PersistentVolumeClaim")}

    assert claims["osft-workspace"]["accessModes"] == ["ReadWriteMany"]

"""The Helm values: what Dagster and Kubernetes make of them. The chart itself is not here."""

import copy
import json
import re
import warnings
from pathlib import Path
from typing import Any

import dagster as dg
import kubernetes_validate
import pytest
import yaml
from dagster._config import process_config

from tests.deployment.instance import container_context, dagster_yaml, launcher_config
from tests.deployment.parts import DEPLOYMENT, ROOT, Document, code_server, manifests, values

_SECURITY = {
    "allowPrivilegeEscalation": False,
    "readOnlyRootFilesystem": True,
    "capabilities": {"drop": ["ALL"]},
}


_KUBECONFIG = """
apiVersion: v1
kind: Config
clusters: [{name: c, cluster: {server: "http://127.0.0.1:1"}}]
users: [{name: u, user: {}}]
contexts: [{name: x, context: {cluster: c, user: u}}]
current-context: x
"""


def _instance(directory: Path, settings: Document) -> dg.DagsterInstance:
    """With the launcher of runs too, which only resumes what it can; outside a cluster here."""
    (directory / "kubeconfig").write_text(_KUBECONFIG)
    outside = {
        "load_incluster_config": False,
        "kubeconfig_file": str(directory / "kubeconfig"),
    }
    settings["run_launcher"] = {
        "module": "dagster_k8s",
        "class": "K8sRunLauncher",
        "config": launcher_config() | outside,
    }
    (directory / "dagster.yaml").write_text(yaml.safe_dump(settings))
    return dg.DagsterInstance.from_config(str(directory))


def test_dagster_starts_with_these_settings(tmp_path: Path) -> None:
    with _instance(tmp_path, dagster_yaml()) as instance:
        concurrency = instance.get_concurrency_config()

        assert concurrency.pool_config.default_pool_limit == 1
        assert concurrency.pool_config.pool_granularity is not None
        assert concurrency.pool_config.pool_granularity.value == "op"
        assert concurrency.run_queue_config is not None
        assert concurrency.run_queue_config.max_concurrent_runs == 10
        assert instance.run_monitoring_enabled
        assert instance.run_monitoring_max_resume_run_attempts == 3
        assert not instance.telemetry_enabled


def test_dagster_refuses_a_number_of_runs_that_is_said_twice(tmp_path: Path) -> None:
    settings = dagster_yaml()
    settings["run_coordinator"]["config"] = {"max_concurrent_runs": 10}

    with (
        pytest.raises(dg.DagsterInvalidConfigError, match="incompatible"),
        _instance(tmp_path, settings) as instance,
    ):
        instance.get_concurrency_config()


def _run_job() -> Document:
    """The Job of a run, as the launcher makes it of its own settings and the code server's."""
    import kubernetes.client
    from dagster_k8s import K8sRunLauncher
    from dagster_k8s.container_context import K8sContainerContext
    from dagster_k8s.job import (
        DagsterK8sJobConfig,
        UserDefinedDagsterK8sConfig,
        construct_dagster_k8s_job,
    )

    checked = process_config(K8sRunLauncher.config_type(), launcher_config())
    assert checked.success, checked.errors
    ours: Any = checked.value
    context = K8sContainerContext(
        service_account_name=ours["service_account_name"],
        run_k8s_config=UserDefinedDagsterK8sConfig.from_dict(ours["run_k8s_config"]),
    ).merge(K8sContainerContext.create_from_config(container_context()))
    job = construct_dagster_k8s_job(
        DagsterK8sJobConfig(
            job_image="registry.example/osft-control:REPLACE",
            dagster_home=ours["dagster_home"],
            instance_config_map=ours["instance_config_map"],
            postgres_password_secret=ours["postgres_password_secret"],
        ),
        args=["dagster", "api", "execute_run"],
        job_name="dagster-run-1",
        user_defined_k8s_config=context.run_k8s_config,
    )
    told: Document = kubernetes.client.ApiClient().sanitize_for_serialization(job)
    return told


def test_the_job_of_a_run_is_what_kubernetes_expects() -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        kubernetes_validate.validate(_run_job(), kubernetes_validate.latest_version(), strict=True)


def test_the_pod_of_a_run_may_run_where_the_namespace_is_restricted() -> None:
    pod = _run_job()["spec"]["template"]["spec"]
    (container,) = pod["containers"]

    assert container["securityContext"] == _SECURITY
    assert pod["securityContext"]["runAsNonRoot"] is True
    assert pod["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
    assert "runAsUser" not in pod["securityContext"]


def test_the_pod_of_a_run_has_the_account_the_workspace_and_places_to_write() -> None:
    pod = _run_job()["spec"]["template"]["spec"]
    (container,) = pod["containers"]
    mounted = {one["mountPath"] for one in container["volumeMounts"]}
    volumes = [one["name"] for one in pod["volumes"]]

    assert pod["serviceAccountName"] == "osft-run"
    assert {"/workspace", "/tmp", "/home/osft", "/opt/dagster/dagster_home"} <= mounted
    assert len(volumes) == len(set(volumes))
    assert {"secretRef": {"name": "osft-tokens"}} in container["envFrom"]


def test_a_run_asks_for_no_gpu_and_has_no_limit_that_a_training_would_inherit() -> None:
    (container,) = _run_job()["spec"]["template"]["spec"]["containers"]

    assert "nvidia.com/gpu" not in json.dumps(container["resources"])
    assert "cpu" not in container["resources"]["limits"]
    assert "resources" not in launcher_config()["run_k8s_config"]["container_config"]


def test_on_openshift_no_user_and_no_group_is_chosen() -> None:
    told = json.dumps(values("values-openshift"))
    ours = values("values-openshift")["runLauncher"]["config"]["k8sRunLauncher"]["runK8sConfig"]

    assert "runAsUser" not in told
    assert "fsGroup" not in ours["podSpecConfig"]["securityContext"]
    assert ours["podSpecConfig"]["securityContext"]["runAsNonRoot"] is True


def test_viewers_get_a_web_server_that_only_reads() -> None:
    assert values()["dagsterWebserver"]["enableReadOnly"] is False
    assert values("values-viewer")["dagsterWebserver"]["enableReadOnly"] is True


@pytest.mark.parametrize("part", ["dagsterWebserver", "dagsterDaemon", "code server"])
def test_every_pod_of_the_chart_is_restricted(part: str) -> None:
    ours = code_server() if part == "code server" else values()[part]

    assert ours["securityContext"] == _SECURITY
    assert ours["podSecurityContext"]["runAsNonRoot"] is True
    assert ours["podSecurityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
    assert {"cpu", "memory"} <= ours["resources"]["requests"].keys()
    assert "memory" in ours["resources"]["limits"]


def test_every_setting_that_a_pod_gets_is_one_that_is_read() -> None:
    source = "".join(path.read_text() for path in (ROOT / "osft_assets").rglob("*.py"))
    written = json.dumps([values(), manifests()])
    names = set(re.findall(r"OSFT_[A-Z_]+", written))

    assert {"OSFT_WORKSPACE", "OSFT_EXECUTOR"} <= names
    assert {name for name in names if name not in source} == set()


def test_no_value_is_a_secret() -> None:
    for name in ("values", "values-viewer", "values-openshift"):
        text = (DEPLOYMENT / "helm" / f"{name}.yaml").read_text()
        given = re.findall(r"(?im)^\s*\w*(?:password|token|secret_?key)\w*:\s*(\S+)", text)

        assert [one for one in given if not one.startswith(("false", "#"))] == []
    assert copy.deepcopy(values()["postgresql"]).get("postgresqlPassword") is None


def test_the_modules_that_the_settings_name_are_in_the_image() -> None:
    installed = (DEPLOYMENT / "images/control/requirements.txt").read_text()
    version = re.search(r'"dagster==1\.(\d+\.\d+)"', (ROOT / "pyproject.toml").read_text())

    assert version
    assert values()["computeLogManager"]["type"] == "S3ComputeLogManager"
    for name in ("dagster-postgres", "dagster-aws"):
        assert re.search(rf"(?m)^{name}==0\.\d+\.{version[1].split('.')[1]}$", installed), name


def test_the_chart_is_of_the_version_that_is_installed() -> None:
    text = (DEPLOYMENT / "helm/values.yaml").read_text()

    assert f"--version {dg.__version__} " in text

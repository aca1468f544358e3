"""The dagster.yaml that Dagster's chart makes of helm/values.yaml, for the sections that we set.

A stand-in for the chart's templates, which are not here: it follows them as they were read in
Dagster's repository, and only where a value of ours goes.
"""

from typing import Any

from tests.deployment.parts import Document, values


def dagster_yaml() -> Document:
    """Without storage, which needs PostgreSQL, and without logs, which need a bucket."""
    chart = values()
    daemon, concurrency = chart["dagsterDaemon"], chart["concurrency"]
    monitoring, coordinator = daemon["runMonitoring"], daemon["runCoordinator"]
    return {
        "telemetry": chart["telemetry"],
        "run_coordinator": {
            "module": "dagster.core.run_coordinator",
            "class": coordinator["type"],
            "config": _snake(coordinator["config"]["queuedRunCoordinator"]),
        },
        "concurrency": {
            "pools": _snake(concurrency["pools"]),
            "runs": _snake(concurrency["runs"]),
        },
        "run_monitoring": _snake(monitoring),
        "run_retries": _snake(daemon["runRetries"]),
        **chart["additionalInstanceConfig"],
    }


def launcher_config() -> Document:
    """What K8sRunLauncher is made with."""
    chart = values()
    ours = chart["runLauncher"]["config"]["k8sRunLauncher"]
    return {
        "load_incluster_config": ours["loadInclusterConfig"],
        "job_namespace": "osft",
        "image_pull_policy": ours["imagePullPolicy"],
        "service_account_name": chart["serviceAccount"]["name"],
        "dagster_home": chart["global"]["dagsterHome"],
        "instance_config_map": "dagster-instance",
        "postgres_password_secret": chart["global"]["postgresqlSecretName"],
        "fail_pod_on_run_failure": ours["failPodOnRunFailure"],
        "run_k8s_config": _snake(ours["runK8sConfig"], depth=1),
    }


def container_context() -> Document:
    """What the code server hands on to the pods of runs and steps."""
    chart = values()["dagster-user-deployments"]
    (ours,) = chart["deployments"]
    return {
        "k8s": {
            "image_pull_policy": ours["image"]["pullPolicy"],
            "env_secrets": [one["name"] for one in ours["envSecrets"]],
            "volumes": ours["volumes"],
            "volume_mounts": ours["volumeMounts"],
            "resources": ours["resources"],
            "namespace": "osft",
            "service_account_name": chart["serviceAccount"]["name"],
            "env": ours["env"],
        }
    }


def _snake(place: Document, depth: int = 99) -> dict[str, Any]:
    return {
        "".join(f"_{one.lower()}" if one.isupper() else one for one in key): (
            _snake(value, depth - 1) if isinstance(value, dict) and depth > 1 else value
        )
        for key, value in place.items()
    }

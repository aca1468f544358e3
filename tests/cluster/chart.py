"""Dagster's control plane as its Helm chart makes it of helm/values.yaml, in few objects.

A stand-in, since neither Debian nor PyPI has Helm: it follows the chart's templates as far as our
values go. What a test has otherwise is said in `own_values`: the images, the database, the logs,
and shorter pauses.
"""

import json
from typing import Any

import yaml

from tests.cluster.found import Cluster
from tests.deployment.instance import container_context, dagster_yaml, launcher_config
from tests.deployment.parts import Document, code_server, values

WEBSERVER, CODE_SERVER = "dagster-webserver", "osft-assets"
PIPELINES = "osft-test-pipelines"  # a ConfigMap
_PASSWORD_KEY = "postgresql-password"
_INSTANCE, _WORKSPACE = "dagster-instance", "dagster-workspace"


def control_plane(cluster: Cluster) -> list[Document]:
    """Web server, daemon, code server, and what they read."""
    chart = values()
    home = chart["global"]["dagsterHome"]
    server = {"host": CODE_SERVER, "port": 3030, "location_name": CODE_SERVER}
    workspace = {"load_from": [{"grpc_server": server}]}
    return [
        _config_map(_INSTANCE, {"dagster.yaml": yaml.safe_dump(_instance(cluster))}),
        _config_map(_WORKSPACE, {"workspace.yaml": yaml.safe_dump(workspace)}),
        _code_server(cluster, home),
        _service(CODE_SERVER, 3030, {"deployment": CODE_SERVER}),
        _of_dagster(cluster, chart["dagsterWebserver"], WEBSERVER, _WEB_COMMAND),
        _service(WEBSERVER, 3000, {"component": WEBSERVER}),
        _of_dagster(cluster, chart["dagsterDaemon"], "dagster-daemon", _DAEMON_COMMAND),
    ]


_WEB_COMMAND = ["dagster-webserver", "-h", "0.0.0.0", "-p", "3000"]  # noqa: S104 - in a pod
_DAEMON_COMMAND = ["dagster-daemon", "run"]


def _instance(cluster: Cluster) -> Document:
    chart = values()["postgresql"]
    told = dagster_yaml()
    # A test does not wait for a minute until somebody looks.
    told["run_monitoring"] |= {"poll_interval_seconds": 5}
    return {
        **told,
        "storage": {
            "postgres": {
                "postgres_db": {
                    "hostname": "postgres",
                    "username": chart["postgresqlUsername"],
                    "password": {"env": "DAGSTER_PG_PASSWORD"},
                    "db_name": chart["postgresqlDatabase"],
                    "port": chart["service"]["port"],
                    "scheme": chart["postgresqlScheme"],
                }
            }
        },
        # There is no bucket.
        "compute_logs": {
            "module": "dagster._core.storage.noop_compute_log_manager",
            "class": "NoOpComputeLogManager",
        },
        "run_launcher": {
            "module": "dagster_k8s",
            "class": "K8sRunLauncher",
            "config": {**launcher_config(), "job_namespace": cluster.namespace},
        },
    }


def _code_server(cluster: Cluster, home: str) -> Document:
    told = code_server()
    handed_on = container_context()
    told["env"] = handed_on["k8s"]["env"] = _environment(cluster, told["env"])
    # One file: a whole ConfigMap is mounted with every file twice, behind links.
    mount = {"name": "pipelines", "mountPath": "/defs/facts/defs.yaml", "subPath": "facts.yaml"}
    handed_on["k8s"]["volumes"] = [*told["volumes"], _from_config_map("pipelines", PIPELINES)]
    handed_on["k8s"]["volume_mounts"] = [*told["volumeMounts"], mount]
    handed_on["k8s"]["namespace"] = cluster.namespace
    secrets = [{"name": name} for name in ("osft-tokens",)]
    handed_on["k8s"]["env_secrets"] = [one["name"] for one in secrets]
    image = cluster.image("control")
    container = {
        "args": [
            "dagster",
            "code-server",
            "start",
            "-h",
            "0.0.0.0",
            "-p",
            "3030",
            *told["codeServerArgs"],
        ],
        "env": [
            {"name": "DAGSTER_CURRENT_IMAGE", "value": image},
            {"name": "DAGSTER_CONTAINER_CONTEXT", "value": json.dumps(handed_on)},
            {"name": "DAGSTER_HOME", "value": home},
            _password(),
            *told["env"],
        ],
        "envFrom": [{"secretRef": one} for one in secrets],
        "resources": told["resources"],
        "volumeMounts": handed_on["k8s"]["volume_mounts"],
        "securityContext": told["securityContext"],
        "readinessProbe": {
            "exec": {"command": ["dagster", "api", "grpc-health-check", "-p", "3030"]},
            **{"periodSeconds": 5, "timeoutSeconds": 20, "failureThreshold": 30},
        },
    }
    account = values()["dagster-user-deployments"]["serviceAccount"]["name"]
    labels = {"component": "user-deployments", "deployment": CODE_SERVER}
    return _deployment(
        CODE_SERVER,
        labels,
        image,
        container,
        handed_on["k8s"]["volumes"],
        account,
        told["podSecurityContext"],
    )


def _environment(cluster: Cluster, told: list[Document]) -> list[Document]:
    other = {"OSFT_TRAINER_IMAGE": cluster.image("trainer"), "OSFT_DEFS": "/defs"}
    kept = [each for each in told if each["name"] not in other]
    return [*kept, *({"name": name, "value": value} for name, value in other.items())]


def _of_dagster(cluster: Cluster, told: Document, name: str, command: list[str]) -> Document:
    home = values()["global"]["dagsterHome"]
    container = {
        "args": [*command, "-w", "/dagster-workspace/workspace.yaml"],
        "env": [_password(), {"name": "DAGSTER_HOME", "value": home}],
        "resources": told["resources"],
        "securityContext": told["securityContext"],
        "volumeMounts": [
            *told["volumeMounts"],
            {"name": "instance", "mountPath": f"{home}/dagster.yaml", "subPath": "dagster.yaml"},
            {
                "name": "workspace",
                "mountPath": "/dagster-workspace/workspace.yaml",
                "subPath": "workspace.yaml",
            },
        ],
    }
    if probe := told.get("readinessProbe"):
        container["readinessProbe"] = probe | {"periodSeconds": 5, "failureThreshold": 30}
    volumes = [
        *told["volumes"],
        _from_config_map("instance", _INSTANCE),
        _from_config_map("workspace", _WORKSPACE),
    ]
    account = values()["serviceAccount"]["name"]
    return _deployment(
        name,
        {"component": name},
        cluster.image("control"),
        container,
        volumes,
        account,
        told["podSecurityContext"],
    )


def _deployment(  # noqa: PLR0913 - what the three differ in
    name: str,
    labels: dict[str, str],
    image: str,
    container: Document,
    volumes: list[Document],
    account: str,
    security: Document,
) -> Document:
    pod = {
        "serviceAccountName": account,
        "securityContext": security,
        "containers": [
            {"name": "dagster", "image": image, "imagePullPolicy": "IfNotPresent", **container}
        ],
        "volumes": volumes,
    }
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": name},
        "spec": {
            "selector": {"matchLabels": labels},
            "template": {"metadata": {"labels": labels}, "spec": pod},
        },
    }


def _service(name: str, port: int, selector: dict[str, str]) -> Document:
    spec = {"selector": selector, "ports": [{"port": port}]}
    return {"apiVersion": "v1", "kind": "Service", "metadata": {"name": name}, "spec": spec}


def _config_map(name: str, data: dict[str, str]) -> Document:
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": name}, "data": data}


def _from_config_map(volume: str, name: str) -> dict[str, Any]:
    return {"name": volume, "configMap": {"name": name}}


def _password() -> dict[str, Any]:
    secret = {"name": values()["global"]["postgresqlSecretName"], "key": _PASSWORD_KEY}
    return {"name": "DAGSTER_PG_PASSWORD", "valueFrom": {"secretKeyRef": secret}}

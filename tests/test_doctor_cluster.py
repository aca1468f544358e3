"""`osft-assets doctor --cluster`, as a user calls it, before a small API that answers like one."""

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from subprocess import CompletedProcess
from typing import Any

import pytest

from tests.commands import osft_assets

_ACCESS = "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews"
_TRAINER = "/apis/trainer.kubeflow.org/v1alpha1"
_RUNTIMES = f"{_TRAINER}/clustertrainingruntimes"
_PODS = "/api/v1/namespaces/osft/pods"
_HIDDEN, _ABSENT = 403, 404


def _pod(image: str, ready: bool = True, **environment: str) -> dict[str, Any]:
    env = [{"name": name, "value": value} for name, value in environment.items()]
    return {
        "spec": {"containers": [{"image": image, "env": env}]},
        "status": {"conditions": [{"type": "Ready", "status": str(ready)}]},
    }


@dataclass
class Api:
    """What it has, by path; pods by label. A number instead is the status it answers with."""

    objects: dict[str, Any]
    pods: dict[str, Any]
    refused: set[str] = field(default_factory=set)
    asked: list[tuple[str, str]] = field(default_factory=list)

    def answer(self, path: str, accept: str, body: Any) -> Any:
        route, _, query = path.partition("?")
        self.asked.append((path, accept))
        if route == _ACCESS:
            right = body["spec"]["resourceAttributes"]
            kind = "/".join(filter(None, [right["resource"], right.get("subresource", "")]))
            return {"status": {"allowed": f"{right['verb']} {kind}" not in self.refused}}
        if route == _PODS:
            label = query.partition("=")[2].replace("%3D", "=").replace("%2F", "/")
            return {"items": self.pods[label]}
        return self.objects.get(route, _ABSENT)


def _healthy() -> Api:
    here = "/api/v1/namespaces/osft"
    claim = {"accessModes": ["ReadWriteMany"], "phase": "Bound", "capacity": {"storage": "500Gi"}}
    names = ("osft-postgresql", "osft-tokens", "osft-log-bucket")
    settings = {"OSFT_EXECUTOR": "k8s", "OSFT_TRAINER_IMAGE": "registry.example/trainer:1"}
    return Api(
        {
            "/version": {"gitVersion": "v1.33.1"},
            here: {},
            f"{here}/persistentvolumeclaims/osft-workspace": {"spec": {}, "status": claim},
            "/api/v1/nodes": {
                "items": [
                    {"status": {"allocatable": {"nvidia.com/gpu": "4", "cpu": "64"}}},
                    {"status": {"allocatable": {"nvidia.com/gpu": "0"}}},
                ]
            },
            _TRAINER: {"resources": []},
            f"{_RUNTIMES}/training-hub": {"metadata": {}},
            **{f"{here}/secrets/{name}": {"metadata": {}} for name in names},
        },
        {
            "component=user-deployments": [_pod("registry.example/control:1", **settings)],
            "app.kubernetes.io/name=osft-registry": [_pod("registry.example/control:1")],
        },
    )


@contextmanager
def _served(api: Api, home: Path) -> Iterator[str]:
    """The kubeconfig of this API. It has a token, which nobody may see."""

    class Handler(BaseHTTPRequestHandler):
        def log_message(self, *_: Any) -> None:
            pass

        def do_GET(self) -> None:  # noqa: N802 - the base class looks for this name
            length = int(self.headers.get("content-length") or 0)
            body = json.loads(self.rfile.read(length) or "null")
            told = api.answer(self.path, self.headers["accept"], body)
            status, told = (told, {}) if isinstance(told, int) else (200, told)
            content = json.dumps(told).encode()
            self.send_response(status)
            self.send_header("content-length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        do_POST = do_GET  # noqa: N815 - the base class looks for this name

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        try:
            yield _kubeconfig(home, server.server_port)
        finally:
            server.shutdown()


def _kubeconfig(home: Path, port: int) -> str:
    path = home / "kubeconfig"
    path.write_text(
        json.dumps(
            {
                "clusters": [{"name": "c", "cluster": {"server": f"http://127.0.0.1:{port}"}}],
                "users": [{"name": "u", "user": {"token": "hunter2"}}],
                "contexts": [{"name": "here", "context": {"cluster": "c", "user": "u"}}],
                "current-context": "here",
            }
        )
    )
    return str(path)


def _doctor(kubeconfig: str, *options: str) -> CompletedProcess[str]:
    return osft_assets("doctor", "--cluster", *options, KUBECONFIG=kubeconfig, NO_PROXY="*")


def _told(done: CompletedProcess[str]) -> dict[str, dict[str, str]]:
    return {one["name"]: one for one in json.loads(done.stdout)["findings"]}


def test_a_cluster_with_everything_can_train_and_no_token_is_shown(tmp_path: Path) -> None:
    api = _healthy()
    with _served(api, tmp_path) as kubeconfig:
        done = _doctor(kubeconfig, "--json")

    found = _told(done)
    assert done.returncode == 0, done.stdout + done.stderr
    assert {one["verdict"] for one in found.values()} == {"ok"}
    assert found["cluster"]["found"] == "Kubernetes v1.33.1, as the context here"
    assert found["GPUs"]["found"] == "4 nvidia.com/gpu on 2 node(s)"
    assert found["workspace"]["found"] == "osft-workspace: Bound, ReadWriteMany, 500Gi"
    assert found["trainer image"]["found"] == "registry.example/trainer:1"
    assert found["training runtime"]["found"] == "training-hub"
    assert "hunter2" not in done.stdout + done.stderr


def test_of_a_secret_only_its_metadata_is_asked_for(tmp_path: Path) -> None:
    api = _healthy()
    with _served(api, tmp_path) as kubeconfig:
        _doctor(kubeconfig)

    accepted = [accept for path, accept in api.asked if "/secrets/" in path]
    assert len(accepted) == 3
    assert all("as=PartialObjectMetadata" in accept for accept in accepted)


def test_an_empty_cluster_fails_and_says_what_to_do(tmp_path: Path) -> None:
    nothing: dict[str, Any] = {"component=user-deployments": []}
    pods = nothing | {"app.kubernetes.io/name=osft-registry": []}
    api = Api({"/version": {"gitVersion": "v1.33.1"}, "/api/v1/nodes": {"items": [{}]}}, pods)
    with _served(api, tmp_path) as kubeconfig:
        done = _doctor(kubeconfig)

    assert done.returncode == 1
    assert "FAIL   namespace: there is no osft" in done.stdout
    assert "FAIL   workspace: there is no claim osft-workspace" in done.stdout
    assert "FAIL   secret osft-tokens: not there" in done.stdout
    assert "warn   GPUs: none on 1 node(s)" in done.stdout
    assert "FAIL   code server: there is none" in done.stdout
    assert "kubectl apply -k deployment/manifests" in done.stdout
    assert done.stdout.endswith("This cluster cannot train yet: see FAIL above.\n")


def test_what_we_may_not_do_is_named_with_what_it_is_for(tmp_path: Path) -> None:
    api = _healthy()
    api.refused = {"create jobs", "get pods/log"}
    with _served(api, tmp_path) as kubeconfig:
        found = _told(_doctor(kubeconfig, "--json"))["permissions"]

    assert found["verdict"] == "FAIL"
    assert "may not create jobs (starting runs and steps); get pods/log (" in found["found"]
    assert "rbac.yaml" in found["remedy"]


def test_without_trainer_it_can_train_in_one_pod_and_is_told_so(tmp_path: Path) -> None:
    api = _healthy()
    del api.objects[_TRAINER]
    with _served(api, tmp_path) as kubeconfig:
        done = _doctor(kubeconfig, "--json")

    found = _told(done)
    assert done.returncode == 0
    assert found["Kubeflow Trainer"]["verdict"] == "warn"
    assert found["Kubeflow Trainer"]["found"] == "not installed: a training is one pod"
    assert "training runtime" not in found


def test_what_several_pods_would_lack_is_named(tmp_path: Path) -> None:
    api = _healthy()
    settings = {"OSFT_EXECUTOR": "k8s", "OSFT_TRAIN_RUNTIME": "own"}
    api.pods["component=user-deployments"] = [_pod("control:1", **settings)]
    api.refused = {"create trainjobs"}
    with _served(api, tmp_path) as kubeconfig:
        done = _doctor(kubeconfig, "--json")

    found = _told(done)
    assert done.returncode == 0
    assert found["training runtime"]["found"] == "there is no ClusterTrainingRuntime own"
    assert "OSFT_TRAIN_RUNTIME" in found["training runtime"]["remedy"]
    assert "may not create trainjobs (starting a" in found["TrainJob permissions"]["found"]
    assert "trainer/rbac.yaml" in found["TrainJob permissions"]["remedy"]


def test_what_we_may_not_look_at_is_no_failure(tmp_path: Path) -> None:
    api = _healthy()
    api.objects["/api/v1/nodes"] = _HIDDEN
    api.objects[f"{_RUNTIMES}/training-hub"] = _HIDDEN
    api.objects["/api/v1/namespaces/osft/secrets/osft-tokens"] = _HIDDEN
    with _served(api, tmp_path) as kubeconfig:
        done = _doctor(kubeconfig, "--json")

    found = _told(done)
    assert done.returncode == 0
    assert found["GPUs"]["verdict"] == found["secret osft-tokens"]["verdict"] == "warn"
    assert "may not look" in found["GPUs"]["found"]
    assert "may not look" in found["training runtime"]["found"]


@pytest.mark.parametrize(
    ("environment", "name", "verdict", "told"),
    [
        ({"OSFT_TRAINER_IMAGE": "t:1"}, "executor", "FAIL", "OSFT_EXECUTOR is not set"),
        ({"OSFT_EXECUTOR": "k8s"}, "trainer image", "warn", "OSFT_TRAINER_IMAGE is not set"),
    ],
)
def test_a_code_server_that_would_start_no_pods_is_noticed(
    tmp_path: Path, environment: dict[str, str], name: str, verdict: str, told: str
) -> None:
    api = _healthy()
    api.pods["component=user-deployments"] = [_pod("control:1", **environment)]
    with _served(api, tmp_path) as kubeconfig:
        found = _told(_doctor(kubeconfig, "--json"))

    assert found[name]["verdict"] == verdict
    assert found[name]["found"].startswith(told)


def test_a_workspace_for_one_node_only_is_warned_of(tmp_path: Path) -> None:
    api = _healthy()
    claim = api.objects["/api/v1/namespaces/osft/persistentvolumeclaims/osft-workspace"]
    claim["status"]["accessModes"] = ["ReadWriteOnce"]
    with _served(api, tmp_path) as kubeconfig:
        found = _told(_doctor(kubeconfig, "--json"))["workspace"]

    assert found["verdict"] == "warn"
    assert "ReadWriteMany" in found["remedy"]


def test_a_cluster_that_does_not_answer_is_one_line(tmp_path: Path) -> None:
    done = _doctor(_kubeconfig(tmp_path, 1), "--json")

    found = _told(done)
    assert done.returncode == 1
    assert list(found) == ["cluster"]
    assert found["cluster"]["found"].startswith("http://127.0.0.1:1: it does not answer")
    assert "Traceback" not in done.stderr


def test_without_a_kubeconfig_it_says_how_to_have_one(tmp_path: Path) -> None:
    done = _doctor(str(tmp_path / "none"), "--json")

    assert done.returncode == 1
    assert "KUBECONFIG" in _told(done)["cluster"]["remedy"]

"""The cluster does what the other tests here take for granted. None of the project runs."""

import time
from collections.abc import Callable
from typing import Any

from tests.cluster.found import Cluster

_WITHIN_SECONDS = 120


def test_a_job_that_succeeds_is_complete_and_its_words_are_kept(cluster: Cluster) -> None:
    pod = finished(cluster, "succeeds", "print('hello', 6 * 7)")

    assert pod.status.phase == "Succeeded"
    # As text, the client gives the log as Python writes bytes: "b'hello 42\\n'" (36.0.3).
    log = cluster.api().read_namespaced_pod_log(
        pod.metadata.name, cluster.namespace, _preload_content=False
    )
    assert log.data == b"hello 42\n"
    job = cluster.api("BatchV1Api").read_namespaced_job_status("succeeds", cluster.namespace)
    assert job.status.succeeded == 1


def test_a_job_that_fails_tells_its_exit_code(cluster: Cluster) -> None:
    pod = finished(cluster, "fails", "raise SystemExit(7)")

    assert pod.status.phase == "Failed"
    assert ended(pod).exit_code == 7


def test_a_pod_that_takes_more_memory_than_its_limit_is_killed_for_it(cluster: Cluster) -> None:
    limit = {"limits": {"memory": "64Mi"}}

    pod = finished(cluster, "takes-too-much", "x = b'x' * 2**30", limit)

    assert (ended(pod).reason, ended(pod).exit_code) == ("OOMKilled", 137)


def test_a_pod_that_asks_for_a_gpu_is_placed(cluster: Cluster) -> None:
    pod = finished(cluster, "one-gpu", "", {"limits": {"nvidia.com/gpu": "1"}})

    assert pod.status.phase == "Succeeded"


def test_a_pod_that_asks_for_more_gpus_than_there_are_waits_and_says_so(cluster: Cluster) -> None:
    start(cluster, "many-gpus", "", {"limits": {"nvidia.com/gpu": "999"}})

    pod = seen(cluster, "many-gpus", lambda pod: bool(pod.status.conditions))

    assert pod.status.phase == "Pending"
    assert "Insufficient nvidia.com/gpu" in pod.status.conditions[0].message


def test_a_service_is_reached_by_its_name(cluster: Cluster) -> None:
    serve = "import http.server as h; h.test(h.SimpleHTTPRequestHandler, port=8000)"
    start(cluster, "serves", serve)
    ports = {"ports": [{"port": 80, "targetPort": 8000}], "selector": {"job-name": "serves"}}
    cluster.api().create_namespaced_service(
        cluster.namespace, {"metadata": {"name": "served"}, "spec": ports}
    )
    seen(cluster, "serves", lambda pod: pod.status.phase == "Running")

    pod = finished(cluster, "asks", ASK)

    assert pod.status.phase == "Succeeded"


# The name and the address take a moment to reach the node.
ASK = """
import time, urllib.request
for _ in range(60):
    try:
        print(urllib.request.urlopen("http://served/", timeout=5).status)
        break
    except OSError as error:
        print(error)
        time.sleep(1)
else:
    raise SystemExit(1)
"""


def finished(cluster: Cluster, name: str, python: str, resources: Any = None) -> Any:
    start(cluster, name, python, resources)
    return seen(cluster, name, lambda pod: pod.status.phase in ("Succeeded", "Failed"))


def start(cluster: Cluster, name: str, python: str, resources: Any = None) -> None:
    container = {"name": "only", "image": cluster.image("control"), "resources": resources}
    container["command"] = ["python", "-u", "-c", python]
    pod = {"restartPolicy": "Never", "containers": [container]}
    job = {"metadata": {"name": name}, "spec": {"backoffLimit": 0, "template": {"spec": pod}}}
    cluster.api("BatchV1Api").create_namespaced_job(cluster.namespace, job)


def seen(cluster: Cluster, job: str, satisfies: Callable[[Any], bool]) -> Any:
    """The Job's pod, as soon as it is as asked."""
    core, until, pods = cluster.api(), time.monotonic() + _WITHIN_SECONDS, []
    while time.monotonic() < until:
        pods = core.list_namespaced_pod(cluster.namespace, label_selector=f"job-name={job}").items
        if pods and satisfies(pods[0]):
            return pods[0]
        time.sleep(0.3)
    raise AssertionError(f"after {_WITHIN_SECONDS} s: {[pod.status for pod in pods]}")


def ended(pod: Any) -> Any:
    return pod.status.container_statuses[0].state.terminated

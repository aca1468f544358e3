"""How long a light step's pod takes to begin, and which part of it is ours.

`python -m tests.cluster.measure_start`, while the cluster is up and otherwise idle. Twice each:
nothing, what Dagster imports for a step, and then our code location with all its definitions.
"""

import sys
from pathlib import Path

from tests.cluster.found import Cluster, kubeconfig
from tests.cluster.test_cluster import ended, finished

_TIMED = """
import os, time
os.environ["OSFT_EXECUTOR"] = "k8s"
started = time.perf_counter()
import dagster, dagster._cli.api, dagster_k8s, dagster_postgres
theirs = time.perf_counter()
import osft_assets.definitions
osft_assets.definitions.defs.get_repository_def()
ours = time.perf_counter()
print(f"Dagster {theirs - started:.1f} s, our code location {ours - theirs:.1f} s")
"""


def main(path: Path) -> None:
    """Print a line for each."""
    cluster = Cluster(path, "osft-measure")
    core = cluster.api()
    core.create_namespace({"metadata": {"name": cluster.namespace}})
    try:
        for number in range(2):
            for name, code in (("nothing", ""), ("imports", _TIMED)):
                sys.stdout.write(f"{_line(cluster, f'{name}-{number}', code)}\n")
    finally:
        core.delete_namespace(cluster.namespace)


def _line(cluster: Cluster, name: str, code: str) -> str:
    pod = finished(cluster, name, code)
    made, done = pod.metadata.creation_timestamp, ended(pod)
    # Decoded by the client, it would be the text of a `bytes`.
    log = cluster.api().read_namespaced_pod_log(
        pod.metadata.name, cluster.namespace, _preload_content=False
    )
    said = log.data.decode().strip()
    waited = (done.started_at - made).total_seconds()
    ran = (done.finished_at - done.started_at).total_seconds()
    return f"{name}: started after {waited:.0f} s, ran for {ran:.0f} s. {said}"


if __name__ == "__main__":
    main(kubeconfig())

"""The pods of a TrainJob by rank, as JobSet labels them."""

import re
from collections.abc import Iterator, Sequence

from osft_assets.core.pods.findings import Json, containers
from osft_assets.core.train_jobs.request import NODE

_INDEX = "batch.kubernetes.io/job-completion-index"


def selector_of(name: str) -> str:
    """How the API finds them."""
    labels = {"jobset-name": name, "replicatedjob-name": NODE}
    return ",".join(f"jobset.sigs.k8s.io/{label}={value}" for label, value in labels.items())


def by_rank(pods: Sequence[Json]) -> dict[int, Json]:
    """The newest of each rank: where a runtime starts pods again, older ones stay for a while."""
    ordered = sorted(pods, key=lambda pod: str(pod["metadata"].get("creationTimestamp", "")))
    newest = {rank_of(pod): pod for pod in ordered}
    return dict(sorted(newest.items()))


def rank_of(pod: Json) -> int:
    """Which node it is."""
    metadata = pod["metadata"]
    said = {**(metadata.get("annotations") or {}), **(metadata.get("labels") or {})}.get(_INDEX)
    if said is None:  # Kubernetes before 1.28 says it in an annotation; the name says it always
        found = re.search(r"-(\d+)-[a-z0-9]+$", metadata["name"])
        said = found[1] if found else "0"
    return int(said)


def exit_code(pod: Json) -> int | None:
    """Of the training's container, once it has ended."""
    return next(_exit_codes(pod), None)


def _exit_codes(pod: Json) -> Iterator[int]:
    for each in containers(pod, "terminated"):
        if each["name"] == NODE:
            yield int(each.get("exitCode", 0))

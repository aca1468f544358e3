"""What is wrong with a step's pod, from what the cluster says of it.

Pure: dicts as the API writes them, in camel case, and a time. Why a pod that has ended died is
`deaths`; why one does not start, `waits`. Who asks, and what follows, is `step_handler`.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta

from osft_assets.core.pods.deaths import death_of
from osft_assets.core.pods.findings import Asked, Finding, Json, condition, time_of
from osft_assets.core.pods.waits import late, wait_of

# A kubelet that lives removes a pod when its grace is over; one that is silent for so long has
# lost its node.
_SILENT = timedelta(minutes=2)
# What a step says of its end is in the run's log before its pod ends.
_TO_BE_READ = timedelta(seconds=30)


def finding(
    job: Json | None, pods: Sequence[Json], warnings: Sequence[str], asked: Asked, now: datetime
) -> Finding | None:
    """What there is to say of a step; None while it runs, and when it has just ended well.

    One that ended well a while ago is lost, unless it said itself how it ended (`reported`).
    `warnings`: what the cluster's events say of the job and of its pod, the newest last.
    """
    if job is None:
        return Finding(
            "Its Kubernetes job is gone: somebody deleted it, or a quota or a clean-up did. Launch "
            "the run again"
        )
    if ended := _ended_well(job, now):
        return ended
    if pods:
        newest = max(pods, key=lambda pod: str(pod["metadata"].get("creationTimestamp", "")))
        found = _of_a_pod(newest, warnings, asked, now)
        return found or (_without_its_pod(job) if _has_failed(job) else None)
    if _has_failed(job):
        return _without_its_pod(job)
    return _of_no_pod(job, warnings, asked, now)


def _of_a_pod(pod: Json, warnings: Sequence[str], asked: Asked, now: datetime) -> Finding | None:
    if death := death_of(pod, asked):
        return death
    if pod["metadata"].get("deletionTimestamp"):
        return _leaving(pod, now)
    return wait_of(pod, warnings, asked, now)


def _leaving(pod: Json, now: datetime) -> Finding:
    """A pod that was told to end: by the scheduler, a drain, or somebody."""
    node = pod["spec"].get("nodeName", "its node")
    if now - time_of(pod["metadata"]["deletionTimestamp"]) > _SILENT:
        return Finding(
            f"Its pod should have ended long ago, and {node} says nothing: the node is lost. Look "
            "at the node, or leave it to the retries",
            may_pass=True,
        )
    why = condition(pod, "DisruptionTarget").get("message", "somebody or a drain deleted it")
    return Finding(f"Its pod on {node} is told to end: {why}", is_lost=False)


def _ended_well(job: Json, now: datetime) -> Finding | None:
    """Seen where a pod was deleted by force: Kubernetes makes another, which finds that the step
    was begun already, and ends without a word.
    """
    ended = (job.get("status") or {}).get("completionTime")
    if not ended or now - time_of(ended) < _TO_BE_READ:
        return None
    return Finding(
        "Its pod was lost, and the one that Kubernetes made instead could not go on: a step is "
        "begun once. Look at the events of the namespace",
        may_pass=True,
    )


def _has_failed(job: Json) -> bool:
    status: Mapping[str, object] = job.get("status") or {}
    return bool(status.get("failed")) or bool(condition(job, "Failed"))


def _without_its_pod(job: Json) -> Finding:
    failed = condition(job, "Failed")
    if failed.get("reason") == "DeadlineExceeded":
        return Finding(
            "It took longer than its deadline. Raise pod.more.activeDeadlineSeconds, or the one in "
            "the deployment"
        )
    return Finding(
        "Its pod is gone: preempted, drained with its node, or deleted by somebody. Look at the "
        "events of the namespace",
        may_pass=True,
    )


def _of_no_pod(job: Json, warnings: Sequence[str], asked: Asked, now: datetime) -> Finding | None:
    if job.get("spec", {}).get("suspend"):  # Kueue: hours are nothing unusual
        return Finding("It waits in a queue: its Kubernetes job is suspended", is_lost=False)
    if (job.get("status") or {}).get("succeeded") or not warnings:
        return None
    words = f"Kubernetes makes no pod: {warnings[-1]}"
    if late(job, asked, now):
        return Finding(
            f"{words}. Gave up after {asked.start_timeout_minutes:g} minutes "
            f"({asked.setting('start_timeout_minutes')}). Ask whoever runs the cluster for the "
            "quota or the rights"
        )
    return Finding(words, is_lost=False)

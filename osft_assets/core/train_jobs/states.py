"""What a TrainJob's state means, and what is done about it.

Pure: what the API says, and a time. The table for people, with the test of each row, is
docs/trainjobs.md. Why a failed one failed is `train_jobs.failures`; who acts on all this,
`resources.train_job_following`.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal

from osft_assets.core.pods.deaths import death_of
from osft_assets.core.pods.findings import (
    Asked,
    Finding,
    Json,
    condition,
    one_line,
    time_of,
)
from osft_assets.core.pods.waits import wait_of
from osft_assets.core.train_jobs.nodes import by_rank

# wait and run: look again; the recipe's time limits count while it runs. complete: read the
# outcome. failed: ask the nodes why. gone: the outcome may be there all the same. lost: give up,
# for the reason in `words`.
Phase = Literal["wait", "run", "complete", "failed", "gone", "lost"]


@dataclass(frozen=True)
class Seen:
    """What there was. No `job`: there is none of that name. No `pods`: nobody can tell."""

    job: Json | None
    pods: Sequence[Json] | None
    warnings: Sequence[str] = ()


@dataclass(frozen=True)
class State:
    """`words`: what there is to say of it, if anything. `may_pass`: another try may do."""

    phase: Phase
    words: str = ""
    may_pass: bool = False


def state_of(seen: Seen, asked: Asked, now: datetime, *, has_run: bool) -> State:
    """What it is in. `has_run`: its pods were seen at work before."""
    job = seen.job
    if job and condition(job, "Complete"):
        return State("complete")
    if job is None or job["metadata"].get("deletionTimestamp"):
        return State("gone", "The TrainJob is gone: somebody deleted it. Launch the run again")
    if condition(job, "Failed"):
        return State("failed")
    if condition(job, "Suspended"):
        return _suspended(job, has_run)
    if seen.pods is None:
        return State("run" if has_run else "wait")
    if not seen.pods:
        return _without_pods(job, seen.warnings, asked, now, has_run)
    return _of_pods(by_rank(seen.pods), seen.warnings, asked, now)


def _suspended(job: Json, has_run: bool) -> State:
    if has_run:  # what the pods wrote would be in the way of those that come after
        return State(
            "lost",
            "The TrainJob was suspended while it ran: a queue gave its place to another, or "
            "somebody did. Training cannot go on in the middle: it begins anew with another try",
            may_pass=True,
        )
    why = one_line(str(condition(job, "Suspended").get("message", "")))
    said = f": {why}" if why else ""
    return State("wait", f"The TrainJob is held back, by a queue such as Kueue or by hand{said}")


def _without_pods(
    job: Json, warnings: Sequence[str], asked: Asked, now: datetime, has_run: bool
) -> State:
    why = f": {one_line(warnings[-1])}" if warnings else ""
    if has_run:  # gone with a drain, or JobSet makes them anew
        return State("wait", f"The TrainJob has no pods any more{why}")
    limit = asked.start_timeout_minutes
    if limit and now - _able_to_start(job) > timedelta(minutes=limit):
        return State(
            "lost",
            f"The TrainJob got no pods within {limit:g} minutes (pod.start_timeout_minutes){why}. "
            "Look whether Kubeflow Trainer and JobSet run, and at the quota of the namespace",
        )
    return State("wait", f"The TrainJob has no pods yet{why}")


def _able_to_start(job: Json) -> datetime:
    """Since when nothing but the cluster keeps it from starting: a queue's time does not count."""
    times = [job["metadata"]["creationTimestamp"]]
    for each in (job.get("status") or {}).get("conditions") or []:
        if each.get("type") == "Suspended" and each.get("lastTransitionTime"):
            times.append(each["lastTransitionTime"])
    return max(map(time_of, times))


def _of_pods(
    nodes: Mapping[int, Json], warnings: Sequence[str], asked: Asked, now: datetime
) -> State:
    waits = {rank: wait_of(pod, warnings, asked, now) for rank, pod in nodes.items()}
    found = [(rank, wait) for rank, wait in waits.items() if wait]
    for rank, wait in found:
        if wait.is_lost:
            return State("lost", _of_node(rank, wait), wait.may_pass)
    if found:
        return State("wait", _of_node(*found[0]))
    phases = {(pod.get("status") or {}).get("phase") for pod in nodes.values()}
    words = next(_trouble(nodes, asked), "")
    return State("wait" if phases <= {"Pending", None} else "run", words)


def _trouble(nodes: Mapping[int, Json], asked: Asked) -> Iterator[str]:
    """What is no end yet: what becomes of it is Trainer's to say."""
    for rank, pod in nodes.items():
        if death := death_of(pod, asked):
            yield _of_node(rank, death)
        elif pod["metadata"].get("deletionTimestamp"):
            yield f"Node {rank}: its pod is told to end"


def _of_node(rank: int, finding: Finding) -> str:
    return f"Node {rank}: {finding.words[:1].lower()}{finding.words[1:]}"

"""Why a TrainJob failed: what the nodes said of themselves, or what became of their pods.

A node that saw the others go says so, and says less than what became of the one that went.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from osft_assets.core.errors import ConfigError, OsftError, TrainingError
from osft_assets.core.pods.deaths import death_of
from osft_assets.core.pods.findings import Asked, Finding, Json, condition, one_line
from osft_assets.core.train_jobs.nodes import by_rank, exit_code
from osft_assets.core.worker import CONFIG_EXIT, FAILURE_EXIT, WorkerProblem


@dataclass(frozen=True)
class NodeProblem:
    """What a node left in its problem file."""

    rank: int
    told: WorkerProblem


def said_why(pods: Sequence[Json]) -> bool:
    """Whether some node ended as those do that leave a problem file."""
    return any(exit_code(pod) in (CONFIG_EXIT, FAILURE_EXIT) for pod in pods)


def failure_of(
    job: Json, pods: Sequence[Json], problems: Sequence[NodeProblem], asked: Asked
) -> OsftError:
    """The error to raise. `problems`: the earliest first."""
    nodes = by_rank(pods)
    deaths = {rank: death for rank, pod in nodes.items() if (death := death_of(pod, asked))}
    causes = [problem for problem in problems if not problem.told.is_aftermath]
    if causes:
        return _as_told(causes[0], nodes)
    # A pod that its node or its memory ended comes before those that missed it.
    for rank, death in sorted(deaths.items(), key=lambda item: not item[1].may_pass):
        if death.may_pass or exit_code(nodes[rank]) not in (CONFIG_EXIT, FAILURE_EXIT):
            return _of_a_death(rank, death)
    if problems:
        return _as_told(problems[0], nodes)
    for rank, death in deaths.items():
        return _of_a_death(rank, death)
    return _of_the_condition(job)


def _as_told(problem: NodeProblem, nodes: Mapping[int, Json]) -> OsftError:
    code = exit_code(nodes[problem.rank]) if problem.rank in nodes else None
    kind = ConfigError if code == CONFIG_EXIT else TrainingError
    return kind(problem.told.message, transient=problem.told.is_transient)


def _of_a_death(rank: int, death: Finding) -> TrainingError:
    return TrainingError(f"Node {rank}: {death.words}", transient=death.may_pass)


def _of_the_condition(job: Json) -> OsftError:
    failed = condition(job, "Failed")
    message = one_line(str(failed.get("message", "")))
    if failed.get("reason") == "DeadlineExceeded":
        return TrainingError(
            "The TrainJob took longer than a deadline that is not ours. Look at "
            "activeDeadlineSeconds in the training runtime, and at the cluster's policies"
        )
    if failed.get("reason") == "TrainingRuntimeNotSupported":
        return ConfigError(f"{message}. Set OSFT_TRAIN_RUNTIME to a runtime that this cluster has")
    return TrainingError(
        f"The TrainJob failed: {message or 'Kubeflow Trainer does not say why'}. Look at its "
        "events and at those of its JobSet"
    )

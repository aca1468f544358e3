"""What stands in the way of a training over several pods: a verdict on each thing looked at.

None of it is a failure: one pod trains without it. What every training on a cluster needs is
`core.cluster_diagnosis`; looking is `resources.cluster_probes`.
"""

from collections.abc import Sequence

from osft_assets.core.cluster_diagnosis import Right, Sight
from osft_assets.core.diagnosis import Finding

_GROUP = "trainer.kubeflow.org"
# What a step does that follows a TrainJob, as deployment/manifests/trainer/rbac.yaml allows.
TRAIN_JOB_RIGHTS: dict[Right, str] = {
    (_GROUP, "trainjobs", "create"): "starting a training over several pods",
    (_GROUP, "trainjobs", "get"): "following it",
    (_GROUP, "trainjobs", "list"): "sweeping what dead runs left",
    (_GROUP, "trainjobs", "delete"): "cancelling",
    ("", "pods", "list"): "telling why a node failed or waits",
    ("", "pods/log", "get"): "showing what the first node prints",
    ("", "events", "list"): "telling why a node waits",
}
_REMEDY = "Only for pod.workers above 1: deployment/README.md, Several pods"


def judge_trainer(trainer: Sight) -> Finding:
    """Whether the cluster knows TrainJobs."""
    name = "Kubeflow Trainer"
    if trainer.is_there:
        return Finding(name, "ok", "TrainJobs are known")
    if trainer.is_hidden or trainer.problem:
        return Finding(name, "warn", trainer.problem or "we may not ask for it", _REMEDY)
    return Finding(name, "warn", "not installed: a training is one pod", _REMEDY)


def judge_runtime(runtime: str, sight: Sight) -> Finding:
    """Whether the runtime that TrainJobs name is there."""
    name = "training runtime"
    if sight.is_there:
        return Finding(name, "ok", runtime)
    if sight.is_hidden or sight.problem:
        told = sight.problem or f"we may not look at {runtime}"
        return Finding(name, "warn", told, "Ask somebody who may")
    remedy = "kubectl apply -k deployment/manifests/trainer, or name another in OSFT_TRAIN_RUNTIME"
    return Finding(name, "warn", f"there is no ClusterTrainingRuntime {runtime}", remedy)


def judge_train_job_rights(missing: Sequence[Right], whom: str, problem: str = "") -> Finding:
    """Whether who asks could start, follow and end a TrainJob."""
    name = "TrainJob permissions"
    if problem:
        return Finding(name, "warn", problem, "Ask somebody who may")
    if not missing:
        return Finding(name, "ok", f"{whom} may do all {len(TRAIN_JOB_RIGHTS)} things")
    lost = "; ".join(
        f"{verb} {what} ({TRAIN_JOB_RIGHTS[group, what, verb]})" for group, what, verb in missing
    )
    remedy = "kubectl apply -f deployment/manifests/trainer/rbac.yaml"
    return Finding(name, "warn", f"{whom} may not {lost}", remedy)

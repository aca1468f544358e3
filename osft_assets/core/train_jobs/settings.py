"""Which settings of a pod a TrainJob cannot take: a runtime says them, and no TrainJob may.

What it takes is `train_jobs.request`. Nothing that was asked for is dropped quietly.
"""

from osft_assets.core.errors import ConfigError
from osft_assets.core.training_job import TrainingJob
from osft_assets.core.training_placement import refuse_what_needs_a_cluster

# The fields of `pod.more` that Trainer lets a TrainJob say of its pods.
PATCHABLE = ("affinity", "schedulingGates", "securityContext", "terminationGracePeriodSeconds")


def refuse_what_a_runtime_says(job: TrainingJob, runtime: str) -> None:
    """Raise ConfigError, with the way to have it all the same."""
    refuse_what_needs_a_cluster(job)
    there = f"in the pod template of the ClusterTrainingRuntime {runtime}"
    if job.pod["priority_class"]:
        raise ConfigError(
            f"pod.priority_class is {job.pod['priority_class']}, but a TrainJob cannot say it. Set "
            f"priorityClassName {there}, or with Kueue the label kueue.x-k8s.io/priority-class in "
            "pod.labels"
        )
    if "ttl_seconds_after_finished" in job.asked:
        raise ConfigError(
            "pod.ttl_seconds_after_finished has no effect on several pods: the step deletes its "
            "TrainJob when it ends, and the log stays in the workspace. Remove it"
        )
    if "activeDeadlineSeconds" in job.pod["more"]:
        raise ConfigError(
            "pod.more.activeDeadlineSeconds cannot be set for a TrainJob, where time in a queue "
            "would count. Set train.timeout_minutes"
        )
    if strange := sorted(set(job.pod["more"]) - set(PATCHABLE)):
        raise ConfigError(
            f"pod.more.{strange[0]} cannot be set for a TrainJob, which takes "
            f"{', '.join(PATCHABLE)}. Set it {there}"
        )

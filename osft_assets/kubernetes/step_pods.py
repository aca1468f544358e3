"""Which pod a step asks for: from its own config, however its run was launched.

The launchpad, a job, a schedule and an automation condition all end in the same resolved config.
"""

from typing import Any

from dagster._core.execution.context.system import IStepContext
from dagster._core.system_config.objects import ResolvedRunConfig
from pydantic import ValidationError

from osft_assets.core.errors import ConfigError
from osft_assets.core.recipes.base import explain
from osft_assets.core.recipes.pod import (
    EvaluationPodRecipe,
    PodRecipe,
    SftPodRecipe,
    StepPodRecipe,
)

# Kueue would hold the step back as a job of its own, which takes of the quota its TrainJob needs.
_QUEUES = "kueue.x-k8s.io/"


def pod_of(step: IStepContext) -> StepPodRecipe | None:
    """The settings of its pod; None for a step that has none, which is a light one."""
    config = op_config(step)
    if not isinstance(config, dict) or not isinstance(config.get("pod"), dict):
        return None
    settings = config["pod"]
    # Every value is given, so the defaults of the algorithms do not matter.
    kind = SftPodRecipe if "workers" in settings else EvaluationPodRecipe
    try:
        return kind.model_validate(settings)
    except ValidationError as problem:
        raise ConfigError(explain(problem, kind, f"{step.step.key}: config.pod")) from None


def following_pod(asked: PodRecipe) -> StepPodRecipe:
    """The pod of a step that only follows a TrainJob, whose pods have what was asked for.

    The image is the same, or the step could not say which trainers it has. Its account is the
    deployment's: that of the pods need not be allowed to make TrainJobs.
    """
    labels = {name: value for name, value in asked.labels.items() if not name.startswith(_QUEUES)}
    return StepPodRecipe(
        gpu=0,
        cpu="500m",
        memory="2Gi",
        shm="0",
        image=asked.image,
        labels=labels,
        pull_secret=asked.pull_secret,
        volumes=asked.volumes,
        start_timeout_minutes=asked.start_timeout_minutes,
        ttl_seconds_after_finished=asked.ttl_seconds_after_finished,
    )


def op_config(step: IStepContext) -> Any:
    """What the step was given, with every default."""
    job = step.job.get_definition()
    known = ResolvedRunConfig.build(job, step.dagster_run.run_config)
    found = known.ops.get(str(step.node_handle))
    return found.config if found else None

"""Holds a TrainJob against the types that Kubeflow Trainer publishes, before any cluster sees it.

What the settings `pod.tolerations` and `pod.more` hold comes from people. A wrong type would be
refused by the API in words of Go; a wrong name would vanish.
"""

from osft_assets.core.errors import ConfigError
from osft_assets.core.pods.findings import Json
from osft_assets.core.train_jobs.dialects import lost_fields

_POD = "replicatedJobs[0].template.spec.template.spec."


def refuse_wrong_types(body: Json) -> None:
    """Raise ConfigError for names and types that a TrainJob does not have."""
    from kubeflow_trainer_api.models import TrainerV1alpha1TrainJob
    from pydantic import ValidationError

    try:
        kept = TrainerV1alpha1TrainJob.from_dict(body).to_dict()
    except ValidationError as problem:
        first = problem.errors()[0]
        place = ".".join([problem.title, *map(str, first["loc"])])
        raise ConfigError(
            f"A TrainJob cannot have this: {place}: {first['msg']}. Correct pod.more or "
            "pod.tolerations"
        ) from None
    if lost := next(lost_fields(body, kept), ""):
        raise ConfigError(
            f"A TrainJob's pods have no field {lost.rpartition(_POD)[2]}. Correct pod.more or "
            "pod.tolerations"
        )

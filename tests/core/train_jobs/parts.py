"""A training as a TrainJob, asked for with these settings of its pods."""

from pathlib import Path
from typing import Any

from osft_assets.core.pods.findings import Json
from osft_assets.core.recipes.pod import PodRecipe
from osft_assets.core.train_jobs.files import Mount
from osft_assets.core.train_jobs.place import TrainJobPlace
from osft_assets.core.train_jobs.request import TrainJobRequest
from osft_assets.core.training_job import TrainingJob
from tests.core.training_parts import BASE

PLACE = TrainJobPlace(always=False, in_pod=True, image="trainer:1", namespace="team")
DIRECTORY = Path("/workspace/train_jobs/name")


def job(pod: PodRecipe | None = None, **values: Any) -> TrainingJob:
    pod = pod or PodRecipe(workers=2)
    told: dict[str, Any] = {
        "algorithm": "osft",
        "directory": str(DIRECTORY),
        "rows_directory": str(DIRECTORY / "rows"),
        "model": BASE.model_copy(update={"path": "/workspace/models/tiny"}),
        "train_path": "/workspace/rows/train.jsonl",
        "train_rows": 8,
        "holdout_path": "/workspace/rows/holdout.jsonl",
        "holdout_rows": 2,
        "kind": "messages",
        "recipe": {"stall_timeout_minutes": 0.0, "timeout_minutes": 0.0},
        "gpu": pod.gpu,
        "workers": pod.workers,
        "num_procs": pod.num_procs,
        "env_vars": pod.env_vars,
        "is_spread": True,
        "run_id": "0123abcd-4567-89ab-cdef-0123456789ab",
        "pipeline": "lessons",
        "fingerprint": "feed" * 8,
        "pod": pod.model_dump(),
    }
    return TrainingJob(**told | values)


def body(pod: PodRecipe | None = None, place: TrainJobPlace = PLACE) -> Json:
    """What is asked for, with the workspace and the claims of the settings mounted."""
    asked = job(pod)
    mounts = [Mount("osft-workspace", Path("/workspace"), "home")]
    mounts += [Mount(claim, Path(path)) for claim, path in asked.pod["volumes"].items()]
    return TrainJobRequest("osft-lessons-1", asked, place, mounts, DIRECTORY).body()

"""What an evaluation is asked, and what it answers: two JSON files in its directory.

The worker (`resources.evaluation_worker`) reads the one and writes the other last of all. What it
found for each task is a directory of its own, which `core.scores` reads.
"""

from typing import Any

from pydantic import Field

from osft_assets.core.recipes.pod import EvaluationPodRecipe
from osft_assets.core.records import Record
from osft_assets.core.rows import RowKind
from osft_assets.core.scores import TaskKind


class RowsToScore(Record):
    """A file of rows that the model is asked about, and the task's name for it."""

    name: str
    kind: TaskKind
    row_kind: RowKind
    path: str
    sha256: str
    rows: int


class EvaluationPod(Record):
    """What the evaluation's pod was asked for. `asked`: settings that somebody set on purpose."""

    gpu: int = 0
    env_vars: dict[str, str] = Field(default_factory=dict)
    asked: tuple[str, ...] = ()


class EvaluationJob(Record):
    """Everything the worker needs. `model_fingerprint` is of the files at `model_path`.

    `gpus_needed`: a pod was given so many, and without any it is better to fail.
    """

    directory: str
    workspace: str
    scores_path: str  # where the directories of finished tasks are, of this model alone
    model_path: str
    model_fingerprint: str
    recipe: dict[str, Any]
    rows: tuple[RowsToScore, ...]
    pod: EvaluationPod = EvaluationPod()
    gpus_needed: int = 0


class EvaluationOutcome(Record):
    """What came of it. `directories`: task name -> its directory, in the order asked."""

    directories: dict[str, str]
    reused: tuple[str, ...]
    backend: str
    device: str
    versions: dict[str, str]
    notes: tuple[str, ...] = ()
    seconds: float = 0.0


def evaluation_pod(pod: EvaluationPodRecipe, of_pipeline: EvaluationPodRecipe) -> EvaluationPod:
    """What of the pod matters to an evaluation; what is in the pipeline's file was set on purpose.

    How many GPUs was not: without pods `evaluate.device` says where the model runs.
    """
    defaults = EvaluationPodRecipe()
    asked = tuple(
        name
        for name in EvaluationPodRecipe.model_fields
        if name in of_pipeline.model_fields_set or getattr(pod, name) != getattr(defaults, name)
    )
    return EvaluationPod(
        gpu=pod.gpu, env_vars=pod.env_vars, asked=tuple(name for name in asked if name != "gpu")
    )

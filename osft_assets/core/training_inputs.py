"""What one training is made of, and the identity that follows from it."""

import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from osft_assets.core import lineage
from osft_assets.core.model_records import ModelRecord
from osft_assets.core.recipes.pod import PodRecipe
from osft_assets.core.recipes.training import NOT_IDENTITY, TrainingRecipe
from osft_assets.core.records import DatasetSplit
from osft_assets.core.training_job import TrainingJob

# Raise it when a change to how we train gives another model for the same recipe.
CODE_VERSION = "2"
_Algorithm = Literal["osft", "sft"]


@dataclass(frozen=True)
class TrainingInputs:
    """`asked`: the settings that somebody set on purpose, which must be had or refused."""

    recipe: TrainingRecipe
    pod: PodRecipe
    asked: tuple[str, ...]
    base_model: ModelRecord
    train: DatasetSplit
    holdout: DatasetSplit
    run_id: str = ""

    def fingerprint(self, algorithm: _Algorithm, versions: Mapping[str, str]) -> str:
        """The same inputs make the same checkpoint; pod, logging and tracking do not matter."""
        holdout = self.holdout.sha256 if self.recipe.validation_frequency else ""
        return lineage.fingerprint(
            {
                "code": CODE_VERSION,
                "algorithm": algorithm,
                "base_model": self.base_model.fingerprint,
                "train": self.train.sha256,
                "kind": self.train.kind,
                "holdout": holdout,
                "recipe": self.recipe.model_dump(exclude=set(NOT_IDENTITY)),
                "versions": dict(versions),
            }
        )

    def job(self, algorithm: _Algorithm, directory: Path) -> TrainingJob:
        """The same, as the worker reads it."""
        rows = self.recipe.data_output_dir
        return TrainingJob(
            algorithm=algorithm,
            directory=str(directory),
            rows_directory=str(Path(rows) / uuid.uuid4().hex if rows else directory / "rows"),
            model=self.base_model,
            train_path=self.train.path,
            train_rows=self.train.rows,
            holdout_path=self.holdout.path,
            holdout_rows=self.holdout.rows,
            kind=self.train.kind,
            recipe=self.recipe.model_dump(),
            gpu=self.pod.gpu,
            workers=self.pod.workers,
            num_procs=self.pod.num_procs,
            env_vars=self.pod.env_vars,
            asked=self.asked,
            run_id=self.run_id,
            pod=self.pod.model_dump(),
        )


def asked_settings(
    pod: PodRecipe, train: TrainingRecipe, pipeline_pod: PodRecipe, pipeline_train: TrainingRecipe
) -> tuple[str, ...]:
    """What somebody set: named in the pipeline's file, or other than the default at launch."""
    defaults = type(pod)()
    pod_settings = [
        name
        for name in type(pod).model_fields
        if name in pipeline_pod.model_fields_set or getattr(pod, name) != getattr(defaults, name)
    ]
    changed = train.use_liger != type(train)().use_liger
    liger = ["use_liger"] if changed or "use_liger" in pipeline_train.model_fields_set else []
    return (*pod_settings, *liger)

"""One pipeline, as its YAML file says it: a name, an algorithm, and a recipe for each stage."""

import re
from typing import Any, Literal

from pydantic import Field, field_validator, model_validator

from osft_assets.core.recipes.base import Recipe, knob
from osft_assets.core.recipes.dataset import DatasetRecipe
from osft_assets.core.recipes.training import OsftRecipe, SftRecipe, TrainingRecipe
from osft_assets.core.rows import RowKind

_NAME = re.compile(r"[a-z][a-z0-9_]{0,62}")


class PipelineRecipe(Recipe):
    """What `build_pipeline` builds from. `defined_in` is the file that error messages name."""

    name: str = knob("", "Key prefix and group of the assets, and directory in the workspace.")
    algorithm: Literal["osft", "sft"] = knob("osft", "How the model is trained.")
    dataset: DatasetRecipe = Field(default_factory=DatasetRecipe)
    train: OsftRecipe | SftRecipe = Field(default_factory=OsftRecipe)
    defined_in: str = knob("", "The YAML file.")

    @field_validator("name")
    @classmethod
    def _name_is_fit_for_keys_and_paths(cls, value: str) -> str:
        if not _NAME.fullmatch(value):
            raise ValueError("expected lower-case letters, digits and '_', beginning with a letter")
        return value

    @model_validator(mode="before")
    @classmethod
    def _train_has_the_knobs_of_its_algorithm(cls, values: dict[str, Any]) -> dict[str, Any]:
        kind = training_recipe(values.get("algorithm", "osft"))
        train = values.get("train") or kind()
        if isinstance(train, TrainingRecipe) and not isinstance(train, kind):
            raise ValueError(  # noqa: TRY004 - for pydantic
                f"train is a {type(train).__name__}, expected a {kind.__name__}"
            )
        return {**values, "train": train if isinstance(train, kind) else kind(**train)}

    @property
    def row_kind(self) -> RowKind:
        """What training will be able to read."""
        if self.train.use_processed_dataset:
            return "tokens"
        return "documents" if self.train.is_pretraining else "messages"


def training_recipe(algorithm: str) -> type[OsftRecipe] | type[SftRecipe]:
    """The class that holds an algorithm's knobs."""
    return SftRecipe if algorithm == "sft" else OsftRecipe

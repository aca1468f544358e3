"""One pipeline, as its YAML file says it: a name, an algorithm, and a recipe for each stage."""

from typing import Annotated, Any, Literal

from pydantic import Field, model_validator

from osft_assets.core.recipes.base import Recipe, knob, matching
from osft_assets.core.recipes.dataset import DatasetRecipe
from osft_assets.core.recipes.osft import OsftRecipe
from osft_assets.core.recipes.sft import SftRecipe
from osft_assets.core.recipes.training import TrainingRecipe
from osft_assets.core.rows import RowKind

# Fit for asset keys and for paths.
_Name = Annotated[
    str,
    matching(
        r"[a-z][a-z0-9_]{0,62}", "lower-case letters, digits and '_', beginning with a letter"
    ),
]


class PipelineRecipe(Recipe):
    """What `build_pipeline` builds from. `defined_in` is the file that error messages name."""

    name: _Name = knob("", "Key prefix and group of the assets, and directory in the workspace.")
    algorithm: Literal["osft", "sft"] = knob("osft", "How the model is trained.")
    dataset: DatasetRecipe = Field(default_factory=DatasetRecipe)
    train: OsftRecipe | SftRecipe = Field(default_factory=OsftRecipe)
    defined_in: str = knob("", "The YAML file.")

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

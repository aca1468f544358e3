"""FineTunePipeline: one YAML document, one pipeline.

Only the way in: the attributes are checked by the recipes and built by `build_pipeline`.
"""

from pathlib import Path
from typing import Any, Literal, TypeVar

import dagster as dg
from pydantic import BaseModel, Field, ValidationError

from osft_assets.core.errors import ConfigError
from osft_assets.core.recipes.base import explain
from osft_assets.core.recipes.dataset import DatasetRecipe
from osft_assets.core.recipes.pipeline import PipelineRecipe, training_recipe
from osft_assets.pipeline import build_pipeline


class FineTunePipeline(dg.Component, dg.Resolvable, dg.Model):
    """A pipeline that keeps a language model current: dataset, training, evaluation, registry."""

    name: str = Field(description="Key prefix and group of the assets; directory in the workspace.")
    algorithm: Literal["osft", "sft"] = Field("osft", description="How the model is trained.")
    dataset: dict[str, Any] = Field({}, description="Where the rows come from: see DatasetRecipe.")
    train: dict[str, Any] = Field({}, description="How to train: see OsftRecipe and SftRecipe.")

    def build_defs(self, context: dg.ComponentLoadContext) -> dg.Definitions:
        """The pipeline's definitions; a wrong value is refused with the file and the key."""
        place = _shown_path(context)
        dataset = _recipe(DatasetRecipe, self.dataset, f"{place}: attributes.dataset")
        train = _recipe(training_recipe(self.algorithm), self.train, f"{place}: attributes.train")
        attributes = {"name": self.name, "algorithm": self.algorithm, "defined_in": place}
        pipeline = _recipe(
            PipelineRecipe,
            {**attributes, "dataset": dataset, "train": train},
            f"{place}: attributes",
        )
        return build_pipeline(pipeline)


_RecipeT = TypeVar("_RecipeT", bound=BaseModel)


def _recipe(kind: type[_RecipeT], values: dict[str, Any], place: str) -> _RecipeT:
    try:
        return kind.model_validate(values)
    except ValidationError as problem:
        raise ConfigError(explain(problem, kind, place)) from None


def _shown_path(context: dg.ComponentLoadContext) -> str:
    path = Path(context.path)
    file = path / "defs.yaml" if path.is_dir() else path
    root = Path(context.project_root)
    return str(file.relative_to(root) if file.is_relative_to(root) else file)

"""FineTunePipeline: one YAML document, one pipeline.

Only the way in: the attributes are checked by the recipes and built by `build_pipeline`.
"""

from functools import cache
from pathlib import Path
from typing import Any, Literal, Self, TypeVar

import dagster as dg
from pydantic import (
    BaseModel,
    Field,
    ModelWrapValidatorHandler,
    ValidationError,
    create_model,
    model_validator,
)
from pydantic_core import InitErrorDetails

from osft_assets.core.errors import ConfigError
from osft_assets.core.recipes.automation import (
    FreshnessRecipe,
    NewDataRecipe,
    RetryRecipe,
    ScheduleRecipe,
)
from osft_assets.core.recipes.base import explain
from osft_assets.core.recipes.base_model import BaseModelRecipe
from osft_assets.core.recipes.dataset import DatasetRecipe
from osft_assets.core.recipes.evaluation import EvaluationRecipe
from osft_assets.core.recipes.gate import GateRecipe
from osft_assets.core.recipes.pipeline import PipelineRecipe, pod_recipe, training_recipe
from osft_assets.core.recipes.registry import RegistryRecipe
from osft_assets.pipeline import build_pipeline


class _ValuesHidden(BaseModel):
    """A model whose errors repeat no value: it may be a password.

    Dagster shows the input of every error, whatever hide_input_in_errors says.
    """

    @model_validator(mode="wrap")
    @classmethod
    def _hide_values(cls, value: Any, check: ModelWrapValidatorHandler[Self]) -> Self:
        try:
            return check(value)
        except ValidationError as problem:
            lines = _without_values(problem, ", ".join(sorted(cls.model_fields)))
            raise ValidationError.from_exception_data(problem.title, lines) from None


# What may be of several kinds, whose errors pydantic tells one by one.
_EXPECTED = {
    "base_model": "expected the name of a model, or settings of base_model",
    "registry": "expected 'skip', or settings of registry such as address and reg_name",
    "schedule": "expected a cron string such as '0 3 * * 1', or cron and timezone",
    "retrain_on_new_data": "expected true, false, or every_minutes: N",
}


def _without_values(problem: ValidationError, known: str) -> list[InitErrorDetails]:
    """Its lines, of which Dagster adds the place in the file to those of a type it knows."""
    lines = {}
    for line in problem.errors():
        kind, loc, details = line["type"], line["loc"], line.get("ctx", {})
        if sentence := _sentence(kind, str(loc[0]) if loc else "", known):
            kind, loc, details = "value_error", loc[:1], {"error": ValueError(sentence)}
        found = InitErrorDetails(type=kind, loc=loc, ctx=details, input="(not shown)")
        lines[loc, kind] = found
    return list(lines.values())


def _sentence(kind: str, setting: str, known: str) -> str:
    """Ours, where it says more than pydantic's."""
    if kind == "extra_forbidden":
        return f"there is no such setting. Known ones: {known}"
    return _EXPECTED.get(setting, "")


@cache
def _with_values_hidden(model: type[BaseModel]) -> type[BaseModel]:
    return create_model(model.__name__, __base__=(_ValuesHidden, model))


class FineTunePipeline(_ValuesHidden, dg.Component, dg.Resolvable, dg.Model):
    """A pipeline that keeps a language model current: dataset, training, evaluation, registry."""

    name: str = Field(description="Key prefix and group of the assets; directory in the workspace.")
    algorithm: Literal["osft", "sft"] = Field("osft", description="How the model is trained.")
    dataset: dict[str, Any] = Field({}, description="Where the rows come from: see DatasetRecipe.")
    base_model: str | dict[str, Any] = Field(
        {}, description="The model to start from, or its settings: see BaseModelRecipe."
    )
    start_from: str = Field("", description="Another pipeline, whose checkpoint to train on.")
    train: dict[str, Any] = Field({}, description="How to train: see OsftRecipe and SftRecipe.")
    pod: dict[str, Any] = Field({}, description="GPUs and processes: see PodRecipe.")
    evaluate: dict[str, Any] = Field(
        {}, description="What the model is asked: see EvaluationRecipe."
    )
    gate: dict[str, Any] = Field({}, description="When it is good enough: see GateRecipe.")
    registry: Literal["skip"] | dict[str, Any] = Field(
        {}, description="Where it is registered: see RegistryRecipe. `skip` registers nothing."
    )
    owners: list[str] = Field([], description="team:NAME or an e-mail address, for every asset.")
    tags: dict[str, str] = Field({}, description="Tags of every asset, to find them by.")

    schedule: str | dict[str, Any] = Field(
        {}, description="When it runs: a cron string, or its settings: see ScheduleRecipe."
    )
    retrain_on_new_data: bool | dict[str, Any] = Field(
        False, description="Whether new data is trained on: true, or see NewDataRecipe."
    )
    freshness: dict[str, Any] = Field({}, description="How old it may get: see FreshnessRecipe.")
    retry: dict[str, Any] = Field({}, description="How steps try again: see RetryRecipe.")

    @classmethod
    def model(cls) -> type[BaseModel]:
        """What the YAML is checked against."""
        return _with_values_hidden(super().model())

    @classmethod
    def load(cls, attributes: BaseModel | None, context: dg.ComponentLoadContext) -> Self:
        """The component; a wrong value is refused with the file and the key."""
        try:
            return super().load(attributes, context)
        except ValidationError as problem:
            place = f"{_shown_path(context)}: attributes"
            raise ConfigError(explain(problem, cls, place)) from None

    def build_defs(self, context: dg.ComponentLoadContext) -> dg.Definitions:
        """The pipeline's definitions; a wrong value is refused with the file and the key."""
        return build_pipeline(self.recipe(_shown_path(context)))

    def recipe(self, place: str) -> PipelineRecipe:
        """Every setting, checked; `place` is what errors name."""
        base = {"base_model": self.base_model} if self.base_model else {}
        base_model = base if isinstance(self.base_model, str) else self.base_model
        registry = {"skip": True} if isinstance(self.registry, str) else self.registry
        sections: dict[str, tuple[type[BaseModel], dict[str, Any]]] = {
            "dataset": (DatasetRecipe, self.dataset),
            "base_model": (BaseModelRecipe, base_model),
            "train": (training_recipe(self.algorithm), self.train),
            "pod": (pod_recipe(self.algorithm), self.pod),
            "evaluate": (EvaluationRecipe, self.evaluate),
            "gate": (GateRecipe, self.gate),
            "registry": (RegistryRecipe, registry),
            "schedule": (ScheduleRecipe, _or_settings("cron", self.schedule)),
            "retrain_on_new_data": (NewDataRecipe, _switched(self.retrain_on_new_data)),
            "freshness": (FreshnessRecipe, self.freshness),
            "retry": (RetryRecipe, self.retry),
        }
        recipes = {
            section: _recipe(kind, values, f"{place}: attributes.{section}")
            for section, (kind, values) in sections.items()
        }
        attributes = {
            "name": self.name,
            "algorithm": self.algorithm,
            "start_from": self.start_from,
            "owners": self.owners,
            "tags": self.tags,
            "defined_in": place,
        }
        return _recipe(PipelineRecipe, attributes | recipes, f"{place}: attributes")


def _or_settings(name: str, value: str | dict[str, Any]) -> dict[str, Any]:
    """A value alone is that of the setting `name`."""
    return {name: value} if isinstance(value, str) else value


def _switched(value: bool | dict[str, Any]) -> dict[str, Any]:
    """Whoever writes how often wants it."""
    return {"enabled": value} if isinstance(value, bool) else {"enabled": True, **value}


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

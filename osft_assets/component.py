"""FineTunePipeline: one YAML document, one pipeline.

Only the way in: what may stand there, `core.recipes` says, and `core.attributes_schema` tells it
to tools such as `dg check yaml`. It is checked once templates are evaluated, and built by
`build_pipeline`.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Self, TypeVar

import dagster as dg
from dagster_shared.yaml_utils.source_position import SourcePositionTree
from pydantic import BaseModel, ConfigDict, GetJsonSchemaHandler, ValidationError
from pydantic.json_schema import JsonSchemaValue
from pydantic_core import CoreSchema

from osft_assets.core.attributes_schema import attributes_schema, known_attributes, section_recipes
from osft_assets.core.errors import ConfigError
from osft_assets.core.recipes.base import Recipe, explain_each
from osft_assets.core.recipes.pipeline import PipelineRecipe
from osft_assets.core.recipes.shorthand import spelled_out
from osft_assets.pipeline import build_pipeline

_RecipeT = TypeVar("_RecipeT", bound=Recipe)
_TEMPLATE_MARKS = ("{{", "{%")


class _Written(BaseModel):
    """What stands below `attributes`, unchecked: it may hold templates."""

    model_config = ConfigDict(extra="allow")

    @classmethod
    def __get_pydantic_json_schema__(
        cls, core_schema: CoreSchema, handler: GetJsonSchemaHandler
    ) -> JsonSchemaValue:
        return attributes_schema()


class FineTunePipeline(dg.Component, dg.Resolvable):
    """A pipeline that keeps a language model current: dataset, training, evaluation, registry."""

    def __init__(
        self, attributes: Mapping[str, Any], source: SourcePositionTree | None = None
    ) -> None:
        self._attributes, self._source = attributes, source

    @classmethod
    def model(cls) -> type[BaseModel]:
        """What tools check the YAML against."""
        return _Written

    @classmethod
    def load(cls, attributes: BaseModel | None, context: dg.ComponentLoadContext) -> Self:
        """The component, also of a file without attributes: what is missing is told then."""
        return super().load(attributes or _Written(), context)

    @classmethod
    def resolve_from_model(cls, context: dg.ResolutionContext, model: BaseModel) -> Self:
        """The component, with every template evaluated."""
        return cls(_evaluated(model.model_extra or {}, context), context.source_position_tree)

    def build_defs(self, context: dg.ComponentLoadContext) -> dg.Definitions:
        """The pipeline's definitions; a wrong value is refused with its place in the file."""
        return build_pipeline(self.recipe(_shown_path(context)))

    def recipe(self, file: str) -> PipelineRecipe:
        """The attributes, checked; errors name `file`."""
        return _Reader(file, self._source).read(self._attributes)


class _Reader:
    """Makes a recipe of attributes, and says where in the file a wrong one stands."""

    def __init__(self, file: str, source: SourcePositionTree | None) -> None:
        self._file, self._source = file, source

    def read(self, attributes: Mapping[str, Any]) -> PipelineRecipe:
        self._refuse_unknown(attributes)
        kinds = section_recipes(str(attributes.get("algorithm", "osft")))
        sections = {
            name: self._section(name, kind, attributes[name])
            for name, kind in kinds.items()
            if name in attributes
        }
        return self._recipe(PipelineRecipe, {**attributes, **sections, "defined_in": self._file})

    def _refuse_unknown(self, attributes: Mapping[str, Any]) -> None:
        known = known_attributes()
        lines = [
            f"{self._place((name,))}: there is no such setting. Known ones: "
            f"{', '.join(sorted(known))}."
            for name in attributes
            if name not in known
        ]
        if "name" not in attributes:
            lines.append(f"{self._place(('name',))}: it is missing. Give the pipeline a name.")
        if lines:
            raise ConfigError("\n".join(lines))

    def _section(self, name: str, kind: type[_RecipeT], value: object) -> _RecipeT:
        try:
            settings = spelled_out(kind, kind.shorthand, value)
        except ConfigError as problem:
            raise ConfigError(f"{self._place((name,))}: {problem}.") from None
        return self._recipe(kind, settings, name)

    def _recipe(self, kind: type[_RecipeT], values: Mapping[str, Any], *above: str) -> _RecipeT:
        try:
            return kind.model_validate(values)
        except ValidationError as problem:
            told = explain_each(problem, kind)
        raise ConfigError("\n".join(f"{self._place((*above, *loc))}: {text}" for loc, text in told))

    def _place(self, loc: tuple[int | str, ...]) -> str:
        """Such as `defs/weekly/defs.yaml:7:5: attributes.train.num_epochs`."""
        key = ".".join(map(str, ("attributes", *loc)))
        if self._source is None:
            return f"{self._file}: {key}"
        position, _ = self._source.lookup_closest_and_path(["attributes", *loc], None)
        return f"{self._file}:{position.start.line}:{position.start.col}: {key}"


def _evaluated(value: Any, context: dg.ResolutionContext) -> Any:
    """With templates evaluated. Dagster does it to all text, and makes the number 1.1 of "1.10"."""
    if isinstance(value, Mapping):
        return {key: _evaluated(one, context.at_path(key)) for key, one in value.items()}
    if isinstance(value, list):
        return [_evaluated(one, context.at_path(index)) for index, one in enumerate(value)]
    is_template = isinstance(value, str) and any(mark in value for mark in _TEMPLATE_MARKS)
    return context.resolve_value(value) if is_template else value


def _shown_path(context: dg.ComponentLoadContext) -> str:
    path = Path(context.path)
    file = path / "defs.yaml" if path.is_dir() else path
    root = Path(context.project_root)
    return str(file.relative_to(root) if file.is_relative_to(root) else file)

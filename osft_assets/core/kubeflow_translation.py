"""What the parameters of a Kubeflow run set here, and what of them is not as it was.

Whether their names exist is checked before, by `core.kubeflow_file`.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from pydantic import BaseModel, ValidationError

from osft_assets.core.errors import ConfigError
from osft_assets.core.flat_config import Sections
from osft_assets.core.old_meanings import CHANGED, GONE
from osft_assets.core.old_parameters import (
    COMPONENT_PARAMETERS,
    PIPELINE_PARAMETERS,
    OldParameter,
)
from osft_assets.core.old_values import NAMES_A_VARIABLE, read_value
from osft_assets.core.recipes.base import explain
from osft_assets.core.recipes.pipeline import PipelineRecipe

_BACKENDS = ("mini-trainer", "instructlab-training")
_KNOWN = {
    each.name: each
    for table in (*PIPELINE_PARAMETERS.values(), COMPONENT_PARAMETERS)
    for each in table
}


@dataclass(frozen=True)
class Translation:
    """`settings` by section. `changed`, `dropped`: sentences about what is not as it was."""

    settings: Sections
    changed: tuple[str, ...]
    dropped: tuple[str, ...]


@dataclass(frozen=True)
class _Taken:
    """An old parameter that sets something."""

    old: OldParameter
    value: Any


def translate(parameters: Mapping[str, Any], algorithm: str) -> Translation:
    """What they set of a pipeline with this algorithm; ConfigError names all that is wrong."""
    recipes = _recipes(algorithm)
    dropped, taken = [], []
    for name, value in parameters.items():
        if reason := _reason_to_drop(name, value, algorithm, recipes):
            dropped.append(f"{name}: {reason}")
        elif name in _KNOWN and not _left_to_the_default(_KNOWN[name], value):
            taken.append(_Taken(_KNOWN[name], value))
    changed = [f"{each.old.name}: {CHANGED[each.old.place]}" for each in taken if _means_else(each)]
    settings = _settings(taken, recipes)
    if settings.get("train", {}).get("use_processed_dataset"):
        settings.setdefault("dataset", {})["row_kind"] = "tokens"  # which that stage prepares
    return Translation(settings, tuple(changed), tuple(dropped))


def _recipes(algorithm: str) -> dict[str, type[BaseModel]]:
    blank = PipelineRecipe.model_validate({"name": algorithm, "algorithm": algorithm})
    sections = {old.section for old in _KNOWN.values()}
    return {section: type(getattr(blank, section)) for section in sections}


def _reason_to_drop(
    name: str, value: Any, algorithm: str, recipes: Mapping[str, type[BaseModel]]
) -> str:
    if name not in _KNOWN:
        return GONE[name]
    old = _KNOWN[name]
    field = recipes[old.section].model_fields.get(old.field)
    if field is None:
        return f"{algorithm} has no such setting; the old component ignored it."
    if old.field == "backend" and value in _BACKENDS and value != field.default:
        return f"the algorithm decides, and {algorithm} trains on {field.default}."
    return ""


def _left_to_the_default(old: OldParameter, value: Any) -> bool:
    return value is None or (old.field == NAMES_A_VARIABLE and value == "")


def _means_else(taken: _Taken) -> bool:
    return taken.old.place in CHANGED


def _settings(taken: list[_Taken], recipes: Mapping[str, type[BaseModel]]) -> Sections:
    """In their types, by section."""
    problems = _said_twice(taken)
    found: Sections = {}
    for each in taken:
        old = each.old
        try:
            read = read_value(old.field, recipes[old.section].model_fields[old.field], each.value)
        except ValueError as problem:
            problems.append(f"{old.name}: {problem}.")
        else:
            found.setdefault(old.section, {})[old.field] = read
    for section, values in found.items():
        called = {each.old.field: each.old.name for each in taken if each.old.section == section}
        try:
            recipe = recipes[section].model_validate(values)
        except ValidationError as problem:
            problems.append(explain(problem, recipes[section], section, called))
        else:
            found[section] = {name: getattr(recipe, name) for name in values}
    if problems:
        raise ConfigError("\n".join(problems))
    return found


def _said_twice(taken: list[_Taken]) -> list[str]:
    """A pipeline's and a component's name of the same setting."""
    places = [each.old.place for each in taken]
    return [
        f"{each.old.name} sets {each.old.place}, as another parameter does. Remove one of them."
        for number, each in enumerate(taken)
        if each.old.place in places[:number]
    ]

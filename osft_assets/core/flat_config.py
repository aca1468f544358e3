"""From the flat names of a Kubeflow pipeline to what they change of a pipeline's file.

Which names there are is `core.old_parameters`, how their values are read `core.old_values`. Dagster
sees the result through `osft_assets.parameters`.
"""

from collections.abc import Mapping
from typing import Any

from pydantic import ValidationError

from osft_assets.core.errors import ConfigError
from osft_assets.core.old_parameters import PIPELINE_PARAMETERS, OldParameter
from osft_assets.core.old_values import NAMES_A_VARIABLE, read_value
from osft_assets.core.recipes.base import Recipe, explain
from osft_assets.core.recipes.pipeline import PipelineRecipe
from osft_assets.core.registry_entry import model_name

Sections = dict[str, dict[str, Any]]

SECTIONS = (
    *("dataset", "base_model", "train", "pod", "evaluate", "evaluation_pod", "gate", "registry"),
)
# The dataset stage reads them in the file, to know what a row is.
_ONLY_IN_THE_FILE = {"train": ("is_pretraining", "document_column_name")}


def takes_flat_names(pipeline: PipelineRecipe) -> bool:
    """Whether it is the successor of a Kubeflow pipeline: `osft` or `sft`, by its algorithm too."""
    return pipeline.name == pipeline.algorithm


def flat_parameters(pipeline: PipelineRecipe) -> tuple[OldParameter, ...]:
    """The names that a run of it takes; without the base model where it starts from another."""
    sections = sections_of(pipeline)
    found = PIPELINE_PARAMETERS[pipeline.algorithm]
    return tuple(each for each in found if each.section in sections)


def sections_of(pipeline: PipelineRecipe) -> tuple[str, ...]:
    """What of the pipeline's file can be another for one run."""
    starts_elsewhere = bool(pipeline.start_from) or pipeline.starts_from_champion
    return tuple(name for name in SECTIONS if not (starts_elsewhere and name == "base_model"))


def without_flat_name(pipeline: PipelineRecipe, section: str) -> tuple[str, ...]:
    """The settings of a section that the Kubeflow pipeline did not have."""
    flat = {each.field for each in flat_parameters(pipeline) if each.section == section}
    hidden = {*flat, *_ONLY_IN_THE_FILE.get(section, ())}
    return tuple(
        name for name in type(_recipe(pipeline, section)).model_fields if name not in hidden
    )


def flat_default(pipeline: PipelineRecipe, parameter: OldParameter) -> Any:
    """What the pipeline's file says; the model's name is shown as it will be."""
    if parameter.place == "registry.reg_name":
        return model_name(pipeline.name, pipeline.registry)
    return getattr(_recipe(pipeline, parameter.section), parameter.field)


def changed_settings(pipeline: PipelineRecipe, given: Mapping[str, Any]) -> Sections:
    """What `given` changes of the pipeline's file, checked; ConfigError uses the names given.

    Beside flat names it may hold sections, with settings that have no flat name.
    """
    asked = _asked(pipeline, given)
    called: dict[str, dict[str, str]] = {name: {} for name in SECTIONS}
    for each in flat_parameters(pipeline):
        called[each.section][each.field] = each.name
    problems: list[str] = []
    checked: dict[str, Recipe] = {}
    for section, values in asked.items():
        recipe = _recipe(pipeline, section)
        try:
            checked[section] = type(recipe).model_validate(recipe.model_dump() | values)
        except ValidationError as problem:
            problems.append(explain(problem, type(recipe), section, called[section]))
    if problems:
        raise ConfigError("\n".join(problems))
    return _with_row_kind(
        pipeline, pipeline.model_copy(update=checked), _changes(pipeline, checked)
    )


def _asked(pipeline: PipelineRecipe, given: Mapping[str, Any]) -> Sections:
    """What differs from what was shown, read, by section."""
    asked = {name: dict(given[name]) for name in SECTIONS if given.get(name)}
    problems = []
    for each in flat_parameters(pipeline):
        default = flat_default(pipeline, each)
        value = given.get(each.name, default)
        no_token = each.field == NAMES_A_VARIABLE and value == ""
        if no_token or (value == default and type(value) is type(default)):
            continue
        field = type(_recipe(pipeline, each.section)).model_fields[each.field]
        try:
            read = read_value(each.field, field, value)
        except ValueError as problem:
            problems.append(f"{each.name}: {problem}.")
        else:
            asked.setdefault(each.section, {})[each.field] = read
    if problems:
        raise ConfigError("\n".join(problems))
    return asked


def _changes(pipeline: PipelineRecipe, checked: Mapping[str, Recipe]) -> Sections:
    changes: Sections = {}
    for section, recipe in checked.items():
        before, after = _recipe(pipeline, section).model_dump(), recipe.model_dump()
        changed = {name: value for name, value in after.items() if value != before[name]}
        if changed:
            changes[section] = changed
    return changes


def _with_row_kind(before: PipelineRecipe, after: PipelineRecipe, changes: Sections) -> Sections:
    """The dataset stage prepares what this run's training will read."""
    if after.starts_from_champion and not before.starts_from_champion:
        raise ConfigError(
            "base_model champion makes other assets: set attributes.base_model in "
            f"{before.defined_in}"
        )
    if after.row_kind != before.row_kind and not after.dataset.row_kind:
        changes.setdefault("dataset", {})["row_kind"] = after.row_kind
    return changes


def _recipe(pipeline: PipelineRecipe, section: str) -> Recipe:
    found: Recipe = getattr(pipeline, section)
    return found

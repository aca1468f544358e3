"""The text of a new pipeline's YAML file: what was asked for, and the settings one changes first.

Values and words of the comments come from the recipes. Where it is written, `commands.new`.
"""

import json
from dataclasses import dataclass

from osft_assets.core.recipes.base_model import BaseModelRecipe
from osft_assets.core.recipes.evaluation import EvaluationRecipe
from osft_assets.core.recipes.pipeline import training_recipe
from osft_assets.core.recipes.registry import RegistryRecipe

_OFTEN_CHANGED = ("num_epochs", "effective_batch_size", "learning_rate", "unfreeze_rank_ratio")
_DATA = "Required: hf://org/name, s3://bucket/rows/, https://, pvc://, or an absolute path."


@dataclass(frozen=True)
class NewPipeline:
    """What the user said of it; empty is nothing."""

    name: str
    algorithm: str = "osft"
    data_uri: str = ""
    base_model: str = ""
    start_from: str = ""
    schedule: str = ""


def pipeline_file(asked: NewPipeline) -> str:
    """The whole file."""
    lines = [
        f"# The pipeline {asked.name}. All settings, their ranges and defaults: docs/settings.md",
        "type: osft_assets.component.FineTunePipeline",
        "attributes:",
        f"  name: {asked.name}",
        f"  algorithm: {asked.algorithm}",
        "  dataset:",
        f"    data_uri: {_quoted(asked.data_uri)}  # {_DATA}",
        *_beginning(asked),
        "  train:",
        *_settings(asked.algorithm),
        "  evaluate:",
        f"    # tasks: {json.dumps(EvaluationRecipe().tasks)}  # lm-eval tasks: skills to keep.",
        "  registry:",
        f"    # reg_name: {asked.name}-model",
        f"    # address: http://registry  # {_first_sentence(RegistryRecipe, 'address')}",
        *_automation(asked),
    ]
    return "\n".join(lines) + "\n"


def _beginning(asked: NewPipeline) -> list[str]:
    if asked.start_from:
        lines = [f"  start_from: {asked.start_from}  # Trains on from its newest checkpoint."]
        return lines + ([f"  base_model: {_quoted(asked.base_model)}"] if asked.base_model else [])
    if asked.base_model:
        return [f"  base_model: {_quoted(asked.base_model)}"]
    default = BaseModelRecipe().base_model
    return [f"  # base_model: {default}  # The default; or start_from: another pipeline."]


def _settings(algorithm: str) -> list[str]:
    recipe = training_recipe(algorithm)
    return [
        f"    # {name}: {recipe.model_fields[name].default}  # {_first_sentence(recipe, name)}"
        for name in _OFTEN_CHANGED
        if name in recipe.model_fields
    ]


def _automation(asked: NewPipeline) -> list[str]:
    mark = "" if asked.schedule else "# "
    cron = asked.schedule or "0 6 * * 1"
    return [
        f"  {mark}schedule: {_quoted(cron)}  # Stopped until it is started, in the UI.",
        "  # retrain_on_new_data: true",
    ]


def _first_sentence(recipe: type, name: str) -> str:
    description: str = recipe.model_fields[name].description  # type: ignore[attr-defined]
    return description.partition(". ")[0].rstrip(".") + "."


def _quoted(text: str) -> str:
    """As YAML reads it back, whatever it holds."""
    return json.dumps(text, ensure_ascii=False)

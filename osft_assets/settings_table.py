"""Writes docs/settings.md from the recipes: `make docs`. A test fails while the file is stale."""

import sys
from pathlib import Path
from types import NoneType, UnionType
from typing import Annotated, Any, Literal, Union, get_args, get_origin

from pydantic.fields import FieldInfo

from osft_assets.core.recipes.automation import (
    FreshnessRecipe,
    NewDataRecipe,
    RetryRecipe,
    ScheduleRecipe,
)
from osft_assets.core.recipes.base import Recipe
from osft_assets.core.recipes.base_model import BaseModelRecipe
from osft_assets.core.recipes.dataset import DatasetRecipe
from osft_assets.core.recipes.evaluation import EvaluationRecipe
from osft_assets.core.recipes.gate import GateRecipe
from osft_assets.core.recipes.osft import OsftRecipe
from osft_assets.core.recipes.pod import EvaluationPodRecipe, PodRecipe, SftPodRecipe
from osft_assets.core.recipes.promotion import PromotionRecipe
from osft_assets.core.recipes.registry import RegistryRecipe
from osft_assets.core.recipes.sft import SftRecipe

_HEAD = """# Settings

Written by `make docs` from `osft_assets/core/recipes/`; do not edit. A value outside its range, or
a setting that does not exist, is refused when the file is loaded or the run is launched.
"""
_ON_ONE_MACHINE = (
    "On one machine, `gpu`, `num_procs` and `env_vars` take effect; without a GPU, training is one "
    "process. What cannot be had is refused when it was set on purpose, and noted when it is only "
    "the default. The other settings need Kubernetes (docs/kubernetes.md): set on one machine, "
    "they are refused."
)
_ONLY_IN_PODS = (
    "Its `gpu` is 0 when `pod.gpu` is, or `evaluate.device` is cpu. Needs Kubernetes: set on one "
    "machine, all but `gpu` is refused, and `gpu` has no effect."
)
_SECTIONS: tuple[tuple[str, type[Recipe], str], ...] = (
    ("`dataset:`", DatasetRecipe, ""),
    ("`base_model:`", BaseModelRecipe, "`base_model: NAME` alone sets the first."),
    ("`train:` with `algorithm: osft`", OsftRecipe, ""),
    ("`train:` with `algorithm: sft`", SftRecipe, ""),
    ("`pod:` with `algorithm: osft`", PodRecipe, _ON_ONE_MACHINE),
    ("`pod:` with `algorithm: sft`", SftPodRecipe, _ON_ONE_MACHINE),
    ("`evaluate:`", EvaluationRecipe, ""),
    ("`evaluation_pod:`", EvaluationPodRecipe, _ONLY_IN_PODS),
    ("`gate:`", GateRecipe, ""),
    ("`registry:`", RegistryRecipe, "`registry: skip` sets `skip`. See docs/registry.md."),
    (
        "`schedule:`",
        ScheduleRecipe,
        "`schedule: CRON` alone sets the first. See docs/automation.md.",
    ),
    (
        "`retrain_on_new_data:`",
        NewDataRecipe,
        "`retrain_on_new_data: true` sets `enabled`, and so does `every_minutes`.",
    ),
    ("`freshness:`", FreshnessRecipe, ""),
    ("`retry:`", RetryRecipe, ""),
    ("Promotion: the launchpad of `champion`", PromotionRecipe, ""),
)


def settings_table() -> str:
    """The whole page."""
    return "\n".join([_HEAD, *(_section(*section) for section in _SECTIONS)])


def _section(title: str, recipe: type[Recipe], status: str) -> str:
    rows = "\n".join(_row(name, field) for name, field in recipe.model_fields.items())
    return (
        f"## {title}\n\n{recipe.__doc__} {status}".rstrip() + "\n\n"
        f"| setting | type | default | range | what it is |\n|---|---|---|---|---|\n{rows}\n"
    )


def _row(name: str, field: FieldInfo) -> str:
    extra = field.json_schema_extra if isinstance(field.json_schema_extra, dict) else {}
    unit = f" {extra['unit']}" if extra.get("unit") else ""
    cells = (
        f"`{name}`",
        words(field.annotation),
        f"`{shown(field.default)}`{unit}",
        _range(field),
    )
    return f"| {' | '.join(cells)} | {field.description} |"


def words(annotation: Any) -> str:
    """A type as YAML knows it. No |, which would end the cell of the table."""
    kind, parts = get_origin(annotation), get_args(annotation)
    if kind is Literal:
        return " or ".join(f"`{shown(value)}`" for value in parts)
    if kind in (Union, UnionType):
        return " or ".join(map(words, parts))
    if kind is Annotated:
        return words(parts[0])
    if kind is list:
        of_one = words(parts[0])
        return f"list of ({of_one})" if " or " in of_one else f"list of {of_one}"
    if kind is dict:
        return "dict" if parts[1] is Any else f"dict of {words(parts[1])}"
    return "null" if annotation is NoneType else str(annotation.__name__)


def _range(field: FieldInfo) -> str:
    signs = {"ge": "from", "gt": "above", "le": "to", "lt": "below"}
    found = {
        sign: getattr(m, name)
        for m in field.metadata
        for name, sign in signs.items()
        if hasattr(m, name)
    }
    return " ".join(f"{sign} {value}" for sign, value in found.items())


def shown(value: Any) -> str:
    """A default as YAML has it."""
    if value is None:
        return "null"
    return str(value).lower() if isinstance(value, bool) else str(value) or '""'


if __name__ == "__main__":
    Path(sys.argv[1]).write_text(settings_table())

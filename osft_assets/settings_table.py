"""Writes docs/settings.md from the recipes: `make docs`. A test fails while the file is stale."""

import sys
from pathlib import Path
from typing import Any, get_args

from pydantic.fields import FieldInfo

from osft_assets.core.recipes.base import Recipe
from osft_assets.core.recipes.base_model import BaseModelRecipe
from osft_assets.core.recipes.dataset import DatasetRecipe
from osft_assets.core.recipes.evaluation import EvaluationRecipe
from osft_assets.core.recipes.gate import GateRecipe
from osft_assets.core.recipes.osft import OsftRecipe
from osft_assets.core.recipes.pod import PodRecipe, SftPodRecipe
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
    "the default. The other settings need Kubernetes, a later stage: set, they are refused."
)
_SECTIONS: tuple[tuple[str, type[Recipe], str], ...] = (
    ("`dataset:`", DatasetRecipe, ""),
    ("`base_model:`", BaseModelRecipe, "`base_model: NAME` alone sets the first."),
    ("`train:` with `algorithm: osft`", OsftRecipe, ""),
    ("`train:` with `algorithm: sft`", SftRecipe, ""),
    ("`pod:` with `algorithm: osft`", PodRecipe, _ON_ONE_MACHINE),
    ("`pod:` with `algorithm: sft`", SftPodRecipe, _ON_ONE_MACHINE),
    ("`evaluate:`", EvaluationRecipe, ""),
    ("`gate:`", GateRecipe, "docs/gate.md says what each does to the error rates."),
    ("`registry:`", RegistryRecipe, "`registry: skip` sets `skip`. See docs/registry.md."),
    ("Promotion: the launchpad of `champion`", PromotionRecipe, ""),
)


def settings_table() -> str:
    """The whole page."""
    return "\n".join([_HEAD, *(_section(*section) for section in _SECTIONS)])


def _section(title: str, recipe: type[Recipe], status: str) -> str:
    rows = "\n".join(_row(name, field) for name, field in recipe.model_fields.items())
    return (
        f"## {title}\n\n{recipe.__doc__} {status}\n\n"
        f"| setting | type | default | range | what it is |\n|---|---|---|---|---|\n{rows}\n"
    )


def _row(name: str, field: FieldInfo) -> str:
    extra = field.json_schema_extra if isinstance(field.json_schema_extra, dict) else {}
    unit = f" {extra['unit']}" if extra.get("unit") else ""
    cells = (f"`{name}`", _type(field), f"`{_shown(field.default)}`{unit}", _range(field))
    return f"| {' | '.join(cells)} | {field.description} |"


def _type(field: FieldInfo) -> str:
    if values := get_args(field.annotation):
        if all(isinstance(value, str) for value in values):
            return " or ".join(f"`{value}`" for value in values)
        return str(field.annotation).replace("typing.", "")
    return getattr(field.annotation, "__name__", str(field.annotation))


def _range(field: FieldInfo) -> str:
    signs = {"ge": "from", "gt": "above", "le": "to", "lt": "below"}
    found = {
        sign: getattr(m, name)
        for m in field.metadata
        for name, sign in signs.items()
        if hasattr(m, name)
    }
    return " ".join(f"{sign} {value}" for sign, value in found.items())


def _shown(value: Any) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value) or '""'


if __name__ == "__main__":
    Path(sys.argv[1]).write_text(settings_table())

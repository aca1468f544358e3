"""From a recipe to what the launchpad shows and checks.

Dagster checks types before a run exists, but ranges and validators only once the step has started:
on a cluster, after a GPU was found. `launch_schema` checks them where the run is launched, from the
UI, a schedule or the command line, so that a wrong value makes no run and a pasted credential is
never stored. Why so: docs/decisions/0003.
"""

from functools import partial
from types import UnionType
from typing import Any, TypeVar, Union, cast, get_args, get_origin

import dagster as dg
from pydantic import ValidationError, create_model

from osft_assets.core.errors import ConfigError
from osft_assets.core.recipes.base import Recipe, explain
from osft_assets.pod_spec_check import refuse_wrong_fields

RecipeT = TypeVar("RecipeT", bound=Recipe)


def launch_schema(recipe: Recipe, **sections: Recipe) -> dict[str, dg.Field]:
    """Launchpad fields of a recipe, with this recipe's values as their defaults.

    `sections` are other recipes beside its fields, each under a key of its own.
    """
    kind = type(recipe)
    loose: dict[str, Any] = {
        name: (Any, field.default)
        for name, field in kind.model_fields.items()
        if _is_choice(field.annotation)
    }
    base = create_model(f"{kind.__name__}Launch", __base__=(dg.Config, kind), **loose)
    fields = {
        name: dg.Field(
            _plain(field.config_type),
            default_value=getattr(recipe, name),
            is_required=False,
            description=field.description,
        )
        for name, field in cast(type[dg.Config], base).to_fields_dict().items()
    }
    fields |= {name: dg.Field(launch_schema(section)) for name, section in sections.items()}
    _check_when_launched(kind, fields, tuple(sections))
    return fields


def _is_choice(annotation: Any) -> bool:
    """Of several types, such as a number or a dict, which Dagster has no type for: ours checks."""
    if get_origin(annotation) in (list, tuple):
        return any(map(_is_choice, get_args(annotation)))
    return isinstance(annotation, UnionType) or get_origin(annotation) is Union


def _plain(config_type: Any) -> Any:
    """The type without null, and without Dagster's `{env: NAME}`.

    That form is resolved before we see the value, so a secret would reach records and messages.
    """
    if isinstance(config_type, dg.Noneable):
        return _plain(config_type.inner_type)
    return {dg.StringSource: str, dg.IntSource: int, dg.BoolSource: bool}.get(
        config_type, config_type
    )


def _check_when_launched(
    kind: type[Recipe], fields: dict[str, dg.Field], sections: tuple[str, ...]
) -> None:
    # Dagster asks `post_process` when it plans a run, before the run exists. Assets take a dict of
    # fields only, and Dagster keeps one Shape for the same fields, so this is the one it will use;
    # should that ever change, tests/test_launch.py fails.
    shape = dg.Shape(fields)  # type: ignore[no-untyped-call]
    other = vars(shape).get("post_process")
    if other is not None and other.args != (kind, sections):
        twin = other.args[0].__name__
        raise TypeError(f"{kind.__name__} has the same fields as {twin}. Make one of them.")
    shape.post_process = partial(_checked, kind, sections)  # type: ignore[method-assign]


def _checked(kind: type[Recipe], sections: tuple[str, ...], value: Any) -> Any:
    # Not Dagster's PostProcessingError: its message repeats the whole value, tokens and all.
    recipe = parse_config(kind, {k: v for k, v in value.items() if k not in sections})
    recipe.refuse_to_launch()
    refuse_wrong_fields(recipe)
    return value


def parse_config(kind: type[RecipeT], value: Any) -> RecipeT:
    """The recipe that a step was given."""
    try:
        return kind.model_validate(value)
    except ValidationError as problem:
        raise ConfigError(f"{explain(problem, kind, 'config')}") from None

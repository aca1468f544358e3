"""Checks `pod.more` against Kubernetes' own models, before a run exists.

Which fields there may be is `core.recipes.pod_spec_fields`. Only where steps are pods: with
another executor nothing loads Kubernetes' models, and a step refuses the setting.
"""

import sys
from collections.abc import Iterator
from typing import Any

from osft_assets.core.errors import ConfigError
from osft_assets.core.recipes.base import Recipe
from osft_assets.core.recipes.pod import StepPodRecipe

_PLAIN: dict[str, type | tuple[type, ...]] = {
    "str": str,
    "int": int,
    "float": (int, float),
    "bool": bool,
}
_TEXT_OR_NUMBER = ("object",)  # quantities and ports, which are one or the other


def refuse_wrong_fields(recipe: Recipe) -> None:
    """Raise ConfigError for names and types that a cluster would refuse."""
    if not isinstance(recipe, StepPodRecipe) or not recipe.more:
        return
    if "dagster_k8s" not in sys.modules:  # another executor
        return
    if problems := list(_problems(recipe.more, "V1PodSpec", "pod.more")):
        raise ConfigError("\n".join(problems))


def _problems(value: Any, kind: str, place: str) -> Iterator[str]:
    """What is wrong with a value that shall be of a kind, as Kubernetes' models name kinds."""
    if kind.startswith("list["):
        yield from _in_a_list(value, kind[5:-1], place)
    elif kind.startswith(("dict(", "dict[")):
        yield from _in_a_dict(value, kind[5:-1].partition(",")[2].strip(), place)
    elif kind in _PLAIN:
        number_not_truth = not (isinstance(value, bool) and kind != "bool")
        if not isinstance(value, _PLAIN[kind]) or not number_not_truth:
            yield f"{place}: expected {_words(kind)}"
    elif kind not in (*_TEXT_OR_NUMBER, "datetime", "date"):
        yield from _in_a_model(value, kind, place)


def _in_a_list(value: Any, kind: str, place: str) -> Iterator[str]:
    if not isinstance(value, list):
        yield f"{place}: expected a list"
        return
    for number, each in enumerate(value):
        yield from _problems(each, kind, f"{place}[{number}]")


def _in_a_dict(value: Any, kind: str, place: str) -> Iterator[str]:
    if not isinstance(value, dict):
        yield f"{place}: expected a dict"
        return
    for key, each in value.items():
        yield from _problems(each, kind, f"{place}.{key}")


def _in_a_model(value: Any, name: str, place: str) -> Iterator[str]:
    from kubernetes.client import models

    model = getattr(models, name)
    if not isinstance(value, dict):
        yield f"{place}: expected a dict of {', '.join(sorted(model.attribute_map.values()))}"
        return
    known = {camel: snake for snake, camel in model.attribute_map.items()}
    for key, each in value.items():
        field = known.get(key, key if key in model.openapi_types else "")
        if field:
            yield from _problems(each, model.openapi_types[field], f"{place}.{key}")
        else:
            yield f"{place}.{key}: there is no such field. Known ones: {', '.join(sorted(known))}"
    if place != "pod.more":
        yield from _missing(value, model, place)


def _missing(value: dict[str, Any], model: Any, place: str) -> Iterator[str]:
    """What must be there: the models refuse to be made without it, and name only the first."""
    given = {
        snake: True for snake, camel in model.attribute_map.items() if {snake, camel} & {*value}
    }
    try:
        model(**given)
    except ValueError as problem:
        if "must not be `None`" in str(problem):
            yield f"{place}: {str(problem).partition('`')[2].partition('`')[0]} is missing"


def _words(kind: str) -> str:
    names = {"str": "text", "int": "a whole number", "float": "a number", "bool": "true or false"}
    return names[kind]

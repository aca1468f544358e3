"""Every parameter of the Kubeflow pipelines and components has its place here, and its default.

`old_parameters.csv` is the list. A note that begins with `expected` gives a default that differs on
purpose, as JSON, and the reason.
"""

import ast
import csv
import json
from pathlib import Path
from typing import Any

import pytest

from osft_assets.core.recipes.base import Recipe
from tests.core.recipes import RECIPES

Parameter = dict[str, str]

_RECIPES: dict[str, type[Recipe]] = {recipe.__name__: recipe for recipe in RECIPES}
with (Path(__file__).parent / "old_parameters.csv").open(newline="") as _table:
    _PARAMETERS: list[Parameter] = list(csv.DictReader(_table))
_KEPT = [parameter for parameter in _PARAMETERS if parameter["recipe"]]
_REPLACED = [parameter for parameter in _PARAMETERS if not parameter["recipe"]]


def name_of(parameter: Parameter) -> str:
    return f"{parameter['document']}.{parameter['old_name']}"


def expected_default(parameter: Parameter, like: Any) -> Any:
    """The old default in the type of the new one."""
    if parameter["note"].startswith("expected "):
        return json.JSONDecoder().raw_decode(parameter["note"].removeprefix("expected "))[0]
    if parameter["default"] == "None":
        # A component left it to its caller, and the callers were the pipelines.
        return expected_default(in_a_pipeline(parameter), like)
    return converted(parameter["default"], parameter["type"], like)


def in_a_pipeline(parameter: Parameter) -> Parameter:
    """The same setting where a pipeline gives its default."""
    return next(
        other
        for other in _KEPT
        if other["document"].endswith("_pipeline")
        and (other["recipe"], other["field"]) == (parameter["recipe"], parameter["field"])
    )


def converted(text: str, kind: str, like: Any) -> Any:
    """What the documentation shows, as a value."""
    if kind != "str":
        return ast.literal_eval(text)
    if isinstance(like, dict):
        return dict(pair.split("=", 1) for pair in text.split(",") if pair)
    if isinstance(like, list):
        return [item for item in text.split(",") if item]
    return text


@pytest.mark.parametrize("parameter", _KEPT, ids=name_of)
def test_an_old_parameter_has_its_place(parameter: Parameter) -> None:
    assert parameter["field"] in _RECIPES[parameter["recipe"]].model_fields


@pytest.mark.parametrize("parameter", _KEPT, ids=name_of)
def test_an_old_default_still_holds(parameter: Parameter) -> None:
    default = getattr(_RECIPES[parameter["recipe"]](), parameter["field"])

    expected = expected_default(parameter, default)

    assert (type(default), default) == (type(expected), expected)


@pytest.mark.parametrize("parameter", _REPLACED, ids=name_of)
def test_an_old_parameter_without_a_place_says_what_replaces_it(parameter: Parameter) -> None:
    assert parameter["note"]


def test_no_parameter_is_listed_twice() -> None:
    names = [name_of(parameter) for parameter in _PARAMETERS]

    assert len(names) == len(set(names))

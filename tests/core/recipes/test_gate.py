"""The knobs of the gate."""

from typing import Any

import pytest
from pydantic import ValidationError

from osft_assets.core.recipes.gate import GateRecipe


@pytest.mark.parametrize(
    "settings",
    [
        {"tolerance": None},
        {"tolerance": 0.0},
        {"tolerance": 0.02},
        {"tolerance": {"arc_easy": 0.02, "holdout:first": 0.1}},
        {"required": ["arc_easy"]},
        {"when_lost": "warn", "when_not_learned": "warn"},
        {"min_gain": 0.1},
        {"min_documents": 2},
        {"confidence": 0.99},
        {"metrics": {"arc_easy": "acc"}},
    ],
    ids=repr,
)
def test_sensible_settings_are_accepted(settings: dict[str, Any]) -> None:
    assert GateRecipe(**settings).model_dump(include=set(settings)) == settings


@pytest.mark.parametrize(
    ("settings", "expected_error"),
    [
        ({"tolerance": -0.1}, "greater than or equal to 0"),
        ({"tolerance": {"arc_easy": -0.1}}, "greater than or equal to 0"),
        ({"tolerance": "much"}, "valid number"),
        ({"tolerance": float("nan")}, "greater than or equal to 0|finite number"),
        ({"required": "arc_easy"}, "valid list"),
        ({"when_lost": "ignore"}, "'block' or 'warn'"),
        ({"when_not_learned": True}, "'block' or 'warn'"),
        ({"min_gain": -1}, "greater than or equal to 0"),
        ({"min_documents": 1}, "greater than or equal to 2"),
        ({"min_documents": 20.5}, "valid integer"),
        ({"confidence": 0.5}, "greater than 0.5"),
        ({"confidence": 1}, "less than 1"),
        ({"confidence": 95}, "less than 1"),
        ({"metrics": ["acc"]}, "valid dictionary"),
        ({"tolerances": 0.1}, "Extra inputs are not permitted"),
    ],
    ids=repr,
)
def test_a_bad_setting_is_refused(settings: dict[str, Any], expected_error: str) -> None:
    with pytest.raises(ValidationError, match=expected_error):
        GateRecipe(**settings)

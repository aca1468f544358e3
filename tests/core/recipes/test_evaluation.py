"""The knobs of the evaluation stage."""

from typing import Any

import pytest
from pydantic import ValidationError

from osft_assets.core.recipes.evaluation import EvaluationRecipe


@pytest.mark.parametrize(
    "settings",
    [
        {"tasks": ["mmlu", "gsm8k"]},
        {"batch": "auto"},
        {"batch": "16"},
        {"limit": -1},
        {"limit": 1},
        {"gen_kwargs": {"temperature": 0.7, "do_sample": True}},
        {"model_args": {"max_length": 2048}},
        {"log_samples": False},
        {"verbosity": "DEBUG"},
    ],
)
def test_sensible_settings_are_accepted(settings: dict[str, Any]) -> None:
    assert EvaluationRecipe(**settings).model_dump(include=set(settings)) == settings


@pytest.mark.parametrize(
    ("settings", "expected_error"),
    [
        ({"tasks": [], "holdout": False}, "nothing to evaluate"),
        ({"tasks": "mmlu"}, "valid list"),
        ({"batch": "0"}, "expected auto or a number from 1"),
        ({"batch": "-1"}, "expected auto or a number from 1"),
        ({"batch": "large"}, "expected auto or a number from 1"),
        ({"batch": "²"}, "expected auto or a number from 1"),
        ({"limit": 0}, "expected -1 for all, or a number from 1"),
        ({"limit": -2}, "expected -1 for all, or a number from 1"),
        ({"limit": 0.5}, "valid integer"),
        ({"gen_kwargs": "temperature=0"}, "valid dictionary"),
        ({"verbosity": "LOUD"}, "'DEBUG', 'INFO', 'WARNING' or 'ERROR'"),
    ],
)
def test_a_bad_setting_is_refused(settings: dict[str, Any], expected_error: str) -> None:
    with pytest.raises(ValidationError, match=expected_error):
        EvaluationRecipe(**settings)

"""The knobs of the registry stage."""

from typing import Any

import pytest
from pydantic import ValidationError

from osft_assets.core.recipes.registry import RegistryRecipe


@pytest.mark.parametrize("version", ["1.0.0", "0.0.1", "10.20.30", "1.0.0-rc.1", "1.0.0+build.5"])
def test_a_semantic_version_is_accepted(version: str) -> None:
    assert RegistryRecipe(reg_version=version).reg_version == version


@pytest.mark.parametrize("version", ["", "1", "1.0", "v1.0.0", "01.0.0", "1.0.0.0", "1.0.0-", "x"])
def test_any_other_version_is_refused(version: str) -> None:
    with pytest.raises(ValidationError, match="expected a semantic version, such as 1.0.0"):
        RegistryRecipe(reg_version=version)


@pytest.mark.parametrize(
    ("settings", "expected_error"),
    [
        ({"port": 0}, "greater than or equal to 1"),
        ({"port": 65_536}, "less than or equal to 65535"),
        ({"reg_author": ""}, "at least 1 character"),
        ({"format_name": ""}, "at least 1 character"),
        ({"format_version": ""}, "at least 1 character"),
    ],
)
def test_a_bad_setting_is_refused(settings: dict[str, Any], expected_error: str) -> None:
    with pytest.raises(ValidationError, match=expected_error):
        RegistryRecipe(**settings)

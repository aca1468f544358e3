"""The knobs of a promotion: which version becomes the one to use. Set in the launchpad or by the
`osft-assets promote` and `rollback` commands, not in a file.
"""

from typing import Self

from pydantic import model_validator

from osft_assets.core.recipes.base import Recipe, knob


class PromotionRecipe(Recipe):
    """Which version becomes the champion, and why."""

    version: str = knob("", "Version to promote. Empty = the newest registry entry.")
    rollback: bool = knob(False, "Go back to the champion before this one instead.")
    reason: str = knob("", "Why, for the history.")
    by: str = knob("dagster", "Who, for the history.", min_length=1)

    @model_validator(mode="after")
    def _one_way(self) -> Self:
        if self.rollback and self.version:
            raise ValueError("rollback goes to the champion before: remove version, or rollback")
        return self

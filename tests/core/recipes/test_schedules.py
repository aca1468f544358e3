"""A schedule gets the numbers it takes, or is refused before anything is loaded."""

import pytest
from pydantic import ValidationError

from osft_assets.core.recipes.osft import OsftRecipe


@pytest.mark.parametrize(
    ("schedule", "numbers", "expected_error"),
    [
        ("polynomal", {}, "should be 'cosine', 'linear'"),
        ("greedy", {}, "follows a metric after every step"),
        ("reduce_lr_on_plateau", {}, "follows a metric after every step"),
        ("cosine", {"cycles": 2}, "has cycles, but cosine takes num_cycles. Remove it"),
        ("constant", {"num_cycles": 2}, "has num_cycles, but constant takes nothing"),
        ("cosine_with_min_lr", {"num_cycles": 2}, "needs min_lr or min_lr_rate in lr_scheduler_k"),
        ("cosine_with_min_lr", {"min_lr": 1e-7, "min_lr_rate": 0.1}, "Set one of them"),
        ("warmup_stable_decay", {}, "needs num_decay_steps in lr_scheduler_kwargs. Set it"),
    ],
)
def test_what_a_schedule_cannot_do_is_refused(
    schedule: str, numbers: dict[str, float], expected_error: str
) -> None:
    with pytest.raises(ValidationError, match=expected_error):
        OsftRecipe.model_validate({"lr_scheduler": schedule, "lr_scheduler_kwargs": numbers})

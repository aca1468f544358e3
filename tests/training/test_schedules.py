"""Every schedule of transformers can be followed, or is refused with the reason."""

import pytest
from pydantic import ValidationError

from osft_assets.core.recipes import schedules
from osft_assets.core.recipes.osft import OsftRecipe


def test_every_schedule_of_transformers_is_known_or_refused_with_the_reason() -> None:
    from transformers import SchedulerType

    assert {*schedules._TAKES, *schedules._FOLLOW_A_METRIC} == {
        schedule.value for schedule in SchedulerType
    }


@pytest.mark.parametrize("schedule", schedules._FOLLOW_A_METRIC)
def test_a_schedule_that_needs_a_metric_is_refused_since_it_would_fail(schedule: str) -> None:
    with pytest.raises(ValidationError, match="mini-trainer gives it none. Take another"):
        OsftRecipe.model_validate({"lr_scheduler": schedule})
    with pytest.raises(TypeError, match="metrics"):
        follow(schedule, {})


@pytest.mark.filterwarnings("ignore:Both num_training_steps and num_stable_steps")
@pytest.mark.parametrize(("schedule", "takes"), schedules._TAKES.items())
def test_a_schedule_takes_every_number_that_is_accepted_for_it(
    schedule: str, takes: tuple[str, ...]
) -> None:
    needs = schedules._NEEDS_ONE_OF.get(schedule, ())
    for name in takes or ("",):
        numbers = dict.fromkeys(needs[:1], 1e-7) if name not in needs else {}
        numbers |= {name: 1e-7} if name else {}
        OsftRecipe.model_validate({"lr_scheduler": schedule, "lr_scheduler_kwargs": numbers})
        follow(schedule, numbers)


def follow(schedule: str, numbers: dict[str, float]) -> None:
    """As mini-trainer does: without a metric."""
    import torch
    from transformers import get_scheduler

    optimizer = torch.optim.SGD([torch.nn.Parameter(torch.zeros(1))], lr=1e-3)
    followed = get_scheduler(schedule, optimizer, 2, 10, numbers)
    for _ in range(10):
        optimizer.step()
        followed.step()

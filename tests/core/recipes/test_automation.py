"""What runs by itself, as a pipeline's file says it."""

import pytest
from pydantic import ValidationError

from osft_assets.core.recipes.automation import (
    FreshnessRecipe,
    NewDataRecipe,
    RetryRecipe,
    ScheduleRecipe,
)
from osft_assets.core.recipes.dataset import DatasetRecipe
from osft_assets.core.recipes.pipeline import PipelineRecipe

ROWS = DatasetRecipe(data_uri="pvc://rows.jsonl")


def test_nothing_runs_by_itself_unless_the_file_asks_for_it() -> None:
    pipeline = PipelineRecipe(name="mine", dataset=ROWS)

    assert not pipeline.schedule.cron
    assert not pipeline.retrain_on_new_data.enabled
    assert not pipeline.freshness.within_hours


@pytest.mark.parametrize("timezone", ["Europe/Berlin", "UTC"])
def test_a_time_zone_is_known_by_its_name(timezone: str) -> None:
    assert ScheduleRecipe(timezone=timezone).timezone == timezone


@pytest.mark.parametrize("timezone", ["Berlin", "Europe", "../etc/passwd", "", "/etc/localtime"])
def test_any_other_time_zone_is_refused(timezone: str) -> None:
    with pytest.raises(ValidationError, match="there is no such time zone. Expected a name such"):
        ScheduleRecipe(timezone=timezone)


@pytest.mark.parametrize(
    ("automation", "expected"),
    [
        ({"schedule": {"cron": "@daily"}}, "schedule would fail at every tick"),
        ({"retrain_on_new_data": {"enabled": True}}, "retrain_on_new_data would fail at every"),
    ],
)
def test_what_would_fail_at_every_tick_is_refused(
    automation: dict[str, object], expected: str
) -> None:
    with pytest.raises(ValidationError, match=f"{expected}.*dataset.data_uri is empty. Set it"):
        PipelineRecipe(name="mine", **automation)

    assert PipelineRecipe(name="mine", dataset=ROWS, **automation)


def test_whoever_says_how_often_to_look_for_new_data_wants_it() -> None:
    assert NewDataRecipe(every_minutes=30).enabled
    assert not NewDataRecipe(every_minutes=30, enabled=False).enabled


def test_an_age_that_dagster_cannot_tell_is_refused() -> None:
    with pytest.raises(ValidationError, match="expected 0, or a minute"):
        FreshnessRecipe(within_hours=0.001)


def test_each_pause_is_longer_than_the_one_before_and_none_is_endless() -> None:
    recipe = RetryRecipe(times=10, first_pause_seconds=10)

    assert [recipe.pause_seconds(tries) for tries in (1, 2, 3, 10)] == [10, 40, 160, 3600]

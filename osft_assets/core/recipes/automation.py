"""The knobs of what runs by itself: when, on what news, how fresh, and what is tried again.

Schedules and sensors are stopped until somebody starts them. What becomes of this in Dagster is
`osft_assets.automation` and `osft_assets.retries`; how to use it, docs/automation.md.
"""

from typing import Annotated, Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pydantic import AfterValidator, field_validator, model_validator

from osft_assets.core.recipes.base import Recipe, knob
from osft_assets.core.recipes.shorthand import Shorthand

_GROWTH = 4
_LONGEST_PAUSE_SECONDS = 3600.0


def _known(timezone: str) -> str:
    try:
        ZoneInfo(timezone)
    except (ZoneInfoNotFoundError, ValueError, OSError):  # a directory of zones is an OSError
        raise ValueError(
            "there is no such time zone. Expected a name such as Europe/Berlin or UTC"
        ) from None
    return timezone


class ScheduleRecipe(Recipe):
    """When the whole pipeline runs, whether or not anything changed."""

    shorthand = Shorthand("cron")

    cron: str = knob(
        "",
        "Five fields (minute, hour, day, month, weekday) or @hourly, @daily, @weekly, @monthly. "
        "Empty = no schedule.",
    )
    timezone: Annotated[str, AfterValidator(_known)] = knob(
        "UTC", "Time zone of the hours, such as Europe/Berlin."
    )


class NewDataRecipe(Recipe):
    """Whether new data is watched for, and retrained on."""

    shorthand = Shorthand("enabled")

    enabled: bool = knob(
        False, "Make the sensor that asks the source, and the one that watches train_split."
    )
    every_minutes: int = knob(
        5,
        "How often the source is asked. Set, it enables, too.",
        unit="minutes",
        ge=1,
        le=7 * 24 * 60,
    )

    @model_validator(mode="before")
    @classmethod
    def _whoever_says_how_often_wants_it(cls, values: Any) -> Any:
        if isinstance(values, dict) and "every_minutes" in values:
            return {"enabled": True, **values}
        return values


class FreshnessRecipe(Recipe):
    """How old the newest registry entry may get before its page says so."""

    shorthand = Shorthand("within_hours")

    within_hours: float = knob(
        0, "0 = any age, else a minute (0.02) or more.", unit="hours", ge=0, le=24 * 366
    )

    @field_validator("within_hours")
    @classmethod
    def _not_shorter_than_dagster_can_tell(cls, value: float) -> float:
        if 0 < value * 60 < 1:
            raise ValueError("expected 0, or a minute (0.02) or more")
        return value


class RetryRecipe(Recipe):
    """How steps try again when infrastructure fails. Wrong settings and wrong data fail at once."""

    shorthand = Shorthand("times")

    times: int = knob(
        3, "More tries of a step after the network, the Hub, S3 or a registry failed.", ge=0, le=10
    )
    first_pause_seconds: float = knob(
        10.0,
        "Before the first of them; each further pause is four times as long, an hour at most.",
        unit="seconds",
        ge=0,
        le=3600,
    )

    def pause_seconds(self, tries: int) -> float:
        """The pause after so many tries that failed."""
        return float(min(self.first_pause_seconds * _GROWTH ** (tries - 1), _LONGEST_PAUSE_SECONDS))

"""The champion: which version of a model is the one to use, and how it came to be.

The registry's API has no alias and no stage, so this is two custom properties of the model: its
version's name, and the history as JSON. They are written together; who writes them is the port.
"""

import json
from collections.abc import Sequence
from typing import Literal

from pydantic import TypeAdapter, ValidationError

from osft_assets.core.errors import RegistryError
from osft_assets.core.records import Record
from osft_assets.core.registered_properties import FORCED_BECAUSE
from osft_assets.core.registry_records import (
    Property,
    RegisteredModel,
    VersionListing,
)

CHAMPION, HISTORY = "champion", "champion_history"
_LONGEST_HISTORY = 200
_LONGEST_REASON = 200
# A property is stored as text, of at most 64 kB.
_LONGEST_TEXT = 65_000


class Promotion(Record):
    """One change of the champion. `at`: UTC, ISO 8601."""

    version: str
    at: str
    by: str
    reason: str = ""
    kind: Literal["promote", "rollback"] = "promote"


_Promotions = TypeAdapter(tuple[Promotion, ...])


class ChampionRecord(Record):
    """What `champion` is: the version in use, and what it replaced."""

    registry: str
    name: str
    version: VersionListing
    promotion: Promotion
    replaced: str
    changed: bool


def champion_of(model: RegisteredModel) -> VersionListing | None:
    """The version in use, or None while nobody promoted one."""
    name = champion_name(model)
    return _version(model, name, "Its champion names it: promote another version") if name else None


def champion_name(model: RegisteredModel) -> str:
    """What the property says, which anybody may have set: perhaps no version at all."""
    return str(model.properties.get(CHAMPION) or "")


def newest_of(model: RegisteredModel) -> str:
    """The version to promote when none is named; one that was forced must be named."""
    live = [one for one in model.versions if one.state == "LIVE" and one.uri]
    if not live:
        raise RegistryError(
            f"{model.name} has no version to promote in {model.registry}. Materialize "
            "registry_entry first"
        )
    # Not by its time: a clock may go back, and what is there for longer would be promoted.
    newest = max(live, key=lambda version: int(version.version_id))
    reason = newest.properties.get(FORCED_BECAUSE)
    if reason:
        raise RegistryError(
            f"{model.name} {newest.version} is the newest, but was forced past the gate "
            f"({reason}). Name it to promote it all the same"
        )
    return newest.version


def history_of(model: RegisteredModel) -> tuple[Promotion, ...]:
    """Every change, the oldest first."""
    text = model.properties.get(HISTORY, "[]")
    try:
        return _Promotions.validate_json(str(text))
    except ValidationError:
        raise RegistryError(
            f"The property {HISTORY} of {model.name} in {model.registry} is not what was "
            "written there. Mend it, or set it to []"
        ) from None


def promoted(model: RegisteredModel, promotion: Promotion) -> dict[str, Property]:
    """The properties that make a version the champion; empty when it is already."""
    version = _version(model, promotion.version)
    if model.state == "ARCHIVED":
        raise RegistryError(
            f"The model {model.name} is archived. Make it LIVE in {model.registry}, then again"
        )
    if version.state == "ARCHIVED":
        raise RegistryError(
            f"{model.name} {version.version} is archived. Make it LIVE in {model.registry}, or "
            "promote another version"
        )
    if not version.uri:
        raise RegistryError(
            f"The registration of {model.name} {version.version} was cut off: it has no files. "
            "Materialize registry_entry again"
        )
    return {} if _is_champion(model, version.version) else _properties(model, promotion)


def before_champion(model: RegisteredModel) -> str:
    """The version that a rollback goes to: the one in use before the champion was promoted."""
    stack: list[str] = []
    for change in history_of(model):
        if change.kind == "rollback" and len(stack) > 1:
            stack.pop()
        else:
            stack.append(change.version)
    current = champion_name(model)
    if current and stack[-1:] != [current]:  # set by hand, which the history does not know
        stack.append(current)
    if len(stack) < 2:
        was = f"{stack[0]} is the first champion" if stack else "there was never a champion"
        raise RegistryError(
            f"There is nothing to go back to: of {model.name}, {was}. Promote a version by its name"
        )
    return stack[-2]


def _is_champion(model: RegisteredModel, version: str) -> bool:
    """One that was set by hand becomes it when it is promoted, so that the history has it."""
    last = history_of(model)[-1:]
    return champion_name(model) == version and any(one.version == version for one in last)


def _properties(model: RegisteredModel, promotion: Promotion) -> dict[str, Property]:
    told = {"reason": promotion.reason[:_LONGEST_REASON], "by": promotion.by[:_LONGEST_REASON]}
    short = promotion.model_copy(update=told)
    changes = [*history_of(model), short][-_LONGEST_HISTORY:]
    while len(text := _as_json(changes)) > _LONGEST_TEXT:  # it is ASCII; umlauts count six
        changes = changes[1:]
    return {CHAMPION: promotion.version, HISTORY: text}


def _as_json(changes: Sequence[Promotion]) -> str:
    return json.dumps([change.model_dump() for change in changes], separators=(",", ":"))


def _version(model: RegisteredModel, name: str, remedy: str = "") -> VersionListing:
    for version in model.versions:
        if version.version == name:
            return version
    there = ", ".join(version.version for version in model.versions) or "none"
    raise RegistryError(
        f"{model.name} has no version {name} in {model.registry}. There are: {there}"
        f"{f'. {remedy}' if remedy else ''}"
    )

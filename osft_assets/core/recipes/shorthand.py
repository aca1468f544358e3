"""A plain value in place of a whole section: `base_model: org/name`, `registry: skip`.

Each recipe that allows one says so in its `shorthand`; the file's form, `core.attributes_schema`.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from pydantic import BaseModel

from osft_assets.core.errors import ConfigError


@dataclass(frozen=True)
class Shorthand:
    """`setting` is what a plain value sets. With a `word`, only that is one: it sets true."""

    setting: str
    word: str = ""


def spelled_out(section: type[BaseModel], short: Shorthand | None, value: object) -> dict[str, Any]:
    """The settings that stand below a section's name, or that a plain value there stands for."""
    if value is None:  # every line below the name is a comment
        return {}
    if isinstance(value, Mapping):
        return {str(key): setting for key, setting in value.items()}
    if short and short.word and value == short.word:
        return {short.setting: True}
    if short and not short.word and isinstance(value, str | int | float):
        return {short.setting: value}
    raise ConfigError(_expected(section, short))


def _expected(section: type[BaseModel], short: Shorthand | None) -> str:
    some = ", ".join(list(section.model_fields)[:3])
    plain = f"'{short.word}', or " if short and short.word else ""
    plain = f"a value of {short.setting}, or " if short and not short.word else plain
    return f"expected {plain}settings, such as {some}"

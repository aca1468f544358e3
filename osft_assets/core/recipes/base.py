"""What all recipes share: frozen, no unknown fields, and errors that never repeat a secret.

`explain` turns a pydantic error into our sentences. The knobs themselves are in the files beside
this one.
"""

import re
from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Annotated, Any, ClassVar

from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    Field,
    JsonValue,
    ValidationError,
    ValidationInfo,
    field_validator,
)

from osft_assets.core.recipes.shorthand import Shorthand

# Text longer than this is not repeated: it may be a token pasted into the wrong place.
_LONGEST_REPEATED_TEXT = 16


class Recipe(BaseModel):
    """Settings of one stage."""

    shorthand: ClassVar[Shorthand | None] = None

    model_config = ConfigDict(
        frozen=True,
        extra="forbid",
        hide_input_in_errors=True,
        validate_default=True,
        allow_inf_nan=False,
        coerce_numbers_to_str=True,  # YAML reads `cpu: 8` as a number
    )

    @field_validator("*", mode="before")
    @classmethod
    def _true_is_no_number(cls, value: Any, info: ValidationInfo) -> Any:
        annotation = cls.model_fields[info.field_name or ""].annotation
        if isinstance(value, bool) and annotation in (int, float):
            raise ValueError("expected a number, not true or false")  # noqa: TRY004 - for pydantic
        return value

    def refuse_to_launch(self) -> None:
        """Raise ConfigError for what a file may leave open, but a run may not."""


def knob(default: Any, meaning: str, *, unit: str = "", secret: bool = False, **bounds: Any) -> Any:
    """A field of a recipe. `secret` keeps its value out of every error message."""
    extra: dict[str, JsonValue] = {"unit": unit, "secret": secret}
    return Field(default, description=meaning, json_schema_extra=extra, **bounds)


def matching(pattern: str, expected: str) -> AfterValidator:
    """Only text of this form; `expected` is what the error says."""
    form = re.compile(pattern)

    def check(value: str) -> str:
        if not form.fullmatch(value):
            raise ValueError(f"expected {expected}")
        return value

    return AfterValidator(check)


def only(value: object, why: str) -> AfterValidator:
    """Only one value, of a setting that the backend ignores or would drop; `why` says so."""

    def check(given: object) -> object:
        if given != value:
            raise ValueError(why)
        return given

    return AfterValidator(check)


EnvironmentName = Annotated[
    str,
    matching(
        r"[A-Z_][A-Z0-9_]*",
        "the name of an environment variable, such as HF_TOKEN, not a token itself. Put the token "
        "in the environment (or a Kubernetes secret) and give the variable's name here",
    ),
]


def explain(
    error: ValidationError,
    recipe: type[BaseModel],
    place: str,
    called: Mapping[str, str] = MappingProxyType({}),
) -> str:
    """One line a problem: where, what is wrong, and the value found unless it may be a secret.

    `called`: other names of fields, which say by themselves where they are.
    """
    return "\n".join(
        f"{_where(problem['loc'], place, called)}: {_told(problem, recipe)}"
        for problem in error.errors(include_url=False)
    )


def explain_each(
    error: ValidationError, recipe: type[BaseModel]
) -> list[tuple[tuple[int | str, ...], str]]:
    """The same for a file: the keys that lead to each problem, and what is wrong.

    Of what was found only numbers are repeated: in a file, anything may have slipped a line.
    """
    problems = error.errors(include_url=False)
    return [(one["loc"], _told(one, recipe, int | float)) for one in problems]


def _where(loc: Sequence[int | str], place: str, called: Mapping[str, str]) -> str:
    parts = [str(part) for part in loc]
    start = [called[parts[0]]] if parts and parts[0] in called else [place, *parts[:1]]
    return ".".join([*start, *parts[1:]])


def _told(
    problem: Mapping[str, Any], recipe: type[BaseModel], repeated: Any = int | float | str | None
) -> str:
    if problem["type"] == "extra_forbidden":
        known = ", ".join(sorted(recipe.model_fields))
        return f"there is no such setting. Known ones: {known}."
    message = problem["msg"].removeprefix("Value error, ").rstrip(".")
    found = _found(problem, recipe) if isinstance(problem["input"], repeated) else ""
    return f"{message}{found}."


def _found(problem: Mapping[str, Any], recipe: type[BaseModel]) -> str:
    name = problem["loc"][0] if problem["loc"] else ""
    field = recipe.model_fields.get(str(name))
    extra = field.json_schema_extra if field else None
    if not isinstance(extra, dict) or extra.get("secret"):
        return ""
    value = problem["input"]
    plain = isinstance(value, int | float) or value is None
    short = isinstance(value, str) and len(value) <= _LONGEST_REPEATED_TEXT
    return f" (found {value!r})" if plain or short else ""

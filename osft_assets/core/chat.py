"""The one format training knows for conversations: `messages`, checked message by message.

`ChatRow` decodes and checks a well-formed row in one pass of C code; `checked_messages` is the
slow, exact way that says what is wrong. Both give the same bytes. Other chat formats become this
one in `core.conversions`.
"""

from collections.abc import Mapping
from math import isfinite
from typing import Annotated, Any, Literal, get_args

import msgspec

from osft_assets.core.errors import RowError

Role = Literal["system", "user", "assistant", "tool", "function", "pretraining"]
ROLES = get_args(Role)
# A row is worth training on when the model has something of its own to say, or raw text to learn.
LEARNT_ROLES = frozenset({"assistant", "pretraining"})
_OWN_KEYS = frozenset({"role", "content", "reasoning_content"})


class Message(msgspec.Struct, forbid_unknown_fields=True, omit_defaults=True, gc=False):
    """One turn. Unknown keys (tool_calls, name ...) take the slow path, which keeps them."""

    role: Role
    content: Annotated[str, msgspec.Meta(min_length=1)]
    reasoning_content: str | None = None


class ChatRow(msgspec.Struct, omit_defaults=True):
    """One conversation. `unmask`: learn from every message but the system's."""

    messages: Annotated[list[Message], msgspec.Meta(min_length=1)]
    unmask: bool = False


def has_something_to_learn(messages: list[Message]) -> bool:
    """False for a conversation in which the model says nothing."""
    # A generator expression costs twice as much here, and this runs once a row.
    for message in messages:  # noqa: SIM110
        if message.role in LEARNT_ROLES and not message.content.isspace():
            return True
    return False


def checked_messages(messages: Any, name: str = "messages") -> list[dict[str, Any]]:
    """The messages in canonical form, or a RowError that names the first thing wrong."""
    if not isinstance(messages, list):
        raise RowError(f"{name} is {kind_of(messages)}, expected a list of messages")
    if not messages:
        raise RowError(f"{name} is empty")
    checked = [_checked(message, f"{name}[{index}]") for index, message in enumerate(messages)]
    learnt = (message["content"] for message in checked if message["role"] in LEARNT_ROLES)
    if all(content.isspace() for content in learnt):
        raise RowError(
            f"{name} has no assistant message with text, so there is nothing to learn from"
        )
    return checked


def check_text(content: Any, place: str) -> None:
    """Refuse what is not text, or empty."""
    if not isinstance(content, str):
        raise RowError(f"{place} is {kind_of(content)}, expected text")
    if not content:
        raise RowError(f"{place} is empty")


def kind_of(value: Any) -> str:
    """What a value is, in the words of JSON."""
    kinds = {dict: "an object", list: "a list", str: "text", bool: "true or false"}
    if value is None:
        return "missing or null"
    if isinstance(value, int | float) and not isinstance(value, bool):
        return "a number"
    return kinds.get(type(value), f"a {type(value).__name__}")


def _checked(message: Any, place: str) -> dict[str, Any]:
    if not isinstance(message, Mapping):
        raise RowError(f"{place} is {kind_of(message)}, expected an object with role and content")
    role = message.get("role")
    if role not in ROLES:
        shown = repr(role) if isinstance(role, str) and len(role) <= 40 else kind_of(role)
        raise RowError(f"{place}.role is {shown}, expected one of {', '.join(ROLES)}")
    check_text(message.get("content"), f"{place}.content")
    reasoning = message.get("reasoning_content")
    if reasoning is not None and not isinstance(reasoning, str):
        raise RowError(f"{place}.reasoning_content is {kind_of(reasoning)}, expected text")
    extras: dict[str, Any] = _canonical(
        {key: message[key] for key in message if key not in _OWN_KEYS}, place
    )
    own: dict[str, Any] = {"role": role, "content": message["content"]}
    return own | ({} if reasoning is None else {"reasoning_content": reasoning}) | extras


def _canonical(value: Any, place: str) -> Any:
    """Keys in order and no nulls: Parquet fills absent keys with null."""
    if isinstance(value, Mapping):
        keys = sorted(key for key in value if value[key] is not None)
        return {key: _canonical(value[key], f"{place}.{key}") for key in keys}
    if isinstance(value, list):
        return [_canonical(item, f"{place}[{index}]") for index, item in enumerate(value)]
    if isinstance(value, float) and not isfinite(value):
        raise RowError(f"{place} is {value}, which JSON cannot hold")
    return value

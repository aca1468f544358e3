"""Other chat formats, turned into `messages`.

Each converter takes a decoded row and returns its messages, checked by `core.chat`; errors name the
columns that the row really has.
"""

from collections.abc import Callable, Mapping
from typing import Any

from osft_assets.core.chat import check_text, checked_messages
from osft_assets.core.errors import RowError

_SHAREGPT_ROLES = {
    "human": "user",
    "user": "user",
    "gpt": "assistant",
    "chatgpt": "assistant",
    "assistant": "assistant",
    "system": "system",
    "tool": "tool",
    "observation": "tool",
    "function_response": "tool",
    "function": "function",
}


def shape_of(row: Mapping[str, Any]) -> str | None:
    """Which chat format a row is in; None when it is no chat."""
    if row.get("messages") is not None:
        return "messages"
    if row.get("conversations") is not None:
        return "conversations"
    if row.get("instruction") is not None:
        return "alpaca"
    return None


def to_messages(row: Mapping[str, Any], shape: str) -> list[dict[str, Any]]:
    """The row's messages, checked, whatever format they came in."""
    return _CONVERTERS[shape](row)


def used_columns(shape: str) -> tuple[str, ...]:
    """The columns that a format is made of."""
    return _COLUMNS[shape]


def _conversations(row: Mapping[str, Any]) -> list[dict[str, Any]]:
    turns = row["conversations"]
    if isinstance(turns, list):
        turns = [_turn(turn, f"conversations[{index}]") for index, turn in enumerate(turns)]
    messages = checked_messages(turns, "conversations")
    if row.get("system") and messages[0]["role"] == "system":
        raise RowError("has a system column and a system message. Keep one of them")
    return _system(row) + messages


def _turn(turn: Any, place: str) -> Any:
    if not isinstance(turn, Mapping) or turn.get("from") is None:
        return turn
    speaker = turn["from"]
    if not isinstance(speaker, str) or speaker not in _SHAREGPT_ROLES:
        known = ", ".join(_SHAREGPT_ROLES)
        raise RowError(f"{place}.from is {str(speaker)[:40]!r}, expected one of {known}")
    if turn.get("role") is not None or turn.get("content") is not None:
        raise RowError(f"{place} has both from/value and role/content. Keep one pair")
    check_text(turn.get("value"), f"{place}.value")
    rest = {key: value for key, value in turn.items() if key not in _TURN_KEYS}
    return {"role": _SHAREGPT_ROLES[speaker], "content": turn["value"]} | rest


def _alpaca(row: Mapping[str, Any]) -> list[dict[str, Any]]:
    if row.get("history"):
        raise RowError("history is not supported in instruction rows. Write the row as messages")
    for column in ("instruction", "output"):
        check_text(row.get(column), column)
    if row["output"].isspace():
        raise RowError("output is blank, so there is nothing to learn from")
    question = row["instruction"]
    if row.get("input"):
        check_text(row["input"], "input")
        question = f"{question}\n\n{row['input']}"
    turns = [
        {"role": "user", "content": question},
        {"role": "assistant", "content": row["output"]},
    ]
    return _system(row) + turns


def _system(row: Mapping[str, Any]) -> list[dict[str, Any]]:
    if not row.get("system"):
        return []
    check_text(row["system"], "system")
    return [{"role": "system", "content": row["system"]}]


_TURN_KEYS = frozenset({"from", "value", "role", "content"})
_COLUMNS: Mapping[str, tuple[str, ...]] = {
    "messages": ("messages", "unmask"),
    "conversations": ("conversations", "system", "unmask"),
    "alpaca": ("instruction", "input", "output", "system", "unmask"),
}
_CONVERTERS: Mapping[str, Callable[[Mapping[str, Any]], list[dict[str, Any]]]] = {
    "messages": lambda row: checked_messages(row["messages"]),
    "conversations": _conversations,
    "alpaca": _alpaca,
}

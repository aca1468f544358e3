"""Other chat formats, turned into `messages`.

Each converter takes a decoded row and returns its messages, still unchecked; `core.chat` checks
them.
"""

from collections.abc import Callable, Mapping
from typing import Any

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


def to_messages(row: Mapping[str, Any], shape: str) -> Any:
    """The row's messages, in whatever format it came."""
    return _CONVERTERS[shape](row)


def _conversations(row: Mapping[str, Any]) -> Any:
    turns = row["conversations"]
    if not isinstance(turns, list):
        raise RowError("conversations is not a list")
    messages = [_turn(turn, f"conversations[{index}]") for index, turn in enumerate(turns)]
    return _system(row) + messages


def _turn(turn: Any, place: str) -> Any:
    if not isinstance(turn, Mapping) or turn.get("from") is None:
        return turn
    speaker = turn["from"]
    if not isinstance(speaker, str) or speaker not in _SHAREGPT_ROLES:
        raise RowError(
            f"{place}.from is {speaker!r:.60}, expected one of {', '.join(_SHAREGPT_ROLES)}"
        )
    rest = {
        key: value for key, value in turn.items() if key not in ("from", "value", "role", "content")
    }
    return {"role": _SHAREGPT_ROLES[speaker], "content": turn.get("value")} | rest


def _alpaca(row: Mapping[str, Any]) -> Any:
    if row.get("history"):
        raise RowError("history is not supported in instruction rows. Write the row as messages")
    instruction, given = row["instruction"], row.get("input")
    question = (
        f"{instruction}\n\n{given}" if given and isinstance(instruction, str) else instruction
    )
    return [
        *_system(row),
        {"role": "user", "content": question},
        {"role": "assistant", "content": row.get("output")},
    ]


def _system(row: Mapping[str, Any]) -> list[dict[str, Any]]:
    return [{"role": "system", "content": row["system"]}] if row.get("system") else []


_CONVERTERS: Mapping[str, Callable[[Mapping[str, Any]], Any]] = {
    "messages": lambda row: row["messages"],
    "conversations": _conversations,
    "alpaca": _alpaca,
}

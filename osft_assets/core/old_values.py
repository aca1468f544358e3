"""Reads the values of the Kubeflow parameters: text where we have lists and dicts, and tokens.

Checking the result is the recipes' work. No error repeats a value: it may be a secret in the wrong
place.
"""

import json
import re
from collections.abc import Iterator
from typing import Any, get_args, get_origin

from pydantic.fields import FieldInfo

from osft_assets.core.redaction import looks_like_a_token

NAMES_A_VARIABLE = "hf_token"
# Commas count outside double quotes only.
_QUOTED = re.compile(r'"((?:[^"\\]|\\.)*)"')
_ITEM = re.compile(rf'(?:[^,"]|{_QUOTED.pattern})+')
_ALL_CLOSED = re.compile(rf'(?:[^"]|{_QUOTED.pattern})*')
_PAIRS = 'KEY=VAL,KEY=VAL with values that hold commas in double quotes: KEY="a,b"'


def read_value(name: str, field: FieldInfo, value: Any) -> Any:
    """What the recipe's field `name` takes; ValueError says what was expected."""
    if name == NAMES_A_VARIABLE:
        return _variable(value)
    if any(map(looks_like_a_token, _texts(value))):
        raise ValueError(
            "it looks like a token or a key, and would be stored with the run. Put it in the "
            "environment"
        )
    kind = get_origin(field.annotation)
    if not isinstance(value, str) or kind not in (dict, list):
        return value
    if kind is list:
        return read_list(value)
    pairs = read_pairs(value)
    if get_args(field.annotation)[1] is not Any or value.lstrip().startswith("{"):
        return pairs
    return {key: _scalar(text) for key, text in pairs.items()}


def _scalar(text: str) -> Any:
    """Numbers, true and false of a text; the rest is text."""
    try:
        return json.loads(text)
    except ValueError:
        return text


def _variable(value: Any) -> Any:
    """`HF_TOKEN` and `{env: HF_TOKEN}` say the same. The recipe refuses what is no name."""
    if not isinstance(value, dict):
        return value
    if set(value) == {"env"}:
        return value["env"]
    raise ValueError(
        "expected the name of an environment variable, such as HF_TOKEN or {env: HF_TOKEN}. A "
        "Kubernetes secret becomes variables where pod.env_secrets or the deployment names it"
    )


def _texts(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        for key, each in value.items():
            yield from (str(key), *_texts(each))
    elif isinstance(value, list | tuple):
        for each in value:
            yield from _texts(each)


def read_pairs(text: str) -> dict[str, Any]:
    """`KEY=VAL,KEY=VAL`, or a JSON object as Kubeflow's forms write it."""
    if text.lstrip().startswith("{"):
        return dict(_json(text, dict, "a JSON object such as {...}"))
    pairs: dict[str, str] = {}
    for number, item in enumerate(_items(text, _PAIRS), start=1):
        key, equals, value = item.partition("=")
        if not equals or not key.strip():
            raise ValueError(f"item {number} has no KEY=. Expected {_PAIRS}")
        if key.strip() in pairs:
            raise ValueError(f"item {number} sets a key that is set before. Remove one of them")
        pairs[key.strip()] = value.strip()
    return pairs


def read_list(text: str) -> list[Any]:
    """`a,b`, or a JSON array."""
    if text.lstrip().startswith("["):
        return list(_json(text, list, "a JSON array such as [...]"))
    return list(_items(text, 'a,b with items that hold commas in double quotes: "a,b",c'))


def _items(text: str, expected: str) -> list[str]:
    """Between the commas, without the quotes. Nothing between two commas is no item."""
    if not _ALL_CLOSED.fullmatch(text):
        raise ValueError(f"a double quote is not closed. Expected {expected}")
    stripped = (match.group().strip() for match in _ITEM.finditer(text))
    return [_QUOTED.sub(_unquoted, item) for item in stripped if item]


def _unquoted(match: re.Match[str]) -> str:
    return re.sub(r"\\(.)", r"\1", match[1])


def _json(text: str, kind: type, expected: str) -> Any:
    try:
        found = json.loads(text)
    except ValueError:
        found = None
    if not isinstance(found, kind):
        raise ValueError(f"expected {expected}, which this is not")  # noqa: TRY004 - for pydantic
    return found

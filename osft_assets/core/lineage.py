"""Fingerprints: the identity of what was made, from everything that decides it.

A fingerprint is a hash of canonical JSON. A value without one stable form is refused instead of
stringified: a silent `str()` gives the same thing two identities, or two things one.
"""

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

# 32 hex digits: 128 bits, so that two different inputs never meet in practice, in a name a person
# can still read.
FINGERPRINT_DIGITS = 32


def fingerprint(parts: Mapping[str, Any]) -> str:
    """The same parts, in any order, always give the same digits."""
    return hashlib.sha256(canonical_json(parts).encode()).hexdigest()[:FINGERPRINT_DIGITS]


def canonical_json(value: Any) -> str:
    """JSON with sorted keys, no spaces, and no value whose text could differ between two runs."""
    _refuse_unstable(value, "value")
    return json.dumps(
        value, sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False
    )


def _refuse_unstable(value: Any, place: str) -> None:
    if value is None or isinstance(value, str | bool | int | float):
        return
    if isinstance(value, list | tuple):
        for index, item in enumerate(value):
            _refuse_unstable(item, f"{place}[{index}]")
        return
    if not isinstance(value, Mapping):
        raise TypeError(
            f"{place} is a {type(value).__name__}, which has no stable form. Pass text or numbers."
        )
    for key, item in value.items():
        if not isinstance(key, str):
            raise TypeError(f"{place} has the key {key!r}, a {type(key).__name__}. Keys are text.")
        _refuse_unstable(item, f"{place}.{key}")


def file_sha256(path: Path) -> str:
    """The content hash of a file."""
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()

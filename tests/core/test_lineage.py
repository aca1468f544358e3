"""Fingerprints: the same for the same parts, another for any other."""

import hashlib
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from osft_assets.core.lineage import canonical_json, file_sha256, fingerprint
from tests.core.properties import json_values, repeatable, texts

parts_of_something = st.dictionaries(texts, json_values, max_size=5)


def reversed_keys(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: reversed_keys(value[key]) for key in reversed(value)}
    return [reversed_keys(item) for item in value] if isinstance(value, list) else value


@repeatable
@given(parts_of_something)
def test_the_order_of_the_parts_does_not_matter(parts: dict[str, Any]) -> None:
    assert fingerprint(reversed_keys(parts)) == fingerprint(parts)


@repeatable
@given(parts_of_something, texts)
def test_one_part_more_gives_another_fingerprint(parts: dict[str, Any], value: str) -> None:
    assert fingerprint(parts | {"one more": value}) != fingerprint(parts)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ({"seed": 1}, {"seed": 2}),
        ({"seed": 1}, {"seed": "1"}),
        ({"seed": None}, {"seed": "None"}),
        ({"seed": True}, {"seed": "true"}),
        ({"files": ["a", "b"]}, {"files": ["b", "a"]}),
        ({"files": ["ab"]}, {"files": ["a", "b"]}),
        ({"seed": None}, {}),
    ],
)
def test_a_different_part_gives_another_fingerprint(
    one: dict[str, Any], other: dict[str, Any]
) -> None:
    assert fingerprint(one) != fingerprint(other)


def test_a_tuple_is_the_list_it_is_stored_as() -> None:
    assert fingerprint({"files": ("a", "b")}) == fingerprint({"files": ["a", "b"]})


def test_a_fingerprint_is_fit_for_a_directory_name() -> None:
    assert fingerprint({"a": "/"}).isalnum()


@pytest.mark.parametrize(
    ("value", "expected_error"),
    [
        ({"day": date(2026, 1, 1)}, r"value\.day is a date, which has no stable form"),
        ({"files": ["a", {"b"}]}, r"value\.files\[1\] is a set, which has no stable form"),
        ({"path": Path("a")}, r"value\.path is a PosixPath, which has no stable form"),
        ({"raw": b"a"}, r"value\.raw is a bytes, which has no stable form"),
        ({"a": {1: "one"}}, r"value\.a has the key 1, a int\. Keys are text"),
    ],
)
def test_a_value_without_a_stable_form_is_refused(value: Any, expected_error: str) -> None:
    with pytest.raises(TypeError, match=expected_error):
        canonical_json(value)


@pytest.mark.parametrize("number", [float("nan"), float("inf"), float("-inf")])
def test_a_number_that_json_does_not_have_is_refused(number: float) -> None:
    with pytest.raises(ValueError, match="not JSON compliant"):
        canonical_json({"rate": number})


def test_the_hash_of_a_file_is_the_one_that_other_tools_compute(tmp_path: Path) -> None:
    path = tmp_path / "rows.jsonl"
    path.write_bytes(b"some content\n" * 100_000)

    assert file_sha256(path) == hashlib.sha256(b"some content\n" * 100_000).hexdigest()

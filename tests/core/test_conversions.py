"""Other chat formats, and the messages they become."""

from typing import Any

import pytest

from osft_assets.core.conversions import shape_of, to_messages
from osft_assets.core.errors import RowError

QUESTION = {"role": "user", "content": "What is rain?"}
ANSWER = {"role": "assistant", "content": "Water."}


@pytest.mark.parametrize(
    ("row", "shape"),
    [
        ({"messages": [QUESTION]}, "messages"),
        ({"conversations": [QUESTION]}, "conversations"),
        ({"instruction": "Say hello."}, "alpaca"),
        ({"text": "Rain is water."}, None),
        ({"messages": None, "conversations": [QUESTION]}, "conversations"),
        ({"messages": None, "conversations": None, "instruction": "Say hello."}, "alpaca"),
        ({"messages": [QUESTION], "instruction": "Say hello."}, "messages"),
        ({}, None),
    ],
)
def test_the_first_filled_column_tells_the_format(row: dict[str, Any], shape: str | None) -> None:
    assert shape_of(row) == shape


@pytest.mark.parametrize(
    ("speaker", "role"),
    [
        ("human", "user"),
        ("user", "user"),
        ("gpt", "assistant"),
        ("chatgpt", "assistant"),
        ("assistant", "assistant"),
        ("system", "system"),
        ("tool", "tool"),
        ("observation", "tool"),
        ("function_response", "tool"),
        ("function", "function"),
    ],
)
def test_every_sharegpt_speaker_has_a_role(speaker: str, role: str) -> None:
    row = {"conversations": [{"from": speaker, "value": "Some text."}, ANSWER]}

    assert to_messages(row, "conversations") == [{"role": role, "content": "Some text."}, ANSWER]


def test_conversations_may_already_have_roles() -> None:
    row = {"conversations": [QUESTION, ANSWER]}

    assert to_messages(row, "conversations") == [QUESTION, ANSWER]


def test_null_columns_do_not_hide_the_speaker() -> None:
    turn = {"from": "human", "value": "What is rain?", "role": None, "content": None}

    messages = to_messages({"conversations": [turn, ANSWER]}, "conversations")

    assert messages == [QUESTION, ANSWER]


def test_null_columns_do_not_hide_the_role() -> None:
    turn = QUESTION | {"from": None, "value": None}

    messages = to_messages({"conversations": [turn, ANSWER]}, "conversations")

    assert (messages[0]["role"], messages[0]["content"]) == ("user", "What is rain?")


def test_further_keys_of_a_turn_are_kept() -> None:
    turn = {"from": "human", "value": "What is rain?", "name": "Ada"}

    messages = to_messages({"conversations": [turn, ANSWER]}, "conversations")

    assert messages == [QUESTION | {"name": "Ada"}, ANSWER]


def test_a_system_column_opens_the_conversation() -> None:
    row = {"system": "Be kind.", "conversations": [QUESTION, ANSWER]}

    expected = [{"role": "system", "content": "Be kind."}, QUESTION, ANSWER]
    assert to_messages(row, "conversations") == expected


@pytest.mark.parametrize(
    ("row", "expected"),
    [
        ({"instruction": "What is rain?", "output": "Water."}, [QUESTION, ANSWER]),
        ({"instruction": "What is rain?", "input": "", "output": "Water."}, [QUESTION, ANSWER]),
        ({"instruction": "What is rain?", "input": None, "output": "Water."}, [QUESTION, ANSWER]),
        (
            {"instruction": "Translate.", "input": "pluie", "output": "rain"},
            [
                {"role": "user", "content": "Translate.\n\npluie"},
                {"role": "assistant", "content": "rain"},
            ],
        ),
        (
            {"instruction": "What is rain?", "output": "Water.", "system": "Be kind."},
            [{"role": "system", "content": "Be kind."}, QUESTION, ANSWER],
        ),
        (
            {"instruction": "What is rain?", "output": "Water.", "system": "", "history": []},
            [QUESTION, ANSWER],
        ),
    ],
)
def test_an_instruction_becomes_a_question_and_an_answer(
    row: dict[str, Any], expected: list[dict[str, Any]]
) -> None:
    assert to_messages(row, "alpaca") == expected


@pytest.mark.parametrize(
    ("row", "shape", "expected_error"),
    [
        ({"conversations": "hello"}, "conversations", "conversations is text, expected a list"),
        (
            {"conversations": [{"from": "alien", "value": "x"}]},
            "conversations",
            r"conversations\[0\]\.from is 'alien', expected one of human, user, gpt",
        ),
        (
            {"conversations": [{"from": ["human"], "value": "x"}]},
            "conversations",
            r"conversations\[0\]\.from is .*human.*, expected one of human",
        ),
        (
            {"instruction": "Go on.", "output": "x", "history": [["a", "b"]]},
            "alpaca",
            "history is not supported in instruction rows. Write the row as messages",
        ),
    ],
)
def test_what_has_no_counterpart_is_refused(
    row: dict[str, Any], shape: str, expected_error: str
) -> None:
    with pytest.raises(RowError, match=expected_error):
        to_messages(row, shape)

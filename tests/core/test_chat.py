"""Conversations: what is accepted, what is kept, and what is said about the rest."""

from typing import Any

import pytest

from osft_assets.core.chat import Message, checked_messages, has_something_to_learn
from osft_assets.core.errors import RowError

USER = {"role": "user", "content": "What is rain?"}
ASSISTANT = {"role": "assistant", "content": "Water that falls."}


@pytest.mark.parametrize("role", ["system", "user", "assistant", "tool", "function", "pretraining"])
def test_every_role_training_knows_is_accepted(role: str) -> None:
    message = {"role": role, "content": "Some text."}

    assert checked_messages([message, ASSISTANT]) == [message, ASSISTANT]


def test_raw_text_to_learn_needs_no_assistant() -> None:
    messages = [{"role": "pretraining", "content": "Rain is water."}]

    assert checked_messages(messages) == messages


def test_reasoning_is_kept() -> None:
    answer = ASSISTANT | {"reasoning_content": "Think of clouds."}

    assert checked_messages([USER, answer]) == [USER, answer]


def test_keys_that_training_passes_to_the_chat_template_are_kept() -> None:
    call = ASSISTANT | {"name": "helper", "tool_calls": [{"id": "1", "function": {"name": "f"}}]}

    assert checked_messages([USER, call]) == [USER, call]


def test_keys_without_a_value_are_dropped() -> None:
    padded = ASSISTANT | {"reasoning_content": None, "tool_calls": None, "name": None}

    assert checked_messages([USER, padded]) == [USER, ASSISTANT]


@pytest.mark.parametrize(
    ("messages", "expected_error"),
    [
        (None, "messages is missing or null, expected a list of messages"),
        ("hello", "messages is text, expected a list of messages"),
        ({"role": "user"}, "messages is an object, expected a list of messages"),
        ([], "messages is empty"),
        (["hello"], r"messages\[0\] is text, expected an object with role and content"),
        ([USER, None], r"messages\[1\] is missing or null, expected an object"),
        ([{"role": "bot", "content": "x"}], r"messages\[0\]\.role is 'bot', expected one of sys"),
        ([{"content": "x"}], r"messages\[0\]\.role is missing or null, expected one of system"),
        ([{"role": ["user"], "content": "x"}], r"messages\[0\]\.role is a list, expected one of"),
        ([USER, {"role": "assistant"}], r"messages\[1\]\.content is missing or null, expected tex"),
        (
            [USER, {"role": "assistant", "content": None}],
            r"messages\[1\]\.content is missing or null, expected text",
        ),
        ([USER, {"role": "assistant", "content": ""}], r"messages\[1\]\.content is empty"),
        (
            [USER, {"role": "assistant", "content": [{"type": "text", "text": "x"}]}],
            r"messages\[1\]\.content is a list, expected text",
        ),
        ([USER, {"role": "assistant", "content": 4}], r"messages\[1\]\.content is a number, expec"),
        (
            [USER, {"role": "assistant", "content": True}],
            r"messages\[1\]\.content is true or false",
        ),
        (
            [USER, ASSISTANT | {"reasoning_content": 4}],
            r"messages\[1\]\.reasoning_content is a number, expected text",
        ),
        ([USER], "messages has no assistant message with text, so there is nothing to learn from"),
        ([USER, {"role": "assistant", "content": " \n\t"}], "no assistant message with text"),
    ],
)
def test_a_bad_conversation_is_refused_with_the_place(messages: Any, expected_error: str) -> None:
    with pytest.raises(RowError, match=expected_error):
        checked_messages(messages)


def test_the_place_carries_the_name_of_the_column() -> None:
    with pytest.raises(RowError, match=r"^conversations\[1\]\.content is empty$"):
        checked_messages([USER, {"role": "assistant", "content": ""}], "conversations")


def test_a_long_value_is_not_repeated() -> None:
    text = "secret " * 10

    with pytest.raises(RowError) as refusal:
        checked_messages([{"role": text, "content": "x"}])

    assert text not in str(refusal.value)


@pytest.mark.parametrize(
    ("message", "learns"),
    [
        (Message("assistant", "An answer."), True),
        (Message("pretraining", "A text."), True),
        (Message("assistant", " \n"), False),
        (Message("user", "A question."), False),
        (Message("tool", "A result."), False),
    ],
)
def test_only_words_of_the_model_can_be_learnt(message: Message, learns: bool) -> None:
    assert has_something_to_learn([Message("system", "Be kind."), message]) is learns

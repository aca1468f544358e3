"""One row in, one canonical line out, or the reason why not."""

import json
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from osft_assets.core.errors import RowError
from osft_assets.core.rows import RowKind, RowParser
from tests.core.properties import messages, repeatable
from tests.fakes import chat

USER = {"role": "user", "content": "What is rain?"}
ASSISTANT = {"role": "assistant", "content": "Water."}


def encoded(row: Any) -> bytes:
    return json.dumps(row).encode()


def parsed(row: Any, kind: RowKind = "messages", column: str = "document") -> Any:
    return json.loads(RowParser(kind, column).parse(encoded(row)))


# The same content, the same bytes


@st.composite
def restyled(draw: st.DrawFn, value: Any) -> bytes:
    """The same row as other writers would put it: key order, spacing, escapes, null columns."""
    nulls = {"reasoning_content": None, "tool_calls": None}

    def shuffled(item: Any) -> Any:
        if isinstance(item, list):
            return [shuffled(part) for part in item]
        if not isinstance(item, dict):
            return item
        padded = (nulls | item) if "role" in item and draw(st.booleans()) else item
        return {key: shuffled(padded[key]) for key in draw(st.permutations(list(padded)))}

    text = json.dumps(
        shuffled(value),
        indent=draw(st.sampled_from([None, 2])),
        ensure_ascii=draw(st.booleans()),
    )
    return f" {text}\r".encode()


@repeatable
@given(st.data(), messages(), st.booleans())
def test_spacing_and_key_order_and_nulls_do_not_change_the_bytes(
    data: st.DataObject, conversation: list[dict[str, Any]], unmask: bool
) -> None:
    row = {"messages": conversation, "unmask": unmask}
    other = data.draw(restyled(row))

    assert RowParser().parse(other) == RowParser().parse(encoded(row))


@repeatable
@given(messages(), st.sampled_from([None, False, True]))
def test_a_row_from_a_table_and_from_a_line_give_the_same_bytes(
    conversation: list[dict[str, Any]], unmask: bool | None
) -> None:
    row = {"messages": conversation, "unmask": unmask}

    assert RowParser().parse(row) == RowParser().parse(encoded(row))


@repeatable
@given(messages())
def test_a_canonical_line_is_its_own_canonical_form(conversation: list[dict[str, Any]]) -> None:
    line = RowParser().parse({"messages": conversation})

    assert RowParser().parse(line) == line


def test_a_key_order_deep_inside_a_message_does_not_change_the_bytes() -> None:
    call = {"id": "1", "function": {"name": "weather", "arguments": "{}"}}
    reordered = {"function": {"arguments": "{}", "name": "weather"}, "id": "1"}
    row = chat("What is rain?", "Water.")
    other = chat("What is rain?", "Water.")
    row["messages"][1]["tool_calls"] = [call]
    other["messages"][1]["tool_calls"] = [reordered]

    assert RowParser().parse(row) == RowParser().parse(other)


def test_a_null_deep_inside_a_message_does_not_change_the_bytes() -> None:
    row = chat("What is rain?", "Water.")
    from_parquet = chat("What is rain?", "Water.")
    row["messages"][1]["tool_calls"] = [{"id": "1"}]
    from_parquet["messages"][1]["tool_calls"] = [{"id": "1", "function": None}]

    assert RowParser().parse(row) == RowParser().parse(from_parquet)


def test_a_message_with_a_number_that_is_none_is_refused() -> None:
    row = {"messages": [USER, ASSISTANT | {"weight": float("nan")}]}

    with pytest.raises(RowError, match=r"messages\[1\]\.weight is nan, which JSON cannot hold"):
        RowParser().parse(row)


@pytest.mark.parametrize(
    ("kind", "row", "line"),
    [
        (
            "messages",
            {"messages": [USER, ASSISTANT], "source": "web"},
            b'{"messages":[{"role":"user","content":"What is rain?"},'
            b'{"role":"assistant","content":"Water."}]}',
        ),
        (
            "tokens",
            {"labels": [-100, 2], "input_ids": [1, 2], "attention_mask": [1, 1]},
            b'{"input_ids":[1,2],"labels":[-100,2]}',
        ),
        ("documents", {"text": "Rain.", "id": 4}, b'{"document":"Rain."}'),
    ],
)
def test_the_line_holds_what_training_reads_and_nothing_else(
    kind: RowKind, row: dict[str, Any], line: bytes
) -> None:
    assert RowParser(kind).parse(encoded(row)) == line


# Chats


def test_the_unmask_flag_is_kept() -> None:
    row = chat("What is rain?", "Water.", unmask=True)

    assert parsed(row) == row


def test_an_unmask_flag_that_is_off_leaves_no_trace() -> None:
    row = chat("What is rain?", "Water.", unmask=False)

    assert parsed(row) == chat("What is rain?", "Water.")


def test_the_unmask_flag_survives_a_conversion() -> None:
    row = {"instruction": "What is rain?", "output": "Water.", "unmask": True}

    assert parsed(row) == chat("What is rain?", "Water.", unmask=True)


def test_reasoning_is_kept() -> None:
    row = {"messages": [USER, ASSISTANT | {"reasoning_content": "Clouds."}]}

    assert parsed(row) == row


def test_keys_of_tool_use_are_kept() -> None:
    row = {"messages": [USER, ASSISTANT | {"name": "helper", "tool_calls": [{"id": "1"}]}]}

    assert parsed(row) == row


@pytest.mark.parametrize(
    "row",
    [
        {"conversations": [{"from": "human", "value": "Hi."}, {"from": "gpt", "value": "Hello."}]},
        {
            "conversations": [
                {"role": "user", "content": "Hi."},
                {"role": "assistant", "content": "Hello."},
            ]
        },
        {"instruction": "Hi.", "output": "Hello."},
        {"messages": None, "instruction": "Hi.", "input": "", "output": "Hello."},
    ],
)
def test_every_chat_format_becomes_the_same_messages(row: dict[str, Any]) -> None:
    assert parsed(row) == chat("Hi.", "Hello.")


def test_converted_rows_are_counted_by_their_format() -> None:
    parser = RowParser()
    sharegpt = {"conversations": [USER, ASSISTANT]}
    alpaca = {"instruction": "Hi.", "output": "Hello."}

    for row in (sharegpt, alpaca, alpaca, chat("Hi.", "Hello.")):
        parser.parse(encoded(row))

    assert parser.shapes == {"conversations": 1, "alpaca": 2}


def test_refused_rows_are_not_counted_as_converted() -> None:
    parser = RowParser()

    with pytest.raises(RowError):
        parser.parse(encoded({"instruction": "Hi.", "output": ""}))

    assert not parser.shapes


@pytest.mark.parametrize(
    ("row", "expected_error"),
    [
        ({"messages": []}, "messages is empty"),
        ({"messages": [USER]}, "no assistant message with text"),
        (
            {"messages": [USER, ASSISTANT], "unmask": "yes"},
            "unmask is text, expected true or false",
        ),
        ({"conversations": [{"from": "human"}]}, r"conversations\[0\]\.value is missing or null"),
        ({"conversations": {"from": "human"}}, "conversations is an object, expected a list"),
        ({"instruction": 5, "output": "Hello."}, "is a number, expected text"),
        ({"instruction": "Add.", "input": ["1", "2"], "output": "3"}, "input is a list"),
        ({"instruction": "Hi."}, "output is missing or null, expected text"),
    ],
)
def test_a_bad_chat_is_refused_with_its_reason(row: dict[str, Any], expected_error: str) -> None:
    with pytest.raises(RowError, match=expected_error):
        RowParser().parse(encoded(row))


def test_a_turn_is_numbered_as_in_the_file_when_there_is_a_system_column() -> None:
    turns = [{"from": "human", "value": "Hi."}, {"from": "gpt", "value": ""}]

    with pytest.raises(RowError, match=r"conversations\[1\]"):
        RowParser().parse(encoded({"system": "Be kind.", "conversations": turns}))


def test_text_that_no_file_can_hold_is_refused() -> None:
    row = chat("What is rain?", "half of a pair: \ud800")

    with pytest.raises(RowError):
        RowParser().parse(row)


# Tokens


def test_tokens_are_kept_as_they_are() -> None:
    row = {"input_ids": [1, 2, 3], "labels": [-100, 2, 3]}

    assert parsed(row, "tokens") == row


@pytest.mark.parametrize(
    ("row", "expected_error"),
    [
        ({"input_ids": [1, 2], "labels": [1]}, "2 input_ids but 1 labels; they go in pairs"),
        ({"input_ids": [1, 2], "labels": [-100, -100]}, "every label is -100, so there is nothing"),
        ({"input_ids": [1, -1], "labels": [1, 1]}, r"Expected int >= 0 - at \$\.input_ids\[1\]"),
        ({"input_ids": [1], "labels": [-101]}, r"Expected int >= -100 - at \$\.labels\[0\]"),
        ({"input_ids": [1]}, "missing required field labels"),
        ({"input_ids": [1], "labels": None}, r"got null - at \$\.labels"),
        ({"input_ids": [], "labels": []}, r"length >= 1 - at \$\.input_ids"),
        ({"input_ids": "1 2", "labels": [1]}, r"Expected array, got str - at \$\.input_ids"),
        ({"input_ids": [1.5], "labels": [1]}, r"Expected int, got float - at \$\.input_ids\[0\]"),
        ({"input_ids": [True], "labels": [1]}, r"Expected int, got bool - at \$\.input_ids\[0\]"),
    ],
)
def test_bad_tokens_are_refused_with_the_place(row: dict[str, Any], expected_error: str) -> None:
    with pytest.raises(RowError, match=expected_error):
        RowParser("tokens").parse(encoded(row))


# Documents


@pytest.mark.parametrize(
    ("row", "column"),
    [
        ({"document": "Rain."}, "document"),
        ({"text": "Rain."}, "document"),
        ({"body": "Rain."}, "body"),
        ({"body": "Rain.", "text": "Other.", "document": "Other."}, "body"),
        ({"body": None, "document": None, "text": "Rain."}, "body"),
        ({"document": "Rain.", "text": "Other."}, "document"),
    ],
)
def test_a_document_is_found_in_the_first_filled_column(row: dict[str, Any], column: str) -> None:
    assert parsed(row, "documents", column) == {"document": "Rain."}


@pytest.mark.parametrize(
    ("value", "expected_error"),
    [
        ("", "^text is empty$"),
        (" \n", "^text is empty$"),
        (5, "^text is a number, expected text$"),
        (["Rain."], "^text is a list, expected text$"),
        ({"text": "Rain."}, "^text is an object, expected text$"),
    ],
)
def test_a_document_that_is_no_text_is_refused(value: Any, expected_error: str) -> None:
    with pytest.raises(RowError, match=expected_error):
        RowParser("documents").parse(encoded({"text": value}))


# Rows of another kind


@pytest.mark.parametrize(
    ("kind", "row", "expected_error"),
    [
        ("messages", {"text": "Rain."}, "found text, expected messages. Documents need train.is_"),
        ("messages", {"document": "Rain."}, "Documents need train.is_pretraining. Give chats as"),
        ("messages", {"input_ids": [1], "labels": [1]}, "input_ids need train.use_processed_data"),
        ("messages", {"b": 1, "a": 2}, "found a, b, expected messages. Give chats as messages"),
        ("messages", {}, "found no fields, expected messages. Give chats as messages"),
        ("tokens", {"messages": [USER, ASSISTANT]}, "set train.use_processed_dataset to false"),
        ("tokens", {"text": "Rain."}, "found text, expected tokens. Give input_ids and labels"),
        ("documents", {"messages": [USER]}, "found messages, expected documents. Give a document"),
        ("documents", {"input_ids": [1]}, "Rows with input_ids need train.use_processed_dataset"),
    ],
)
def test_a_row_of_another_kind_is_refused_with_the_setting_it_needs(
    kind: RowKind, row: dict[str, Any], expected_error: str
) -> None:
    with pytest.raises(RowError, match=expected_error):
        RowParser(kind).parse(encoded(row))


# What is no row at all


@pytest.mark.parametrize("kind", ["messages", "tokens", "documents"])
@pytest.mark.parametrize(
    ("raw", "expected_error"),
    [
        (b'{"messages": [', "malformed JSON"),
        (b"What is rain?", "malformed JSON"),
        (b'{"text": "caf\xe9"}', "not UTF-8 text. Save the file as UTF-8"),
        (b'{"caf\xe9": 1}', "not UTF-8 text. Save the file as UTF-8"),
        (b'{"a": ' + b"[" * 5_000 + b"]" * 5_000 + b"}", "nested too deeply to be a row"),
        (b"[1, 2]", "found a list, expected an object"),
        (b'"text"', "found text, expected an object"),
        (b"null", "found missing or null, expected an object"),
    ],
)
def test_bytes_that_are_no_row_are_refused(kind: RowKind, raw: bytes, expected_error: str) -> None:
    with pytest.raises(RowError, match=expected_error):
        RowParser(kind).parse(raw)


# Columns that are not kept


@pytest.mark.parametrize(
    ("kind", "row", "expected"),
    [
        ("messages", {"messages": [], "source": 1, "id": 2}, {"source", "id"}),
        ("messages", {"instruction": "", "input": "", "output": "", "system": ""}, set()),
        ("tokens", {"input_ids": [], "labels": [], "attention_mask": []}, {"attention_mask"}),
        ("documents", {"body": "Rain.", "url": ""}, {"url"}),
    ],
)
def test_columns_that_are_not_kept_are_named(
    kind: RowKind, row: dict[str, Any], expected: set[str]
) -> None:
    assert RowParser(kind, "body").ignored_columns(encoded(row)) == expected


@pytest.mark.parametrize(
    ("kind", "row", "expected"),
    [
        ("messages", chat("Hi.", "Hello.", system="Be kind."), {"system"}),
        ("messages", chat("Hi.", "Hello.", output="Goodbye."), {"output"}),
        ("documents", {"document": "Rain.", "text": "Snow."}, {"text"}),
    ],
)
def test_a_column_of_another_format_is_named_too_when_it_is_not_kept(
    kind: RowKind, row: dict[str, Any], expected: set[str]
) -> None:
    assert RowParser(kind).ignored_columns(row) == expected


def test_a_broken_row_has_no_columns() -> None:
    assert RowParser().ignored_columns(b"{") == set()


def test_a_row_from_a_table_names_its_columns_like_a_line() -> None:
    row = chat("Hi.", "Hello.", source="web")

    assert RowParser().ignored_columns(row) == RowParser().ignored_columns(msgspec.json.encode(row))

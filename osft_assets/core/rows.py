"""One row in, one canonical line out, or the reason why not.

A dataset is of one kind: chats, documents or tokens, as the training recipe says. The same content
gives the same bytes, whatever file format, key order or spacing it came in, so hashing the line
finds duplicates. Reading files is `resources/row_files.py`; deciding which side a line goes to is
`core.splits`.
"""

from collections import Counter
from collections.abc import Mapping
from typing import Annotated, Any, Literal

import msgspec

from osft_assets.core.chat import ChatRow, has_something_to_learn, kind_of
from osft_assets.core.conversions import shape_of, to_messages, used_columns
from osft_assets.core.errors import RowError

RowKind = Literal["messages", "tokens", "documents"]
# A reader that cannot make a row of something passes on the reason instead.
RawRow = bytes | Mapping[str, Any] | RowError
# Label of a token that the loss leaves out.
IGNORED_LABEL = -100
_REMEDY: Mapping[str, str] = {
    "messages": "Give chats as messages, conversations, or instruction/input/output",
    "tokens": "Give input_ids and labels, or set train.use_processed_dataset to false",
    "documents": "Give a document or text field, or set train.is_pretraining to false",
}


class _TokenRow(msgspec.Struct):
    input_ids: Annotated[list[Annotated[int, msgspec.Meta(ge=0)]], msgspec.Meta(min_length=1)]
    labels: list[Annotated[int, msgspec.Meta(ge=IGNORED_LABEL)]]


class RowParser:
    """Parses the rows of one dataset, counting the formats they came in."""

    def __init__(self, kind: RowKind = "messages", document_column: str = "document") -> None:
        self.kind = kind
        self.shapes: Counter[str] = Counter()
        self._document_columns = dict.fromkeys((document_column, "document", "text"))
        self._decode_chat = msgspec.json.Decoder(ChatRow).decode
        self._encode = msgspec.json.Encoder().encode
        self._parse_object = {
            "messages": self._chat,
            "tokens": self._tokens,
            "documents": self._document,
        }[kind]

    def parse(self, raw: RawRow) -> bytes:
        """The canonical line, without its newline."""
        if self.kind == "messages" and isinstance(raw, bytes):
            try:
                chat = self._decode_chat(raw)
                if has_something_to_learn(chat.messages):
                    return self._encode(chat)
            except (ValueError, RecursionError):
                pass  # not simply well-formed: the slow way converts it, or says why not
        try:
            row = _decoded(raw)
            line = self._encode(self._parse_object(row))
        except UnicodeEncodeError:
            raise RowError("holds half a character (a lone surrogate). Mend the text") from None
        except RecursionError:
            raise RowError("nested too deeply to be a row") from None
        shape = shape_of(row) if self.kind == "messages" else None
        if shape and shape != "messages":
            self.shapes[shape] += 1
        return line

    def ignored_columns(self, raw: RawRow) -> set[str]:
        """Columns of a row that the canonical line does not keep."""
        try:
            row = _decoded(raw)
        except (RowError, RecursionError):
            return set()
        return set(row) - set(self._used_columns(row))

    def _used_columns(self, row: Mapping[str, Any]) -> tuple[str, ...]:
        if self.kind == "tokens":
            return ("input_ids", "labels")
        if self.kind == "documents":
            return (self._document_column(row) or "document",)
        return used_columns(shape_of(row) or "messages")

    def _chat(self, row: Mapping[str, Any]) -> dict[str, Any]:
        shape = shape_of(row)
        if shape is None:
            raise RowError(self._wrong_kind(row))
        messages = to_messages(row, shape)
        unmask = row.get("unmask")
        if unmask is not None and not isinstance(unmask, bool):
            raise RowError(f"unmask is {kind_of(unmask)}, expected true or false")
        return {"messages": messages} | ({"unmask": True} if unmask else {})

    def _tokens(self, row: Mapping[str, Any]) -> _TokenRow:
        if row.get("input_ids") is None:
            raise RowError(self._wrong_kind(row))
        try:
            tokens = msgspec.convert(row, _TokenRow)
        except msgspec.ValidationError as problem:
            raise RowError(f"{problem}".replace("`", "")) from None
        ids, labels = len(tokens.input_ids), len(tokens.labels)
        if ids != labels:
            raise RowError(f"{ids} input_ids but {labels} labels; they go in pairs")
        if all(label == IGNORED_LABEL for label in tokens.labels):
            raise RowError("every label is -100, so there is nothing to learn from")
        return tokens

    def _document(self, row: Mapping[str, Any]) -> dict[str, Any]:
        column = self._document_column(row)
        if column is None:
            raise RowError(self._wrong_kind(row))
        text = row[column]
        if not isinstance(text, str):
            raise RowError(f"{column} is {kind_of(text)}, expected text")
        if not text or text.isspace():
            raise RowError(f"{column} is empty")
        return {"document": text}

    def _document_column(self, row: Mapping[str, Any]) -> str | None:
        return next((name for name in self._document_columns if row.get(name) is not None), None)

    def _wrong_kind(self, row: Mapping[str, Any]) -> str:
        hint = ""
        if self.kind != "tokens" and row.get("input_ids") is not None:
            hint = ". Rows with input_ids need train.use_processed_dataset (OSFT)"
        elif self.kind == "messages" and self._document_column(row):
            hint = ". Documents need train.is_pretraining"
        keys = ", ".join(sorted(map(str, row))) or "no fields"
        return f"found {keys[:200]}, expected {self.kind}{hint}. {_REMEDY[self.kind]}"


def _decoded(raw: RawRow) -> Mapping[str, Any]:
    if isinstance(raw, RowError):
        raise raw
    if not isinstance(raw, bytes):
        return raw
    try:
        row = msgspec.json.decode(raw)
    except ValueError as problem:
        if not _is_utf8(raw):
            raise RowError("not UTF-8 text. Save the file as UTF-8") from None
        reason = str(problem).removeprefix("JSON is malformed: ")
        raise RowError(f"malformed JSON: {reason}") from None
    if not isinstance(row, dict):
        raise RowError(f"found {kind_of(row)}, expected an object")
    return row


def _is_utf8(raw: bytes) -> bool:
    try:
        raw.decode()
    except UnicodeDecodeError:
        return False
    return True

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

from osft_assets.core.chat import ChatRow, checked_messages, has_something_to_learn
from osft_assets.core.conversions import shape_of, to_messages
from osft_assets.core.errors import RowError

RowKind = Literal["messages", "tokens", "documents"]
RawRow = bytes | Mapping[str, Any]
# Label of a token that the loss leaves out.
_IGNORED_LABEL = -100
_USED_COLUMNS: Mapping[str, tuple[str, ...]] = {
    "messages": ("messages", "conversations", "instruction", "input", "output", "system", "unmask"),
    "tokens": ("input_ids", "labels"),
    "documents": ("document", "text"),
}
_REMEDY: Mapping[str, str] = {
    "messages": "Give chats as messages, conversations, or instruction/input/output",
    "tokens": "Give input_ids and labels, or set train.use_processed_dataset to false",
    "documents": "Give a document or text field, or set train.is_pretraining to false",
}
_encode = msgspec.json.encode


class _TokenRow(msgspec.Struct):
    input_ids: Annotated[list[Annotated[int, msgspec.Meta(ge=0)]], msgspec.Meta(min_length=1)]
    labels: list[Annotated[int, msgspec.Meta(ge=_IGNORED_LABEL)]]


class RowParser:
    """Parses the rows of one dataset, counting the formats they came in."""

    def __init__(self, kind: RowKind = "messages", document_column: str = "document") -> None:
        self.kind = kind
        self.shapes: Counter[str] = Counter()
        self._document_columns = dict.fromkeys((document_column, "document", "text"))
        self._decode_chat = msgspec.json.Decoder(ChatRow).decode
        self._parse_object = {
            "messages": self._chat,
            "tokens": self._tokens,
            "documents": self._document,
        }[kind]

    def parse(self, raw: RawRow) -> bytes:
        """The canonical line, without its newline."""
        if self.kind == "messages" and isinstance(raw, bytes):
            try:
                row = self._decode_chat(raw)
            except (
                ValueError,
                RecursionError,
            ):  # not simply well-formed: the slow way converts it or says why
                return self._parse_object(_decoded(raw))
            if has_something_to_learn(row.messages):
                return _encode(row)
        return self._parse_object(_decoded(raw) if isinstance(raw, bytes) else raw)

    def ignored_columns(self, raw: RawRow) -> set[str]:
        """Columns of a row that the canonical line does not keep."""
        try:
            row = _decoded(raw) if isinstance(raw, bytes) else raw
        except RowError:
            return set()
        used = (
            *_USED_COLUMNS[self.kind],
            *(self._document_columns if self.kind == "documents" else ()),
        )
        return {key for key in row if key not in used}

    def _chat(self, row: Mapping[str, Any]) -> bytes:
        shape = shape_of(row)
        if shape is None:
            raise RowError(self._wrong_kind(row))
        messages = checked_messages(
            to_messages(row, shape), shape if shape == "conversations" else "messages"
        )
        unmask = row.get("unmask")
        if unmask is not None and not isinstance(unmask, bool):
            raise RowError("unmask is not true or false")
        if shape != "messages":
            self.shapes[shape] += 1
        return _encode({"messages": messages} | ({"unmask": True} if unmask else {}))

    def _tokens(self, row: Mapping[str, Any]) -> bytes:
        if row.get("input_ids") is None:
            raise RowError(self._wrong_kind(row))
        try:
            tokens = msgspec.convert(row, _TokenRow)
        except msgspec.ValidationError as problem:
            raise RowError(f"{problem}".replace("`", "")) from None
        if len(tokens.input_ids) != len(tokens.labels):
            raise RowError(
                f"{len(tokens.input_ids)} input_ids but {len(tokens.labels)} labels; they go in "
                f"pairs"
            )
        if all(label == _IGNORED_LABEL for label in tokens.labels):
            raise RowError("every label is -100, so there is nothing to learn from")
        return _encode(tokens)

    def _document(self, row: Mapping[str, Any]) -> bytes:
        column = next((name for name in self._document_columns if row.get(name) is not None), None)
        if column is None:
            raise RowError(self._wrong_kind(row))
        if not isinstance(row[column], str) or not row[column]:
            raise RowError(f"{column} is not text, or empty")
        return _encode({"document": row[column]})

    def _wrong_kind(self, row: Mapping[str, Any]) -> str:
        hint = ""
        if self.kind != "tokens" and row.get("input_ids") is not None:
            hint = ". Rows with input_ids need train.use_processed_dataset (OSFT)"
        elif self.kind == "messages" and any(
            row.get(name) is not None for name in self._document_columns
        ):
            hint = ". Documents need train.is_pretraining"
        keys = ", ".join(sorted(map(str, row))) or "no fields"
        return f"found {keys[:200]}, expected {self.kind}{hint}. {_REMEDY[self.kind]}"


def _decoded(raw: bytes) -> Mapping[str, Any]:
    try:
        row = msgspec.json.decode(raw)
    except UnicodeDecodeError:
        raise RowError("not UTF-8 text. Save the file as UTF-8") from None
    except msgspec.DecodeError as problem:
        if not _is_utf8(raw):
            raise RowError("not UTF-8 text. Save the file as UTF-8") from None
        raise RowError(f"malformed JSON: {problem}") from None
    except RecursionError:
        raise RowError("nested too deeply to be a row") from None
    if not isinstance(row, dict):
        raise RowError(f"found a {type(row).__name__}, expected an object")
    return row


def _is_utf8(raw: bytes) -> bool:
    try:
        raw.decode()
    except UnicodeDecodeError:
        return False
    return True

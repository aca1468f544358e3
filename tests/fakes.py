"""One fake per port, held against the adapters' own contract by `tests/test_fakes.py`."""

from collections.abc import Mapping, Sequence
from typing import Any

import msgspec

from osft_assets.core.ports import DatasetSource, FoundSource, RowBatch
from osft_assets.core.recipes.dataset import DatasetRecipe
from osft_assets.core.records import SourceRecord


def chat(question: str, answer: str, **columns: Any) -> dict[str, Any]:
    """A row with one question and one answer."""
    messages = [{"role": "user", "content": question}, {"role": "assistant", "content": answer}]
    return {"messages": messages, **columns}


def chats(count: int, start: int = 0) -> list[dict[str, Any]]:
    """Different rows, the same ones every time."""
    return [
        chat(f"What is {number}?", f"It is {number}.") for number in range(start, start + count)
    ]


def lines(rows: Sequence[Mapping[str, Any]]) -> bytes:
    """Rows as a JSONL file."""
    return b"".join(msgspec.json.encode(row) + b"\n" for row in rows)


class FakeSource:
    """Rows from memory. Counts how often it was read, and remembers what it was asked for."""

    def __init__(
        self,
        rows: Sequence[Mapping[str, Any]],
        revision: str = "fake:1",
        uri: str = "fake://rows",
        name: str = "rows.jsonl",
    ) -> None:
        self.rows = rows
        self.uri, self.name = uri, name
        self.revision = revision
        self.times_read = 0
        self.recipes: list[DatasetRecipe] = []

    def find(self, recipe: DatasetRecipe) -> FoundSource:
        self.recipes.append(recipe)
        record = SourceRecord(uri=self.uri, revision=self.revision, files=(self.name,))
        return FoundSource(record, len(lines(self.rows)), self._read)

    def _read(self) -> Any:
        self.times_read += 1
        encoded = [msgspec.json.encode(row) for row in self.rows]
        for first in range(0, len(encoded), 1000):
            end = first + 1000
            bytes_read = sum(len(row) + 1 for row in encoded[:end])
            yield RowBatch(self.name, "line", first + 1, encoded[first:end], bytes_read)


_: type[DatasetSource] = FakeSource

"""The outside world, as core sees it. Each port has a fake in `tests/fakes.py` and its adapters in
`resources/`."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from osft_assets.core.recipes.dataset import DatasetRecipe
from osft_assets.core.records import SourceRecord
from osft_assets.core.rows import RawRow


@dataclass(frozen=True)
class RowBatch:
    """Some rows of one file, in order. A row of None is a blank line: counted for its place, then
    skipped."""

    file: str
    unit: str  # "line" or "row": what `first` counts
    first: int
    rows: Sequence[RawRow | None]
    bytes_read: int  # of the whole source so far, as stored (compressed)

    def place(self, index: int) -> str:
        """How a person finds the row."""
        return f"{self.file} {self.unit} {self.first + index:,}"


@dataclass(frozen=True)
class FoundSource:
    """A source that exists and may be read, with what identifies its present content."""

    record: SourceRecord
    size_bytes: int | None
    read: Callable[[], Iterator[RowBatch]] = field(repr=False)


class DatasetSource(Protocol):
    """Where rows come from."""

    def find(self, recipe: DatasetRecipe) -> FoundSource:
        """Resolve the address, or raise ConfigError (wrong address) or SourceError (not there, not
        allowed)."""
        ...

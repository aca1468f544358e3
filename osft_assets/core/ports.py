"""The outside world, as core sees it. Fakes are in `tests/fakes.py`, adapters in `resources/`."""

from collections.abc import Callable, Generator, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from osft_assets.core.recipes.dataset import DatasetRecipe
from osft_assets.core.records import SourceRecord
from osft_assets.core.rows import RawRow


@dataclass(frozen=True)
class RowBatch:
    """Some rows of one file, in order. None is a blank line, which counts for the places only."""

    file: str
    unit: str  # "line" or "row": what `first` counts
    first: int
    rows: Sequence[RawRow | None]
    bytes_read: int  # of the whole source so far, as stored (compressed)

    def place(self, index: int) -> str:
        """How a person finds the row."""
        return f"{self.file} {self.unit} {self.first + index:,}"


# A generator, so that closing it early still lets a source look whether it was changed meanwhile.
Batches = Generator[RowBatch, None, None]


@dataclass(frozen=True)
class FoundSource:
    """A source that exists and may be read, with what identifies its present content."""

    record: SourceRecord
    size_bytes: int | None
    read: Callable[[], Batches] = field(repr=False)


class DatasetSource(Protocol):
    """Where rows come from."""

    def find(self, recipe: DatasetRecipe) -> FoundSource:
        """Resolve the address, or raise ConfigError (wrong) or SourceError (not there)."""
        ...

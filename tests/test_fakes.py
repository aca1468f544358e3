"""The contract of each port, held against its fake and against a real adapter."""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import msgspec
import pytest

from osft_assets.core.ports import DatasetSource, RowBatch
from osft_assets.core.recipes.dataset import DatasetRecipe
from osft_assets.core.redaction import credentials_in
from osft_assets.core.workspace import Workspace
from resources.dataset_sources import DatasetSources
from tests.fakes import FakeSource, chats, lines

Rows = Sequence[Mapping[str, Any]]
ROWS = chats(4_500)


def fake_source(rows: Rows, _: Path) -> DatasetSource:
    return FakeSource(rows)


def local_source(rows: Rows, directory: Path) -> DatasetSource:
    (directory / "rows.jsonl").write_bytes(lines(rows))
    return DatasetSources(Workspace(directory))


every_source = pytest.mark.parametrize("make", [fake_source, local_source])
Make = Callable[[Rows, Path], DatasetSource]
RECIPE = DatasetRecipe(data_uri="pvc://rows.jsonl")


def numbered(batches: Sequence[RowBatch]) -> list[tuple[str, Any]]:
    """Every row with its place."""
    return [
        (batch.place(index), msgspec.json.decode(row) if isinstance(row, bytes) else row)
        for batch in batches
        for index, row in enumerate(batch.rows)
    ]


@every_source
def test_a_found_source_is_recorded(make: Make, tmp_path: Path) -> None:
    record = make(ROWS, tmp_path).find(RECIPE).record

    assert record.uri
    assert not credentials_in(record.uri)
    assert record.revision
    assert record.files == ("rows.jsonl",)


@every_source
def test_a_record_is_the_same_as_long_as_the_content_is(make: Make, tmp_path: Path) -> None:
    source = make(ROWS, tmp_path)

    assert source.find(RECIPE).record == source.find(RECIPE).record


@every_source
def test_a_source_can_be_read_again(make: Make, tmp_path: Path) -> None:
    found = make(ROWS, tmp_path).find(RECIPE)

    first, second = (numbered(list(found.read())) for _ in range(2))

    assert [row for _, row in first] == ROWS
    assert first == second


@every_source
def test_a_place_points_at_the_line_of_the_row(make: Make, tmp_path: Path) -> None:
    batches = list(make(ROWS, tmp_path).find(RECIPE).read())

    assert [place for place, _ in numbered(batches)] == [
        f"rows.jsonl line {number:,}" for number in range(1, len(ROWS) + 1)
    ]


@every_source
def test_bytes_read_grows_to_the_size_of_the_source(make: Make, tmp_path: Path) -> None:
    found = make(ROWS, tmp_path).find(RECIPE)

    counts = [batch.bytes_read for batch in found.read()]

    assert counts == sorted(counts)
    assert counts[-1] == found.size_bytes
    assert min(counts) > 0

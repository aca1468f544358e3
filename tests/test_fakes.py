"""The contract of each port, held against its fake and against a real adapter."""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import msgspec
import pytest

from osft_assets.core.ports import DatasetSource, ModelInspector, ModelSource, RowBatch
from osft_assets.core.recipes.base_model import BaseModelRecipe
from osft_assets.core.recipes.dataset import DatasetRecipe
from osft_assets.core.redaction import credentials_in
from osft_assets.core.workspace import Workspace
from resources.dataset_sources import DatasetSources
from resources.model_inspector import ModelFiles
from resources.model_sources import ModelSources
from tests.fakes import FakeInspector, FakeModelSource, FakeSource, chats, lines
from tests.models import model, write_model

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


def fake_model_source(directory: Path) -> ModelSource:
    return FakeModelSource(directory / "model")


def local_model_source(directory: Path) -> ModelSource:
    return ModelSources(Workspace(directory))


every_model_source = pytest.mark.parametrize("make_models", [fake_model_source, local_model_source])
MakeModels = Callable[[Path], ModelSource]
MODEL = BaseModelRecipe(base_model="pvc://model")


@every_model_source
def test_a_found_model_is_known_and_can_be_fetched_again(
    make_models: MakeModels, tmp_path: Path
) -> None:
    write_model(tmp_path / "model", model())
    found = make_models(tmp_path).find(MODEL)

    first, second = (found.fetch(print) for _ in range(2))

    assert found.uri
    assert not credentials_in(found.uri)
    assert found.revision
    assert first == second
    assert (first / "config.json").is_file()


@every_model_source
def test_a_revision_is_the_same_as_long_as_the_model_is(
    make_models: MakeModels, tmp_path: Path
) -> None:
    write_model(tmp_path / "model", model())
    source = make_models(tmp_path)

    assert source.find(MODEL).revision == source.find(MODEL).revision


@pytest.mark.parametrize("inspector", [FakeInspector(), ModelFiles()])
def test_an_examination_of_a_whole_model_finds_no_problem(
    inspector: ModelInspector, tmp_path: Path
) -> None:
    findings = inspector.inspect(write_model(tmp_path, model()))

    problems = findings.model_dump(
        include={"config_problem", "tokenizer_problem", "weights_problem"}
    )
    assert set(problems.values()) == {""}
    assert findings.architecture == "TinyForCausalLM"
    assert (findings.parameters, findings.dtype) == (64, "bfloat16")
    assert findings.size_bytes
    assert findings.has_chat_template
    assert findings.weights_were_examined
    assert inspector.inspect(tmp_path) == findings

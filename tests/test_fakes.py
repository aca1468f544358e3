"""The contract of each port, held against its fake and against a real adapter."""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import msgspec
import pytest

from osft_assets.core.comparison import value_of
from osft_assets.core.evaluation_job import EvaluationJob, RowsToScore
from osft_assets.core.ports import DatasetSource, Evaluator, ModelInspector, ModelSource, RowBatch
from osft_assets.core.recipes.base_model import BaseModelRecipe
from osft_assets.core.recipes.dataset import DatasetRecipe
from osft_assets.core.recipes.evaluation import EvaluationRecipe
from osft_assets.core.redaction import credentials_in
from osft_assets.core.scores import read_documents, read_scores
from osft_assets.core.workspace import Workspace
from resources.dataset_sources import DatasetSources
from resources.model_inspector import ModelFiles
from resources.model_sources import ModelSources
from tests.fakes import FakeEvaluator, FakeInspector, FakeModelSource, FakeSource, chats, lines
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


# The real evaluator needs a model and minutes: tests/evaluation.
every_evaluator = pytest.mark.parametrize("evaluator", [FakeEvaluator()])


def evaluation(directory: Path) -> EvaluationJob:
    """A job that asks a benchmark, the holdout, an earlier one and a skill."""
    rows = directory / "rows.jsonl"
    rows.write_bytes(lines(chats(20)))
    kinds = {"holdout": "holdout", "holdout:first": "earlier", "skill:old": "skill"}
    return EvaluationJob(
        directory=str(directory),
        workspace=str(directory),
        scores_path=str(directory / "_scores/m1"),
        model_path=str(directory / "model"),
        model_fingerprint="m1",
        recipe=EvaluationRecipe().model_dump(),
        rows=tuple(
            RowsToScore.model_validate(
                {
                    "name": name,
                    "kind": kind,
                    "row_kind": "messages",
                    "path": str(rows),
                    "sha256": "content",
                    "rows": 20,
                }
            )
            for name, kind in kinds.items()
        ),
    )


@every_evaluator
def test_an_evaluation_leaves_readable_scores_of_every_task_asked(
    evaluator: Evaluator, tmp_path: Path
) -> None:
    job = evaluation(tmp_path)
    outcome = evaluator.evaluate(job, print)

    found = {name: read_scores(Path(place)) for name, place in outcome.directories.items()}

    assert {name: scores.kind for name, scores in found.items()} == {
        "holdout": "holdout",
        "holdout:first": "earlier",
        "skill:old": "skill",
        "arc_easy": "benchmark",
    }
    assert [scores.name for scores in found.values()] == list(found)
    assert {scores.model_fingerprint for scores in found.values()} == {job.model_fingerprint}
    assert all(scores.overall() for scores in found.values())
    assert all(Path(at).is_relative_to(job.scores_path) for at in outcome.directories.values())
    assert len(set(outcome.directories.values())) == len(found)


@every_evaluator
def test_the_documents_of_an_evaluation_add_up_to_its_scores(
    evaluator: Evaluator, tmp_path: Path
) -> None:
    outcome = evaluator.evaluate(evaluation(tmp_path), print)

    for place in map(Path, outcome.directories.values()):
        for score in read_scores(place).overall():
            documents = read_documents(place, score.key)
            assert len({document.document for document in documents}) == score.n
            assert value_of(documents) == pytest.approx(score.value)


@every_evaluator
def test_rows_are_scored_by_what_they_cost_and_by_what_is_answered(
    evaluator: Evaluator, tmp_path: Path
) -> None:
    outcome = evaluator.evaluate(evaluation(tmp_path), print)

    better = {
        score.metric: score.higher_is_better
        for score in read_scores(Path(outcome.directories["holdout"])).overall()
    }
    assert better["bits_per_byte"] is False
    assert better["exact_match"] is True


@every_evaluator
def test_the_same_evaluation_is_asked_the_same(evaluator: Evaluator, tmp_path: Path) -> None:
    job = evaluation(tmp_path)

    first, second = (evaluator.evaluate(job, print).directories for _ in range(2))

    assert first == second

"""The evaluation stage: the same questions to the same files have one identity and one table."""

import csv
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from osft_assets.core.errors import EvaluationError
from osft_assets.core.evaluation import Evaluated, EvaluationStage, Which
from osft_assets.core.evaluation_job import EvaluationJob, EvaluationOutcome
from osft_assets.core.lineage import file_sha256
from osft_assets.core.model_files import content_fingerprint
from osft_assets.core.model_records import ModelRecord, TaughtSkill
from osft_assets.core.recipes.evaluation import EvaluationRecipe
from osft_assets.core.recipes.pipeline import PipelineRecipe
from osft_assets.core.scores import SCORES_FILE, TaskScores
from osft_assets.core.workspace import Workspace
from tests.core.test_evaluation_rows import holdout_of
from tests.core.training_parts import BASE
from tests.fakes import FakeEvaluator, FakeSource, chats


def model_in(directory: Path, weights: bytes = b"weights", **values: Any) -> ModelRecord:
    """A model on disk and its record."""
    directory.mkdir(parents=True, exist_ok=True)
    (directory / "config.json").write_text("{}")
    (directory / "model.safetensors").write_bytes(weights)
    return BASE.model_copy(update={"path": str(directory), **values})


def run(
    workspace: Workspace,
    evaluator: FakeEvaluator | None = None,
    model: ModelRecord | None = None,
    which: Which = "base_scores",
    share: float = 0.8,
    said: list[str] | None = None,
    **recipe: Any,
) -> Evaluated:
    stage = EvaluationStage(
        PipelineRecipe(name="lessons"),
        workspace,
        evaluator or FakeEvaluator(),
        FakeSource(chats(12)),
    )
    say = ([] if said is None else said).append
    model = model or model_in(workspace.root / "models/tiny")
    return stage.run(which, model, EvaluationRecipe(**recipe), holdout_of(workspace, share), say)


def taught(workspace: Workspace, pipeline: str) -> TaughtSkill:
    path = workspace.root / f"{pipeline}.jsonl"
    path.write_text("rows\n")
    return TaughtSkill(
        pipeline=pipeline,
        holdout_path=str(path),
        holdout_sha256=file_sha256(path),
        holdout_rows=1,
        row_kind="messages",
    )


# What is asked


def test_the_holdout_the_chain_the_skills_and_the_benchmarks_are_asked(
    workspace: Workspace,
) -> None:
    chain = (taught(workspace, "first"), taught(workspace, "lessons"))
    model = model_in(workspace.root / "models/tiny", skills=chain)

    record = run(workspace, model=model, skills={"old": "pvc://old.jsonl"}).record

    assert [task.name for task in record.tasks] == [
        *("holdout", "holdout:first", "skill:old", "arc_easy")
    ]
    assert list(record.directories) == [task.name for task in record.tasks]


def test_without_the_holdout_no_holdout_of_the_chain_is_asked_either(workspace: Workspace) -> None:
    model = model_in(workspace.root / "models/tiny", skills=(taught(workspace, "first"),))

    record = run(workspace, model=model, holdout=False, skills={"old": "pvc://o.jsonl"}).record

    assert [task.name for task in record.tasks] == ["skill:old", "arc_easy"]


def test_the_evaluator_learns_which_files_it_is_about(workspace: Workspace) -> None:
    evaluator = FakeEvaluator()
    model = model_in(workspace.root / "models/tiny")

    run(workspace, evaluator, model, limit=5)

    (job,) = evaluator.jobs
    known = content_fingerprint(Path(model.path))
    assert (job.model_path, job.model_fingerprint) == (model.path, known)
    assert job.scores_path == str(workspace.root / "_scores" / known)
    assert job.recipe == EvaluationRecipe(limit=5).model_dump()
    assert not Path(job.directory).exists()  # it was there as long as it was needed


def test_scores_are_kept_by_the_files_of_the_model_whoever_made_them(workspace: Workspace) -> None:
    evaluator = FakeEvaluator()

    run(workspace, evaluator, model_in(workspace.root / "models/one", fingerprint="made so"))
    run(workspace, evaluator, model_in(workspace.root / "models/two", fingerprint="made otherwise"))
    run(workspace, evaluator, model_in(workspace.root / "models/three", b"other weights"))

    first, second, third = (job.scores_path for job in evaluator.jobs)
    assert first == second != third


def test_nothing_to_evaluate_is_refused_before_anybody_is_asked(workspace: Workspace) -> None:
    evaluator = FakeEvaluator()

    with pytest.raises(EvaluationError, match="lessons has nothing to evaluate: there is no hold"):
        run(workspace, evaluator, tasks=[], share=1)

    assert evaluator.jobs == []


# What is recorded


def test_the_table_has_every_score(workspace: Workspace) -> None:
    record = run(workspace).record

    with Path(record.table_path).open(newline="") as stream:
        rows = [(row["name"], row["metric"], float(row["value"])) for row in csv.DictReader(stream)]

    assert rows == [
        (task.name, score.metric, score.value) for task in record.tasks for score in task.scores
    ]
    assert ("holdout", "bits_per_byte", 0.95) in rows


def test_base_and_checkpoint_have_a_table_each(workspace: Workspace) -> None:
    one, other = (run(workspace, which=which).record for which in ("base_scores", "scores"))

    assert Path(one.table_path).name == f"base_scores-{one.fingerprint}.csv"
    assert Path(other.table_path).name == f"scores-{other.fingerprint}.csv"


def test_the_record_is_the_same_when_nothing_changed(workspace: Workspace) -> None:
    first = run(workspace).record
    elsewhere = model_in(workspace.root / "models/copy", uri="hf://other", fingerprint="base 2")

    assert run(workspace).record == first
    assert run(workspace, model=elsewhere).record.fingerprint == first.fingerprint


@pytest.mark.parametrize(
    "settings", [{"batch": "4"}, {"log_samples": False}, {"timeout_minutes": 5}], ids=repr
)
def test_what_decides_no_score_changes_no_fingerprint(
    workspace: Workspace, settings: dict[str, Any]
) -> None:
    assert run(workspace, **settings).record.fingerprint == run(workspace).record.fingerprint


@pytest.mark.parametrize(
    "settings",
    [
        {"limit": 5},
        {"tasks": ["piqa"]},
        {"tasks": ["arc_easy", "piqa"]},
        {"holdout": False},
        {"skills": {"old": "pvc://o.jsonl"}},
    ],
    ids=repr,
)
def test_other_questions_have_another_fingerprint(
    workspace: Workspace, settings: dict[str, Any]
) -> None:
    assert run(workspace, **settings).record.fingerprint != run(workspace).record.fingerprint


def test_another_model_has_another_fingerprint(workspace: Workspace) -> None:
    other = model_in(workspace.root / "models/other", b"other weights")

    assert run(workspace, model=other).record.fingerprint != run(workspace).record.fingerprint


class Tampered(FakeEvaluator):
    """Leaves what another hand changed."""

    def __init__(self, change: Callable[[Path], Any]) -> None:
        super().__init__()
        self.change = change

    def evaluate(self, job: EvaluationJob, say: Callable[[str], None]) -> EvaluationOutcome:
        outcome = super().evaluate(job, say)
        self.change(Path(outcome.directories["arc_easy"]))
        return outcome


def of_another_model(directory: Path) -> None:
    file = directory / SCORES_FILE
    scores = TaskScores.model_validate_json(file.read_bytes())
    other = scores.model_copy(update={"model_fingerprint": "another"})
    file.write_text(other.model_dump_json())


def test_scores_of_another_model_are_refused(workspace: Workspace) -> None:
    with pytest.raises(EvaluationError, match="scores of arc_easy are of the model another, not"):
        run(workspace, Tampered(of_another_model))

    assert not (workspace.root / "lessons/scores").exists()


@pytest.mark.parametrize(
    "change",
    [
        lambda place: (place / SCORES_FILE).unlink(),
        lambda place: (place / SCORES_FILE).write_text('{"name": "arc'),
    ],
    ids=["gone", "half"],
)
def test_damaged_scores_are_refused(workspace: Workspace, change: Callable[[Path], Any]) -> None:
    with pytest.raises(EvaluationError, match=r"scores\.json is missing, damaged or of another"):
        run(workspace, Tampered(change))


# The log


def test_what_the_evaluator_says_of_its_own_is_passed_on(workspace: Workspace) -> None:
    said: list[str] = []

    run(workspace, said=said)

    assert said[-1] == f"asking {workspace.root}/models/tiny"


def test_an_error_names_the_log(workspace: Workspace) -> None:
    with pytest.raises(EvaluationError) as problem:
        run(workspace, FakeEvaluator(fails=EvaluationError("out of memory")))

    said, path = str(problem.value).split(". All that was printed is in ")
    assert said == "out of memory"
    assert Path(path).parent == workspace.root / "lessons/logs"
    assert "asking" in Path(path).read_text()


def test_a_failure_of_any_kind_keeps_its_log_and_leaves_no_scores(workspace: Workspace) -> None:
    with pytest.raises(KeyboardInterrupt):
        run(workspace, FakeEvaluator(fails=KeyboardInterrupt()))

    (log,) = (workspace.root / "lessons/logs").glob("*.log")
    assert "asking" in log.read_text()
    assert not (workspace.root / "lessons/scores").exists()

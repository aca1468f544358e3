"""Jobs, tasks and rows for the tests beside this file."""

import hashlib
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import osft_assets
from osft_assets.core.evaluation_job import EvaluationJob, EvaluationOutcome, RowsToScore
from osft_assets.core.recipes.evaluation import EvaluationRecipe
from osft_assets.core.scores import Score, TaskScores, read_scores

DEMO = Path(osft_assets.__file__).parent / "defs" / "demo" / "model"
Row = dict[str, Any]

FACTS = [
    {"question": "Which craft belongs to Sollun?", "answer": "oak barrels", "choice": 1},
    {"question": "What does the town of Sollun make?", "answer": "barrels", "choice": 0},
    {"question": "When are they shown?", "answer": "after the harvest", "choice": 2},
    {"question": "Who makes the barrels?", "answer": "the town", "choice": 1},
]
CHOICES = ["wooden boats", "oak barrels", "glass beads"]
CHATS = [
    {
        "messages": [
            {"role": "system", "content": "Answer in one sentence."},
            {"role": "user", "content": "What is the town of Sollun known for?"},
            {"role": "assistant", "content": "Sollun makes oak barrels."},
            {"role": "user", "content": "When?"},
            {"role": "assistant", "content": "After the harvest, as every year."},
        ]
    },
    {
        "messages": [
            {"role": "user", "content": "Which craft belongs to Sollun? "},
            {"role": "assistant", "content": "Barrels: größer als anderswo."},
        ]
    },
]


def write_rows(path: Path, rows: Sequence[Row]) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    return path


def task(name: str, output_type: str, data: Path | str, **more: Any) -> dict[str, Any]:
    """The definition of a task, as YAML would give it."""
    return {
        "task": name,
        "dataset_path": "json",
        "dataset_kwargs": {"data_files": {"test": str(data)}},
        "test_split": "test",
        "output_type": output_type,
        "doc_to_text": "Question: {{question}}\nAnswer:",
        "doc_to_target": " {{answer}}",
        "metadata": {"version": 1.0},
        **more,
    }


def choices_task(data: Path | str, name: str = "own_choices", **more: Any) -> dict[str, Any]:
    chosen = {"doc_to_choice": CHOICES, "doc_to_target": "choice"}
    return task(name, "multiple_choice", data, **chosen, **more)


def generation_task(data: Path | str, name: str = "own_answers", **more: Any) -> dict[str, Any]:
    settings = {"until": [], "do_sample": False, "max_gen_toks": 12}
    metrics = [{"metric": "exact_match", "aggregation": "mean", "higher_is_better": True}]
    values = {"generation_kwargs": settings, "metric_list": metrics, **more}
    return task(name, "generate_until", data, **values)


def rows_to_score(path: Path, rows: Sequence[Row], row_kind: str = "messages") -> RowsToScore:
    write_rows(path, rows)
    return RowsToScore(
        name="holdout",
        kind="holdout",
        row_kind=row_kind,
        path=str(path),
        sha256=hashlib.sha256(path.read_bytes()).hexdigest(),
        rows=len(rows),
    )


def make_job(
    directory: Path,
    *tasks: Any,
    model: Path = DEMO,
    rows: Sequence[RowsToScore] = (),
    model_fingerprint: str = "demo",
    workspace: Path | None = None,
    **knobs: Any,
) -> EvaluationJob:
    """A job in a directory of its own; the scores of a model are below its fingerprint."""
    root = workspace or directory / "workspace"
    root.mkdir(parents=True, exist_ok=True)
    (directory / "run").mkdir(parents=True, exist_ok=True)
    values = {"tasks": list(tasks), "device": "cpu", "holdout": bool(rows) or not tasks} | knobs
    return EvaluationJob(
        directory=str(directory / "run"),
        workspace=str(root),
        scores_path=str(root / "_scores" / model_fingerprint),
        model_path=str(model),
        model_fingerprint=model_fingerprint,
        recipe=EvaluationRecipe(**values).model_dump(),
        rows=tuple(rows),
    )


def run(job: EvaluationJob) -> EvaluationOutcome:
    from resources.evaluation_worker import Evaluation

    return Evaluation(job).run()


def scores_of(outcome: EvaluationOutcome, name: str) -> TaskScores:
    return read_scores(Path(outcome.directories[name]))


def value(outcome: EvaluationOutcome, name: str, metric: str) -> float:
    return score(outcome, name, metric).value


def score(outcome: EvaluationOutcome, name: str, metric: str) -> Score:
    [found] = [s for s in scores_of(outcome, name).overall() if s.metric == metric]
    return found


def samples(outcome: EvaluationOutcome, name: str) -> list[dict[str, Any]]:
    path = Path(outcome.directories[name]) / "samples.jsonl"
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]

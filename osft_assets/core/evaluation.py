"""The evaluation stage: from a model to its scores, never computed twice.

What was asked before of the very same files is found again, whichever pipeline asked: the scores of
a model are below `<workspace>/_scores/<fingerprint of its files>`. Who asks is behind
`core.ports.Evaluator`; what the scores mean, `core.gate`.
"""

import csv
import io
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from osft_assets.core.errors import EvaluationError
from osft_assets.core.evaluation_job import (
    EvaluationJob,
    EvaluationOutcome,
    EvaluationPod,
    RowsToScore,
)
from osft_assets.core.evaluation_rows import earlier_holdouts, own_holdout, own_skills
from osft_assets.core.lineage import fingerprint
from osft_assets.core.model_files import content_fingerprint
from osft_assets.core.model_records import ModelRecord
from osft_assets.core.ports import DatasetSource, Evaluator
from osft_assets.core.recipes.evaluation import EvaluationRecipe
from osft_assets.core.recipes.pipeline import PipelineRecipe
from osft_assets.core.records import DatasetSplit
from osft_assets.core.scores import Score, ScoresRecord, TaskScores, read_scores
from osft_assets.core.worker_log import WorkerLog, new_log_path
from osft_assets.core.workspace import Workspace

Which = Literal["base_scores", "scores", "champion_scores"]


@dataclass(frozen=True)
class Evaluated:
    """The scores, and how they came about."""

    record: ScoresRecord
    outcome: EvaluationOutcome


class EvaluationStage:
    """Scores the models of one pipeline."""

    def __init__(
        self,
        pipeline: PipelineRecipe,
        workspace: Workspace,
        evaluator: Evaluator,
        source: DatasetSource,
        pod: EvaluationPod | None = None,
    ) -> None:
        self.pipeline, self._workspace = pipeline, workspace
        self._pod = pod or EvaluationPod()
        self._evaluator, self._source = evaluator, source
        self._home = workspace.pipeline(pipeline.name)

    def run(
        self,
        which: Which,
        model: ModelRecord,
        recipe: EvaluationRecipe,
        holdout: DatasetSplit,
        say: Callable[[str], None],
    ) -> Evaluated:
        """The scores of this model, asked now or before."""
        rows = tuple(self._rows(model, recipe, holdout, say))
        if not rows and not recipe.tasks:
            raise EvaluationError(
                f"{self.pipeline.name} has nothing to evaluate: there is no holdout, and "
                "evaluate has neither tasks nor skills. Give one, or lower dataset.data_split"
            )
        known = content_fingerprint(Path(model.path))
        job = EvaluationJob(
            directory="",  # until it is carried out
            workspace=str(self._workspace.root),
            scores_path=str(self._workspace.root / "_scores" / known),
            model_path=model.path,
            model_fingerprint=known,
            recipe=recipe.model_dump(),
            rows=rows,
            pod=self._pod,
        )
        outcome = self._outcome(which, job, say)
        return Evaluated(self._record(which, model, known, outcome), outcome)

    def _rows(
        self,
        model: ModelRecord,
        recipe: EvaluationRecipe,
        holdout: DatasetSplit,
        say: Callable[[str], None],
    ) -> list[RowsToScore]:
        skills = list(own_skills(recipe.skills, self._source, self._workspace, say))
        if not recipe.holdout:
            return skills
        earlier = earlier_holdouts(model.skills, self.pipeline.name)
        return [*own_holdout(holdout, say), *earlier, *skills]

    def _outcome(
        self, which: Which, job: EvaluationJob, say: Callable[[str], None]
    ) -> EvaluationOutcome:
        log_path = new_log_path(self._home / "logs", f"{which}-{job.model_fingerprint}")
        with (
            tempfile.TemporaryDirectory(prefix="osft-evaluation-") as directory,
            WorkerLog(log_path, say) as log,
        ):
            try:
                here = job.model_copy(update={"directory": directory})
                return self._evaluator.evaluate(here, log.line)
            except EvaluationError as problem:
                raise EvaluationError(
                    f"{problem}. All that was printed is in {log_path}"
                ) from problem

    def _record(
        self, which: Which, model: ModelRecord, known: str, outcome: EvaluationOutcome
    ) -> ScoresRecord:
        tasks = tuple(read_scores(Path(place)) for place in outcome.directories.values())
        for task in tasks:
            if task.model_fingerprint != known:
                raise EvaluationError(
                    f"the scores of {task.name} are of the model {task.model_fingerprint}, not of "
                    f"{known}. Delete {outcome.directories[task.name]}, then materialize again"
                )
        identity = fingerprint(
            {"model": known, "tasks": {task.name: task.fingerprint for task in tasks}}
        )
        table = self._home / "scores" / f"{which}-{identity}.csv"
        self._workspace.write(table, _table(tasks).encode())
        return ScoresRecord(
            pipeline=self.pipeline.name,
            model_uri=model.uri,
            model_fingerprint=known,
            fingerprint=identity,
            tasks=tasks,
            directories=outcome.directories,
            table_path=str(table),
        )


def _table(tasks: tuple[TaskScores, ...]) -> str:
    """Every score in a row, for spreadsheets and pandas."""
    text = io.StringIO()
    writer = csv.DictWriter(text, ["name", "kind", *Score.model_fields], lineterminator="\n")
    writer.writeheader()
    for task in tasks:
        for score in task.scores:
            writer.writerow({"name": task.name, "kind": task.kind, **score.model_dump()})
    return text.getvalue()

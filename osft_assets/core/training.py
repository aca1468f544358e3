"""The training stage: from a base model and rows to a checkpoint on disk, made once.

A checkpoint's directory is named by the fingerprint of everything that decides it. Training happens
in a draft beside it, so that a run that fails, is cancelled or killed leaves nothing that could be
taken for a checkpoint: a retry starts clean (docs/decisions/0008). Its log stays, in `logs/`.
"""

import os
import shutil
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from osft_assets.core import checkpoint as layout
from osft_assets.core.checkpoint import CheckpointVersion, model_files, read_version
from osft_assets.core.checkpoint_lineage import LINEAGE_FILE
from osft_assets.core.errors import TrainingError, WorkspaceError
from osft_assets.core.loss_charts import loss_curve, loss_page
from osft_assets.core.model_records import ModelRecord, TaughtSkill, model_record
from osft_assets.core.ports import ModelInspector, Trainer, TrainingWatch
from osft_assets.core.pruning import old_checkpoints, remove
from osft_assets.core.recipes.pipeline import PipelineRecipe
from osft_assets.core.training_inputs import TrainingInputs
from osft_assets.core.training_job import LOG_FILE, TrainingJob, TrainingOutcome
from osft_assets.core.training_progress import Observation, TrainingProgress
from osft_assets.core.worker_log import WorkerLog, new_log_path
from osft_assets.core.workspace import Workspace


@dataclass(frozen=True)
class Listener:
    """Who follows a run."""

    say: Callable[[str], None]
    observe: Callable[[Observation], None]


@dataclass(frozen=True)
class TrainedCheckpoint:
    """Where a checkpoint is, what it is, where its base is now, and whether it was there before."""

    directory: Path
    version: CheckpointVersion
    base_model: ModelRecord
    reused: bool


class TrainingStage:
    """Trains the model of one pipeline."""

    def __init__(
        self,
        pipeline: PipelineRecipe,
        workspace: Workspace,
        trainer: Trainer,
        inspector: ModelInspector,
    ) -> None:
        self._pipeline, self._workspace = pipeline, workspace
        self._trainer, self._inspector = trainer, inspector
        self._home = workspace.pipeline(pipeline.name)
        self._versions = self._home / "checkpoints"

    def run(self, inputs: TrainingInputs, listener: Listener) -> TrainedCheckpoint:
        """The checkpoint of these inputs, trained now or before."""
        link = layout.stable_directory(self._workspace, self._pipeline.name)
        if link.exists() and not link.is_symlink():
            raise WorkspaceError(f"{link} is in the way: a link belongs there. Move it elsewhere")
        known = inputs.fingerprint(self._pipeline.algorithm, self._trainer.versions())
        directory = self._versions / known
        _mark_as_used(directory)
        reused = layout.is_whole(directory)
        if reused:
            listener.say(f"Nothing changed since {directory.name} was trained: reused.")
        else:
            if directory.exists():
                _refuse_registered(directory)
                listener.say(f"{directory} is not as it was written: training it anew.")
            self._train(inputs, known, listener)
        _mark_as_used(directory)
        self._workspace.link(link, directory / layout.MODEL)
        self._prune(inputs.recipe.keep_checkpoints, listener)
        return TrainedCheckpoint(directory, read_version(directory), inputs.base_model, reused)

    def _train(self, inputs: TrainingInputs, known: str, listener: Listener) -> None:
        progress = TrainingProgress(inputs.recipe.divergence_factor, listener.observe)
        log_path = new_log_path(self._home / "logs", known)
        with self._workspace.publish(self._versions) as draft:
            run = draft.directory / "run"
            run.mkdir()
            with WorkerLog(log_path, listener.say) as log:
                watch = TrainingWatch(log.line, progress)
                outcome = self._outcome(self._job(inputs, known, run), watch, log_path)
            layout.arrange(run, draft.directory, outcome)
            shutil.copyfile(log_path, draft.directory / LOG_FILE)
            version = self._version(inputs, known, draft.directory, outcome, progress)
            (draft.directory / layout.CHART_FILE).write_text(loss_page(version.losses, known))
            (draft.directory / layout.MARKER).write_text(version.model_dump_json(indent=2))
            draft.name = known
            there = self._versions / known
            draft.replaces = there.exists() and not layout.is_whole(there)
        listener.say(f"Trained {outcome.steps:,} steps: {self._versions / known}")

    def _job(self, inputs: TrainingInputs, known: str, run: Path) -> TrainingJob:
        job = inputs.job(self._pipeline.algorithm, run)
        who = {"pipeline": self._pipeline.name, "fingerprint": known}
        return job.model_copy(update={**who, "versions": dict(self._trainer.versions())})

    def _prune(self, keep: int, listener: Listener) -> None:
        with suppress(FileNotFoundError):  # another run deletes the same ones just now
            old = old_checkpoints(self._workspace, self._pipeline.name, keep)
            if old:
                freed = remove(old)
                listener.say(f"Deleted {len(old)} old checkpoints, {freed / 1e9:.1f} GB.")

    def _outcome(self, job: TrainingJob, watch: TrainingWatch, log_path: Path) -> TrainingOutcome:
        try:
            return self._trainer.train(job, watch)
        except TrainingError as problem:
            raise TrainingError(
                f"{problem}. All it printed is in {log_path}", transient=problem.is_transient
            ) from problem

    def _version(
        self,
        inputs: TrainingInputs,
        known: str,
        directory: Path,
        outcome: TrainingOutcome,
        progress: TrainingProgress,
    ) -> CheckpointVersion:
        model = directory / layout.MODEL
        found = self._inspector.inspect(model)
        return CheckpointVersion(
            fingerprint=known,
            pipeline=self._pipeline.name,
            algorithm=self._pipeline.algorithm,
            recipe=inputs.recipe.model_dump(),
            base_model=inputs.base_model,
            train_sha256=inputs.train.sha256,
            train_uri=inputs.train.source.uri,
            holdout_sha256=inputs.holdout.sha256,
            files=model_files(model),
            outcome=outcome,
            summary=progress.summary(),
            losses=loss_curve(progress.steps),
            model=model_record(
                found,
                uri=f"{self._pipeline.name}/checkpoint",
                revision=f"{layout.CHECKPOINT_REVISION}{known}",
                fingerprint=known,
                path=Path(layout.MODEL),
                trust_remote_code=inputs.base_model.trust_remote_code,
                skills=self._skills(inputs),
            ),
        )

    def _skills(self, inputs: TrainingInputs) -> tuple[TaughtSkill, ...]:
        """What the model knows by now; a pipeline's newest lesson stands for its earlier ones."""
        name, holdout = self._pipeline.name, inputs.holdout
        before = tuple(skill for skill in inputs.base_model.skills if skill.pipeline != name)
        if not holdout.rows:
            return before
        own = TaughtSkill(
            pipeline=name,
            holdout_path=holdout.path,
            holdout_sha256=holdout.sha256,
            holdout_rows=holdout.rows,
            row_kind=holdout.kind,
        )
        return (*before, own)


def _refuse_registered(directory: Path) -> None:
    """Other weights must not take the place that a registered version's address names."""
    if (directory / LINEAGE_FILE).exists():
        raise TrainingError(
            f"{directory} was registered, and is not as it was written: files are missing or cut "
            "short. Restore them. Or archive its versions in the registry, delete the directory, "
            "and materialize again"
        )


def _mark_as_used(directory: Path) -> None:
    """Or another run could delete it as old."""
    now = time.time_ns()  # the kernel's own clock is too coarse
    with suppress(FileNotFoundError):
        os.utime(directory, ns=(now, now))

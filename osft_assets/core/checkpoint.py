"""What a finished training is on disk, and the records of it that stages hand on.

    <workspace>/<pipeline>/checkpoints/<fingerprint>/
        model/            the model, as the Hub lays it out
        epochs/, full_state/   where they were asked for
        steps.parquet  training.log  loss_chart.html
        checkpoint.json   the marker, written last

How one is made is `core.training`; which old ones go, `core.pruning`.
"""

import shutil
from pathlib import Path
from typing import Any, Literal

from osft_assets.core.errors import TrainingError
from osft_assets.core.lineage import file_sha256
from osft_assets.core.loss_charts import LossCurve
from osft_assets.core.model_files import README
from osft_assets.core.model_records import ModelRecord
from osft_assets.core.records import Record
from osft_assets.core.training_job import STEPS_FILE, TrainingOutcome
from osft_assets.core.training_progress import TrainingSummary
from osft_assets.core.workspace import Workspace

MARKER = "checkpoint.json"
CHART_FILE = "loss_chart.html"
MODEL = "model"
# How the revision of a model begins that a pipeline made; its uri begins with that one's name.
CHECKPOINT_REVISION = "checkpoint:"


class ModelFile(Record):
    """One file of the model, as it was written."""

    name: str
    size_bytes: int
    sha256: str


class CheckpointVersion(Record):
    """One finished training: the marker file that completes its directory."""

    fingerprint: str
    pipeline: str
    algorithm: Literal["osft", "sft"]
    recipe: dict[str, Any]
    base_model: ModelRecord
    train_sha256: str
    train_uri: str
    holdout_sha256: str
    files: tuple[ModelFile, ...]
    outcome: TrainingOutcome
    summary: TrainingSummary
    losses: LossCurve
    model: ModelRecord

    @property
    def gpu_hours(self) -> float:
        """What it cost."""
        on_gpu = self.outcome.device != "cpu"
        return self.outcome.seconds / 3600 * self.outcome.world_size if on_gpu else 0.0


class CheckpointRecord(Record):
    """What `checkpoint` is. `model.path` is the directory to load or to serve."""

    pipeline: str
    algorithm: Literal["osft", "sft"]
    version_path: str
    fingerprint: str
    base_model: ModelRecord
    model: ModelRecord


class TrainingMetricsRecord(Record):
    """What `training_metrics` is: every step, as Parquet."""

    path: str
    version_path: str
    fingerprint: str
    steps: int


def stable_directory(workspace: Workspace, pipeline: str) -> Path:
    """The link to a pipeline's newest model."""
    return workspace.pipeline(pipeline) / "final_model"


def read_version(directory: Path) -> CheckpointVersion:
    """The record of a complete checkpoint."""
    try:
        return CheckpointVersion.model_validate_json((directory / MARKER).read_bytes())
    except (FileNotFoundError, NotADirectoryError, ValueError):
        raise TrainingError(
            f"{directory / MARKER} is missing, damaged or of another version of the code. "
            "Materialize the checkpoint again."
        ) from None


def is_whole(directory: Path) -> bool:
    """Whether the checkpoint is there and every file has its size. The asset check hashes them."""
    try:
        files = read_version(directory).files
        model = directory / MODEL
        complete = all((model / file.name).stat().st_size == file.size_bytes for file in files)
        return complete and (directory / STEPS_FILE).is_file()
    except (TrainingError, FileNotFoundError, NotADirectoryError):
        return False


def strange_files(directory: Path, version: CheckpointVersion) -> list[str]:
    """Files in the model that training did not write. Its card came later; hidden ones are none."""
    model = directory / MODEL
    found = (path.relative_to(model) for path in sorted(model.rglob("*")) if path.is_file())
    visible = [str(path) for path in found if not any(part[0] == "." for part in path.parts)]
    return sorted(set(visible) - {file.name for file in version.files} - {README})


def arrange(run: Path, directory: Path, outcome: TrainingOutcome) -> None:
    """Keep what is asked for under the names that everybody knows; the rest of the run goes."""
    (run / outcome.model).rename(directory / MODEL)
    (run / STEPS_FILE).rename(directory / STEPS_FILE)
    for kind, paths in (("epochs", outcome.epochs), ("full_state", outcome.full_states)):
        for path in paths:
            kept = directory / kind / Path(path).name
            kept.parent.mkdir(exist_ok=True)
            (run / path).rename(kept)
    shutil.rmtree(run)


def model_files(directory: Path) -> tuple[ModelFile, ...]:
    """Every file of a model directory, hashed."""
    return tuple(
        ModelFile(
            name=str(path.relative_to(directory)),
            size_bytes=path.stat().st_size,
            sha256=file_sha256(path),
        )
        for path in sorted(directory.rglob("*"))
        if path.is_file()
    )


def checkpoint_record(
    directory: Path, version: CheckpointVersion, base_model: ModelRecord
) -> CheckpointRecord:
    """The checkpoint, as the next stages get it. `base_model` is where it is now."""
    return CheckpointRecord(
        pipeline=version.pipeline,
        algorithm=version.algorithm,
        version_path=str(directory),
        fingerprint=version.fingerprint,
        base_model=base_model,
        model=version.model.model_copy(update={"path": str(directory / MODEL)}),
    )


def metrics_record(directory: Path, version: CheckpointVersion) -> TrainingMetricsRecord:
    """The steps, as their asset gets them."""
    return TrainingMetricsRecord(
        path=str(directory / STEPS_FILE),
        version_path=str(directory),
        fingerprint=version.fingerprint,
        steps=version.summary.steps,
    )

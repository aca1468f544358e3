"""lineage.json: where a registered checkpoint came from and where it went, beside the checkpoint.

It is there from the moment a registration begins, so that a registered model is never pruned.
"""

from pathlib import Path
from typing import Any

from osft_assets.core.checkpoint import CheckpointVersion, ModelFile
from osft_assets.core.errors import RegistryError
from osft_assets.core.forgetting import ForgettingReport, TaskComparison
from osft_assets.core.model_records import ModelRecord
from osft_assets.core.records import Record
from osft_assets.core.registry_records import RegisteredVersion, RunSource

LINEAGE_FILE = "lineage.json"


class Trained(Record):
    """The rows and the settings a model was made with."""

    algorithm: str
    dataset: str
    train_sha256: str
    holdout_sha256: str
    recipe: dict[str, Any]
    versions: dict[str, str]


class CheckpointLineage(Record):
    """One checkpoint. `registered` is None while its first registration is under way."""

    pipeline: str
    checkpoint_fingerprint: str
    model_fingerprint: str
    files: tuple[ModelFile, ...]
    base_model: ModelRecord
    trained: Trained
    comparisons: tuple[TaskComparison, ...]
    verdict: str
    forced_because: str
    report_path: str
    run: RunSource
    git_commit: str
    registered: RegisteredVersion | None


def lineage_of(  # noqa: PLR0913 - what is told of a checkpoint, from as many places
    version: CheckpointVersion,
    report: ForgettingReport,
    *,
    report_path: Path,
    run: RunSource,
    git_commit: str,
    forced_because: str,
    registered: RegisteredVersion | None,
) -> CheckpointLineage:
    """What is known of a checkpoint."""
    return CheckpointLineage(
        pipeline=version.pipeline,
        checkpoint_fingerprint=version.fingerprint,
        model_fingerprint=report.model_fingerprint,
        files=version.files,
        base_model=version.base_model,
        trained=Trained(
            algorithm=version.algorithm,
            dataset=version.train_uri,
            train_sha256=version.train_sha256,
            holdout_sha256=version.holdout_sha256,
            recipe=version.recipe,
            versions=version.outcome.versions,
        ),
        comparisons=report.comparisons,
        verdict=report.verdict,
        forced_because=forced_because,
        report_path=str(report_path),
        run=run,
        git_commit=git_commit,
        registered=registered,
    )


def read_lineage(directory: Path) -> CheckpointLineage | None:
    """The lineage of the checkpoint in `directory`, or None when it was never registered."""
    path = directory / LINEAGE_FILE
    try:
        return CheckpointLineage.model_validate_json(path.read_bytes())
    except FileNotFoundError:
        return None
    except ValueError:
        raise RegistryError(
            f"{path} is damaged or of another version of the code. Materialize registry_entry again"
        ) from None

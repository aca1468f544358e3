"""What tests of the registry stage share: a judged checkpoint on disk, and a model's listing."""

from pathlib import Path
from typing import Any

from osft_assets.core.checkpoint import (
    MARKER,
    MODEL,
    CheckpointRecord,
    CheckpointVersion,
    checkpoint_record,
)
from osft_assets.core.forgetting import ForgettingReport
from osft_assets.core.forgetting_report import report_path
from osft_assets.core.model_files import content_fingerprint
from osft_assets.core.registry_records import (
    FINGERPRINT_PROPERTY,
    LOCAL_REGISTRY,
    RegisteredModel,
    RunSource,
    VersionListing,
)
from osft_assets.core.workspace import Workspace
from tests.core import forgetting_parts, training_parts

RUN = RunSource(
    kind="dagster", source_class="asset", group="lessons", name="lessons/registry_entry", id="run 1"
)


def judged(
    workspace: Workspace,
    *,
    blocked: bool = False,
    fingerprint: str = "f" * 32,
    weights: bytes = b"weights",
    **values: Any,
) -> CheckpointRecord:
    """A checkpoint in its place, with its verdict."""
    directory = workspace.pipeline("lessons") / "checkpoints" / fingerprint
    version = training_parts.checkpoint(directory, fingerprint=fingerprint, **values)
    (directory / MODEL / "model.safetensors").write_bytes(weights)
    (directory / MARKER).write_text(version.model_dump_json())
    report = verdict_on(directory, version, blocked=blocked)
    path = report_path(workspace, "lessons", fingerprint)
    workspace.write(path, report.model_dump_json().encode())
    return checkpoint_record(directory, version, version.base_model)


def verdict_on(
    directory: Path, version: CheckpointVersion, *, blocked: bool = False
) -> ForgettingReport:
    """A report about these files."""
    claim = forgetting_parts.HOLDS
    if blocked:
        claim = claim.model_copy(update={"passed": False, "reason": "arc_easy is lost."})
    made = forgetting_parts.report(
        forgetting_parts.holdout(), forgetting_parts.comparison(), claims=(claim,)
    )
    about = {
        "pipeline": "lessons",
        "checkpoint_fingerprint": version.fingerprint,
        "model_fingerprint": content_fingerprint(directory / MODEL),
    }
    return made.model_copy(update=about)


def listing(version: str, **values: Any) -> VersionListing:
    """A version as a registry lists it."""
    told: dict[str, Any] = {
        "version": version,
        "version_id": version.replace(".", ""),
        "state": "LIVE",
        "author": "pipeline",
        "uri": f"file:///models/{version}",
        "created_ms": 1,
        "properties": {FINGERPRINT_PROPERTY: f"weights of {version}"},
    }
    return VersionListing(**told | values)


def registered_model(*versions: VersionListing, **properties: Any) -> RegisteredModel:
    """A model with these versions."""
    return RegisteredModel(
        registry=LOCAL_REGISTRY,
        name="lessons-model",
        model_id="1",
        state="LIVE",
        properties=properties,
        versions=versions,
    )

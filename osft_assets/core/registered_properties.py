"""What is kept with a registered version, as flat names and typed values: from what it was made, by
what, and how it did.

How a registry stores such values is its adapter's business (`resources.model_registry`).
"""

import json
from collections.abc import Iterator

from osft_assets.core.checkpoint import CheckpointVersion
from osft_assets.core.forgetting import ForgettingReport, TaskComparison
from osft_assets.core.registry_records import Property

Named = tuple[str, Property]
VERDICT, FORCED_BECAUSE = "verdict", "forced_because"
# Which checkpoint of which pipeline it is: how the champion is found again in the workspace.
PIPELINE, CHECKPOINT = "pipeline_name", "checkpoint_fingerprint"


def properties(
    version: CheckpointVersion, report: ForgettingReport, git_commit: str, forced_because: str
) -> dict[str, Property]:
    """Everything; what was not measured is left out."""
    return dict(
        [
            *_origin(version, git_commit),
            *_training(version),
            *_verdict(report, forced_because),
            *(named for one in report.comparisons for named in _scores(one)),
        ]
    )


def _origin(version: CheckpointVersion, git_commit: str) -> Iterator[Named]:
    base = version.base_model
    yield PIPELINE, version.pipeline
    yield CHECKPOINT, version.fingerprint
    yield "algorithm", version.algorithm
    yield "base_model", base.uri
    yield "base_model_revision", base.revision
    yield "dataset", version.train_uri
    yield "train_sha256", version.train_sha256
    yield "holdout_sha256", version.holdout_sha256
    if git_commit:
        yield "git_commit", git_commit
    for library, number in sorted(version.outcome.versions.items()):
        yield f"version/{library}", number


def _training(version: CheckpointVersion) -> Iterator[Named]:
    outcome, model = version.outcome, version.model
    yield "recipe", json.dumps(version.recipe, sort_keys=True)
    yield "architecture", model.architecture
    yield "dtype", model.dtype
    yield "parameters", model.parameters
    yield "rows_trained", outcome.rows.trained
    yield "steps", outcome.steps
    yield "final_loss", version.summary.final_loss
    yield "training_seconds", round(outcome.seconds, 1)
    yield "gpu_hours", round(version.gpu_hours, 4)
    if outcome.certificate:
        yield "osft/worst_leak", outcome.certificate.worst_leak
        yield "osft/constrained_share", outcome.certificate.constrained_share


def _verdict(report: ForgettingReport, forced_because: str) -> Iterator[Named]:
    yield VERDICT, report.verdict
    if report.blocked_by:
        yield "blocked_by", ", ".join(report.blocked_by)
    if forced_because:
        yield FORCED_BECAUSE, forced_because
    yield "report_fingerprint", report.fingerprint
    for name in ("retention", "backward_transfer"):
        value = getattr(report, name)
        if value is not None:
            yield name, value


def _scores(comparison: TaskComparison) -> Iterator[Named]:
    task, difference = comparison.task, comparison.difference
    yield f"score/{task}/metric", comparison.metric
    yield f"score/{task}", difference.tuned
    yield f"score/{task}/base", difference.base
    for side, error in (("", difference.tuned_stderr), ("/base", difference.base_stderr)):
        if error is not None:
            yield f"score/{task}{side}/stderr", error
    yield f"score/{task}/documents", difference.documents
    yield f"score/{task}/verdict", comparison.verdict

"""What the pages of `checkpoint` and `training_metrics` show."""

from collections.abc import Mapping
from typing import Any

import dagster as dg

from osft_assets.assets.columns import STEPS
from osft_assets.core.checkpoint import CHART_FILE, MODEL, CheckpointVersion
from osft_assets.core.loss_charts import loss_chart, sparkline
from osft_assets.core.recipes.pipeline import PipelineRecipe
from osft_assets.core.training import TrainedCheckpoint
from osft_assets.core.training_job import LOG_FILE, STEPS_FILE, Certificate
from osft_assets.core.training_progress import Observation, duration

_LISTED_MATRICES = 20


def observed_metadata(observation: Observation) -> dict[str, Any]:
    """One step while it runs. What the trainer does not tell is left out: it would plot as 0."""
    step = observation.step
    values = {
        "step": step.step,
        "total_steps": step.total_steps,
        "loss": step.loss,
        "learning_rate": step.learning_rate,
        "grad_norm": step.grad_norm,
        "tokens_per_second": step.tokens_per_second,
        "validation_loss": step.validation_loss,
        "seconds_left": observation.seconds_left,
    }
    return _told(values)


def checkpoint_metadata(trained: TrainedCheckpoint, pipeline: PipelineRecipe) -> dict[str, Any]:
    """The model: where it is, where it comes from, how it was made, what is guaranteed."""
    version, outcome = trained.version, trained.version.outcome
    return {
        "summary": dg.MetadataValue.md(_summary(version)),
        "loss_curve": dg.MetadataValue.md(sparkline(version.losses)),
        "path": dg.MetadataValue.path(str(trained.directory / MODEL)),
        "reused": trained.reused,
        "base_model": version.base_model.uri,
        "base_model_revision": version.base_model.revision,
        "dataset": version.train_uri,
        "dataset_hash": f"sha256:{version.train_sha256}",
        "algorithm": version.algorithm,
        "settings": version.recipe,
        "backend": outcome.backend,
        "device": outcome.device,
        "world_size": outcome.world_size,
        "attention": outcome.attention,
        "library_versions": outcome.versions,
        "parameters": version.model.parameters,
        "dtype": version.model.dtype,
        "size_bytes": version.model.size_bytes,
        "final_loss": version.summary.final_loss,
        **_told({"validation_loss": outcome.validation_loss}),
        **{f"rows_{name}": count for name, count in outcome.rows.model_dump().items()},
        "notes": dg.MetadataValue.md("\n".join(f"- {note}" for note in outcome.notes) or "none"),
        "fingerprint": version.fingerprint,
        "log": dg.MetadataValue.path(str(trained.directory / LOG_FILE)),
        "defined_in": pipeline.defined_in,
        **_guarantee(outcome.certificate),
    }


def _summary(version: CheckpointVersion) -> str:
    """How it was made, and what is guaranteed of it. Short lines: the page cuts off longer ones."""
    summary, outcome = version.summary, version.outcome
    lines = [
        f"**{summary.steps:,} steps of {version.algorithm}** on {outcome.device}, "
        f"{duration(outcome.seconds)}",
        f"Loss {summary.first_loss:.3g} to {summary.final_loss:.3g}",
    ]
    if outcome.certificate:
        share, leak = outcome.certificate.constrained_share, outcome.certificate.worst_leak
        lines += [f"{share:.0%} of the parameters are constrained", f"Worst leak {leak:.1e}"]
    return "\n\n".join(lines)


def metrics_metadata(trained: TrainedCheckpoint) -> dict[str, Any]:
    """The course of training in numbers and pictures."""
    version, directory = trained.version, trained.directory
    summary = version.summary
    return {
        "loss_curve": dg.MetadataValue.md(sparkline(version.losses)),
        "loss_chart": dg.MetadataValue.md(loss_chart(version.losses)),
        "loss_page": dg.MetadataValue.path(str(directory / CHART_FILE)),
        "path": dg.MetadataValue.path(str(directory / STEPS_FILE)),
        "seconds": version.outcome.seconds,
        "gpu_hours": version.gpu_hours,
        "dagster/row_count": summary.steps,
        "dagster/column_schema": STEPS,
        **_told(summary.model_dump() | {"peak_memory_gb": version.outcome.peak_memory_gb}),
    }


def _guarantee(certificate: Certificate | None) -> dict[str, Any]:
    if certificate is None:
        return {}
    worst = sorted(certificate.matrices, key=lambda m: -max(m.leak_left, m.leak_right))
    return {
        "constrained_share": certificate.constrained_share,
        "worst_leak": certificate.worst_leak,
        "worst_rounding": max(matrix.rounding for matrix in certificate.matrices),
        "unconstrained_parameters": certificate.unconstrained_parameters,
        "constrained_matrices": dg.MetadataValue.table(
            [dg.TableRecord(matrix.model_dump()) for matrix in worst[:_LISTED_MATRICES]]
        ),
    }


def _told(values: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in values.items() if value is not None}

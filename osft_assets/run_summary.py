"""What the commands print of a run when it has ended: claims, failures, rows, training, report.

The same in the UI: the checks and the metadata of the assets.
"""

from pathlib import Path

import click
import dagster as dg

from osft_assets.core import checkpoint, dataset
from osft_assets.core.checkpoint import CheckpointRecord
from osft_assets.core.forgetting_summary import sentences
from osft_assets.core.records import DatasetSplit
from osft_assets.core.registry_entry import RegistryEntry
from osft_assets.core.training_progress import duration
from osft_assets.core.workspace import Workspace
from osft_assets.step_errors import words_of

_MOST_TASKS = 10  # named of each verdict


def summarize(result: dg.ExecuteInProcessResult, pipeline: str, workspace: Workspace) -> None:
    """Everything, of a run of a whole pipeline."""
    list_claims(result)
    list_failures(result)
    if result.success:
        _summarize_rows(result.asset_value([pipeline, "train_split"]), workspace)
        _summarize_training(result.asset_value([pipeline, "checkpoint"]), workspace)
    _summarize_report(result, pipeline)
    if result.success:
        summarize_entry(result.asset_value([pipeline, "registry_entry"]))
    else:
        click.echo("\nNothing was registered.")


def list_claims(result: dg.ExecuteInProcessResult) -> None:
    """Every check of the run, with why it does not hold."""
    for claim in result.get_asset_check_evaluations():
        asset = claim.asset_key.to_user_string()
        verdict = "ok    " if claim.passed else "FAILED" if is_blocking(claim) else "WARN  "
        reason = "" if claim.passed else f" ({claim.description})" if claim.description else ""
        click.echo(f"  {verdict} {asset}: {claim.check_name}{reason}")


def is_blocking(claim: dg.AssetCheckEvaluation) -> bool:
    """Whether nothing comes after it when it does not hold. A blocking check may just warn, as the
    gate does where nothing can be told.
    """
    return bool(claim.blocking) and claim.severity == dg.AssetCheckSeverity.ERROR


def list_failures(result: dg.ExecuteInProcessResult) -> None:
    """Every step that failed, with the reason."""
    for step, reason in failures(result):
        click.echo(f"FAILED {step}: {reason}", err=True)


def failures(result: dg.ExecuteInProcessResult) -> list[tuple[str, str]]:
    """The steps that failed, each with the reason."""
    found = []
    for event in result.filter_events(lambda event: event.is_step_failure):
        words = words_of(event.step_failure_data.error)
        found.append((str(event.step_key), words or "it was interrupted, and kept nothing"))
    return found


def _summarize_rows(split: DatasetSplit, workspace: Workspace) -> None:
    directory = dataset.stable_directory(workspace, Path(split.version_path).parent.parent.name)
    counts = dataset.read_version(Path(split.version_path)).counts
    click.echo(f"\n{counts.read:,} rows read from {split.source.uri}")
    for name in ("invalid", "duplicate", "train", "holdout"):
        click.echo(f"  {getattr(counts, name):>6,} {name}")
    click.echo(f"They are in {directory}/train.jsonl and eval.jsonl.")


def _summarize_report(result: dg.ExecuteInProcessResult, pipeline: str) -> None:
    """Also when the gate blocked: then above all."""
    key = dg.AssetKey([pipeline, "forgetting_report"])
    if key not in {event.asset_key for event in result.get_asset_materialization_events()}:
        return
    click.echo()
    for sentence in sentences(result.asset_value(key), _MOST_TASKS):
        click.echo(f"{sentence.lead} {sentence.text}".rstrip())


def _summarize_training(trained: CheckpointRecord, workspace: Workspace) -> None:
    version = checkpoint.read_version(Path(trained.version_path))
    summary, outcome = version.summary, version.outcome
    click.echo(
        f"\n{summary.steps:,} steps of {version.algorithm} on {outcome.device}, "
        f"{duration(outcome.seconds)}: loss {summary.first_loss:.3g} to {summary.final_loss:.3g}"
    )
    if outcome.certificate:
        click.echo(
            f"  {outcome.certificate.constrained_share:.0%} of the parameters are constrained; "
            f"at most {outcome.certificate.worst_leak:.1e} of an update leaks into what is frozen"
        )
    for note in outcome.notes:
        click.echo(f"  note: {note}")
    click.echo(f"The model is in {checkpoint.stable_directory(workspace, version.pipeline)}.")


def summarize_entry(entry: RegistryEntry) -> None:
    """Where the model is registered."""
    known = entry.registered
    if known is None:
        click.echo("\nNothing was registered: registry.skip is set.")
        return
    before = "" if known.created else ", as before"
    click.echo(f"\nRegistered as {known.name} {known.version} in {known.registry}{before}.")
    click.echo(f"  {known.uri}")
    click.echo(f"  card: {entry.card_path}")

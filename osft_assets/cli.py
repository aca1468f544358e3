"""The `osft-assets` command: a thin way to run a pipeline without the UI.

What a pipeline does is in `osft_assets.assets`; which there are, in `osft_assets/defs`.
"""

import os
import sys
from importlib import import_module
from pathlib import Path
from types import ModuleType

import click
import dagster as dg

from osft_assets.core import checkpoint, dataset
from osft_assets.core.checkpoint import CheckpointRecord
from osft_assets.core.errors import OsftError
from osft_assets.core.forgetting_summary import sentences
from osft_assets.core.pruning import removable, remove
from osft_assets.core.records import DatasetSplit
from osft_assets.core.training_progress import duration
from osft_assets.core.workspace import Workspace

_MOST_TASKS = 10  # named of each verdict
_CONSOLE = {"loggers": {"console": {"config": {"log_level": "INFO"}}}}


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="osft-assets")
def main() -> None:
    """Continual fine-tuning of language models as Dagster assets."""


@main.command()
@click.argument("pipeline")
def run(pipeline: str) -> None:
    """Materialize everything of PIPELINE, in this process.

    With DAGSTER_HOME set, the run is kept there and the UI shows it. OSFT_WORKSPACE is where it
    writes; without it, the directory `workspace` below the current one.
    """
    sys.exit(0 if _materialize(pipeline) else 1)


@main.command()
def demo() -> None:
    """Teach a small model that ships with the code new facts, and see what it forgot; offline."""
    if not _materialize("demo"):
        sys.exit(1)
    click.echo("`make dev` shows the assets, their checks and their lineage in a browser.")


@main.command()
@click.argument("pipelines", nargs=-1)
@click.option(
    "--keep",
    default=3,
    show_default=True,
    type=click.IntRange(1),
    help="Of each kind, per pipeline, whatever its keep_checkpoints.",
)
@click.option("--delete", is_flag=True, help="Delete them. Without this they are only listed.")
def prune(pipelines: tuple[str, ...], keep: int, delete: bool) -> None:
    """List old checkpoints and prepared datasets that nothing uses, of PIPELINES or of all.

    What a stable link leads to, or a record of any pipeline names, is never listed.
    """
    place = _definitions().workspace()
    there = _pipelines_in(place)
    unknown = [name for name in pipelines if name not in there]
    if unknown:
        raise click.ClickException(
            f"{unknown[0]!r} has written nothing. There are: {', '.join(there) or 'none'}."
        )
    names = pipelines or there
    found = [removal for name in names for removal in removable(place, name, keep)]
    for removal in found:
        click.echo(f"{removal.size_bytes / 1e6:>10,.1f} MB  {removal.path}  ({removal.reason})")
    total = sum(removal.size_bytes for removal in found) / 1e6
    if delete:
        try:
            freed = remove(found)
        except OsftError as problem:
            raise click.ClickException(str(problem)) from None
        click.echo(f"Deleted {len(found)}: {freed / 1e6:,.1f} MB.")
    else:
        click.echo(f"{len(found)} may go: {total:,.1f} MB. Add --delete to delete them.")


def _pipelines_in(workspace: Workspace) -> tuple[str, ...]:
    """Those that have written something, also when their YAML file is gone."""
    return tuple(sorted(path.parent.name for path in workspace.root.glob("*/records")))


def _materialize(pipeline: str) -> bool:
    definitions = _definitions()
    names = sorted(job.name.removesuffix("_pipeline") for job in definitions.defs.jobs or [])
    if pipeline not in names:
        raise click.ClickException(f"No pipeline {pipeline!r}. There are: {', '.join(names)}.")
    kept = bool(os.environ.get("DAGSTER_HOME"))
    with dg.DagsterInstance.get() if kept else dg.DagsterInstance.ephemeral() as instance:
        job = definitions.defs.resolve_job_def(f"{pipeline}_pipeline")
        try:
            result = job.execute_in_process(
                instance=instance, run_config=_CONSOLE, raise_on_error=False
            )
        except OsftError as problem:  # found before there is a run
            raise click.ClickException(f"{pipeline}: {problem}") from None
    _list_claims(result)
    _list_failures(result)
    if result.success:
        place = definitions.workspace()
        _summarize_rows(result.asset_value([pipeline, "train_split"]), place)
        _summarize_training(result.asset_value([pipeline, "checkpoint"]), place)
    _summarize_report(result, pipeline)
    return bool(result.success)


def _definitions() -> ModuleType:
    """The code location, loaded here: `--help` need not wait, and a wrong YAML file is one line."""
    try:
        return import_module("osft_assets.definitions")
    except Exception as problem:
        cause: BaseException | None = problem
        while cause is not None and not isinstance(cause, OsftError):
            cause = cause.__cause__ or cause.__context__
        if cause is None:
            raise
        raise click.ClickException(str(cause)) from None


def _list_claims(result: dg.ExecuteInProcessResult) -> None:
    for claim in result.get_asset_check_evaluations():
        asset = claim.asset_key.to_user_string()
        verdict = "ok    " if claim.passed else "FAILED" if claim.blocking else "WARN  "
        reason = "" if claim.passed else f" ({claim.description})" if claim.description else ""
        click.echo(f"  {verdict} {asset}: {claim.check_name}{reason}")


def _list_failures(result: dg.ExecuteInProcessResult) -> None:
    for event in result.filter_events(lambda event: event.is_step_failure):
        error = event.step_failure_data.error
        cause = error and (error.cause or error)
        message = cause.message.strip().partition(": ")[2] if cause else ""
        reason = message or "it was interrupted, and kept nothing"
        click.echo(f"FAILED {event.step_key}: {reason}", err=True)


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

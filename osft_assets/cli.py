"""The `osft-assets` command: a thin way to run a pipeline without the UI.

What a pipeline does is in `osft_assets.assets`; which there are, in `osft_assets/defs`.
"""

import sys

import click

from osft_assets.code_location import definitions, execute, refuse_unknown
from osft_assets.core.errors import OsftError
from osft_assets.core.pruning import removable, remove
from osft_assets.core.unused_scores import unused_scores
from osft_assets.core.workspace import Workspace
from osft_assets.registry_commands import history, promote, register, registry, rollback
from osft_assets.run_summary import summarize


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="osft-assets")
def main() -> None:
    """Continual fine-tuning of language models as Dagster assets."""


for _command in (register, promote, rollback, history, registry):
    main.add_command(_command)


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

    What a stable link leads to, a record of any pipeline names, or was registered, is never listed.
    Without PIPELINES, also the scores of models that no pipeline has any more.
    """
    place = definitions().workspace()
    there = _pipelines_in(place)
    unknown = [name for name in pipelines if name not in there]
    if unknown:
        raise click.ClickException(
            f"{unknown[0]!r} has written nothing. There are: {', '.join(there) or 'none'}."
        )
    names = pipelines or there
    found = [removal for name in names for removal in removable(place, name, keep)]
    if not pipelines:
        found += unused_scores(place)
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
    refuse_unknown(pipeline)
    result = execute(f"{pipeline}_pipeline")
    summarize(result, pipeline, definitions().workspace())
    return bool(result.success)

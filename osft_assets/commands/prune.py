"""`osft-assets prune`: what takes room in the workspace and nothing uses any more."""

import json

import click

from osft_assets.code_location import definitions
from osft_assets.core.errors import OsftError
from osft_assets.core.pruning import Removal, removable, remove
from osft_assets.core.unused_scores import unused_scores
from osft_assets.core.workspace import Workspace


@click.command()
@click.argument("pipelines", nargs=-1)
@click.option(
    "--keep",
    default=3,
    show_default=True,
    type=click.IntRange(1),
    help="Of each kind, per pipeline, whatever its keep_checkpoints.",
)
@click.option("--delete", is_flag=True, help="Delete them. Without this they are only listed.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def prune(pipelines: tuple[str, ...], keep: int, delete: bool, as_json: bool) -> None:
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
    if as_json:
        _print_json(found, delete)
        return
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


def _print_json(found: list[Removal], delete: bool) -> None:
    removals = [
        {"path": str(one.path), "size_bytes": one.size_bytes, "reason": one.reason} for one in found
    ]
    try:
        freed = remove(found) if delete else 0
    except OsftError as problem:
        raise click.ClickException(str(problem)) from None
    click.echo(
        json.dumps({"removals": removals, "deleted": delete, "freed_bytes": freed}, indent=2)
    )


def _pipelines_in(workspace: Workspace) -> tuple[str, ...]:
    """Those that have written something, also when their YAML file is gone."""
    return tuple(sorted(path.parent.name for path in workspace.root.glob("*/records")))

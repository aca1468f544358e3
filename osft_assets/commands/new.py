"""`osft-assets new`: the YAML file of one more pipeline."""

import tempfile
from dataclasses import fields
from pathlib import Path
from typing import Any

import click

from osft_assets.code_location import definitions
from osft_assets.core.errors import OsftError
from osft_assets.core.pipeline_file import NewPipeline, pipeline_file
from osft_assets.wrong_files import short_lines


@click.command()
@click.argument("name")
@click.option("--algorithm", type=click.Choice(["osft", "sft"]), default="osft", show_default=True)
@click.option("--data-uri", default="", metavar="ADDRESS", help="Where its rows are.")
@click.option("--base-model", default="", metavar="MODEL", help="The model to start from.")
@click.option("--start-from", default="", metavar="PIPELINE", help="Go on from its checkpoint.")
@click.option("--schedule", default="", metavar="CRON", help="When it runs by itself.")
def new(**given: str) -> None:
    """Write the YAML file of a new pipeline, NAME: lower-case letters, digits and _.

    Into the directory that OSFT_DEFS names, or into osft_assets/defs of this checkout.
    """
    asked = NewPipeline(**given)
    try:
        file = _write(asked, definitions())
    except OsftError as problem:
        raise click.ClickException(str(problem)) from None
    click.echo(f"Wrote {file}.")
    click.echo("Next:")
    if not asked.data_uri:
        click.echo(f"  set attributes.dataset.data_uri in it, then: dg check yaml {file.parent}")
    click.echo(f"  osft-assets run {asked.name}")
    click.echo(f"  or, in the UI: Reload definitions, then the group {asked.name}")
    if asked.schedule:
        click.echo("  its schedule is stopped: start it in the UI, under Automation")


def _write(asked: NewPipeline, location: Any) -> Path:
    """Loaded together with all others before it has its name, so it is whole and fine or absent."""
    directory: Path = location.directory_for_new_pipelines()
    place = directory / asked.name
    if place.exists():
        raise click.ClickException(f"{place} exists. Choose another name, or edit the file in it.")
    with tempfile.TemporaryDirectory(prefix=".new-", dir=directory) as draft:
        file = Path(draft) / "pipeline" / "defs.yaml"
        file.parent.mkdir(mode=0o755)
        file.write_text(pipeline_file(asked), encoding="utf-8")
        _load(Path(draft), location)
        file.parent.rename(place)
    return place / "defs.yaml"


def _load(draft: Path, location: Any) -> None:
    try:
        location.served_pipelines(draft)
    except Exception as problem:
        if lines := short_lines(problem):
            told = "\n".join(map(_without_draft, lines.splitlines()))
            raise click.ClickException(told) from None
        raise


def _without_draft(line: str) -> str:
    """About the option that was given, not about a file that is gone."""
    _, of_file, rest = line.partition("defs.yaml:")
    setting, known, message = rest.partition(": attributes")[2].partition(": ")
    if not (of_file and known):
        return line
    name = setting.rpartition(".")[2]
    options = {field.name for field in fields(NewPipeline)} - {"name"}
    if name in options:
        return f"--{name.replace('_', '-')}: {message}"
    return f"{'NAME: ' if name == 'name' else ''}{message}"

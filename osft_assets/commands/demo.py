"""`osft-assets demo`: the whole chain on what ships with the code."""

import sys

import click

from osft_assets.commands.run import materialize


@click.command()
def demo() -> None:
    """Teach a small model that ships with the code new facts, and see what it forgot; offline."""
    if not materialize("demo"):
        sys.exit(1)
    click.echo("`make dev` shows the assets, their checks and their lineage in a browser.")

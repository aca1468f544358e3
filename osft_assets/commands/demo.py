"""`osft-assets demo`: the whole chain on what ships with the code, in four ways, then a step on."""

import json
import os
import sys
from collections.abc import Sequence
from pathlib import Path

import click
import dagster as dg

from osft_assets.code_location import definitions
from osft_assets.core.workspace import Workspace
from osft_assets.demo.lanes import Lanes
from osft_assets.demo.outcome import Outcome
from osft_assets.demo.tables import NOT_SHOWN, comma_separated, markdown, matrix_text, plain, tables
from osft_assets.demo.ways import lanes

_INTERRUPTED = 130


@click.command()
@click.option("--quick", is_flag=True, help="Only strict OSFT and SFT, at one rate.")
@click.option("--json", "as_json", is_flag=True, help="Print the numbers as JSON.")
def demo(quick: bool, as_json: bool) -> None:
    """Teach a small model that ships with the code new facts, and see what it forgot; offline.

    With SFT and OSFT, at one rate and each at its own, and then more facts on top. A model that the
    gate refuses is a result, and no failure. What is finished is not made again by another run.
    """
    workspace: Workspace = definitions().workspace()
    place = workspace.root / "_demo"
    place.mkdir(parents=True, exist_ok=True)
    _make_instance()
    planned = lanes(quick)
    width = len(planned) if (os.cpu_count() or 1) > 1 else 1
    rows = planned if width > 1 else ([run for lane in planned for run in lane],)
    try:
        outcomes = Lanes(place, lambda line: click.echo(line, err=True)).run(rows)
    except KeyboardInterrupt:
        click.echo("Interrupted. What is finished is kept: run it again to go on.", err=True)
        sys.exit(_INTERRUPTED)
    (place / "comparison.md").write_text(markdown(outcomes))
    (place / "comparison.csv").write_text(comma_separated(outcomes))
    (place / "comparison.json").write_text(json.dumps(plain(outcomes), indent=2))
    if as_json:
        click.echo(json.dumps(plain(outcomes), indent=2))
    else:
        _show(outcomes, workspace.root)
    _end(outcomes, place)


def _make_instance() -> None:
    """Where runs are kept, before two processes would make it at the same time."""
    if os.environ.get("DAGSTER_HOME"):
        with dg.DagsterInstance.get() as instance:
            instance.get_runs_count()


def _show(outcomes: Sequence[Outcome], root: Path) -> None:
    for table in tables(outcomes):
        click.echo(f"\n{table.text()}")
    some = next((each for each in outcomes if each.ended != "failed"), None)
    if some:
        click.echo(
            f"\nnew facts: {some.new_questions} held-out wordings, answered to the letter "
            f"({some.new_before:.0%} before). old skills: {some.old_questions} questions of five "
            f"skills ({some.old_before:.1%} before); the difference with its interval of 95 %."
        )
    for each in outcomes:
        if each.ended == "refused":
            click.echo(f"{each.pipeline} at {each.rate:g} was refused by the gate: {each.why}")
    if chain := matrix_text(outcomes):
        click.echo(f"\n{chain}")
    click.echo(f"\n{NOT_SHOWN}")
    click.echo(
        f"""
The tables: {root}/_demo/comparison.md, .csv, .json; what every run said: {root}/_demo/*.txt
The models: {root}/demo/final_model and beside it, each with its card (README.md)
The reports: {root}/demo/reports and beside it; the registry: {root}/_registry
`make dev` shows the assets, their checks and their lineage in a browser."""
    )


def _end(outcomes: Sequence[Outcome], place: Path) -> None:
    failed = [each for each in outcomes if each.ended == "failed"]
    for each in failed:
        click.echo(f"FAILED {each.pipeline} at {each.rate:g}: {each.why}", err=True)
    if failed:
        click.echo(f"What they said is in {place}.", err=True)
        sys.exit(1)

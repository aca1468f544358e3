"""`osft-assets run`: a whole pipeline, without the UI."""

import sys

import click

from osft_assets.code_location import definitions, execute, refuse_unknown
from osft_assets.console import RunProgress
from osft_assets.run_summary import summarize


@click.command()
@click.argument("pipeline")
@click.option("--verbose", is_flag=True, help="Show Dagster's own log, with the trace of failures.")
def run(pipeline: str, verbose: bool) -> None:
    """Materialize everything of PIPELINE, in this process.

    With DAGSTER_HOME set, the run is kept there and the UI shows it. OSFT_WORKSPACE is where it
    writes; without it, the directory `workspace` below the current one.
    """
    sys.exit(0 if materialize(pipeline, verbose) else 1)


def materialize(pipeline: str, verbose: bool = False) -> bool:
    """Whether all of it succeeded; what came of it is printed."""
    refuse_unknown(pipeline)
    result = execute(f"{pipeline}_pipeline", progress=RunProgress(), verbose=verbose)
    summarize(result, pipeline, definitions().workspace())
    return bool(result.success)

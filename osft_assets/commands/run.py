"""`osft-assets run`: a whole pipeline, without the UI."""

import sys
from pathlib import Path

import click

from osft_assets.code_location import definitions, execute, job_definition, refuse_unknown
from osft_assets.console import RunProgress
from osft_assets.run_report import print_report
from osft_assets.run_settings import read_settings, with_settings
from osft_assets.run_summary import summarize


@click.command()
@click.argument("pipeline")
@click.option(
    "--config",
    "file",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="Run config of its job, as YAML or JSON: what the launchpad takes, and what "
    "`osft-assets run-config` writes.",
)
@click.option(
    "--set",
    "settings",
    multiple=True,
    metavar="NAME=VALUE",
    help="A setting of this run, such as train.num_epochs=2, or a Kubeflow parameter of the "
    "pipelines osft and sft. Can be given several times.",
)
@click.option("--verbose", is_flag=True, help="Show Dagster's own log, with the trace of failures.")
@click.option("--json", "as_json", is_flag=True, help="Print what came of it as JSON.")
def run(
    pipeline: str, file: Path | None, settings: tuple[str, ...], verbose: bool, as_json: bool
) -> None:
    """Materialize everything of PIPELINE, in this process.

    With DAGSTER_HOME set, the run is kept there and the UI shows it. OSFT_WORKSPACE is where it
    writes; without it, the directory `workspace` below the current one.
    """
    refuse_unknown(pipeline)
    config = read_settings(file) if file else {}
    config = with_settings(job_definition(f"{pipeline}_pipeline"), config, settings)
    result = execute(f"{pipeline}_pipeline", config, RunProgress(), verbose)
    if as_json:
        print_report(result, pipeline)
    else:
        summarize(result, pipeline, definitions().workspace())
    sys.exit(0 if result.success else 1)

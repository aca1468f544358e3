"""`osft-assets run-config`: the parameters of a Kubeflow run, as run config of a job here.

What they mean is in `osft_assets.core.kubeflow_translation`; docs/kubeflow.md has the table.
"""

import json
from pathlib import Path
from typing import Any

import click
import yaml

from osft_assets.code_location import job_definition, refuse_unknown
from osft_assets.core.errors import OsftError
from osft_assets.core.kubeflow_file import algorithm_of, parameters_of, refuse_unknown_names
from osft_assets.core.kubeflow_translation import Translation, translate
from osft_assets.parameters import ALGORITHM, job_config
from osft_assets.run_settings import read_settings

_NO_ROWS = ("dataset.data_uri: where the rows are. Nothing runs without.",)


@click.command("run-config")
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option(
    "--pipeline", default="", help="The pipeline to run. Without it, osft or sft, as FILE tells."
)
@click.option(
    "--output", type=click.Path(dir_okay=False, path_type=Path), help="Write it to this file."
)
@click.option("--json", "as_json", is_flag=True, help="Write JSON instead of YAML.")
def run_config(file: Path, pipeline: str, output: Path | None, as_json: bool) -> None:
    """Turn FILE, with the parameters of a Kubeflow run, into run config.

    FILE is YAML or JSON, with the names of a pipeline (phase_...) or of a component (training_...).
    The result is for `osft-assets run PIPELINE --config`, and for the launchpad of its job. What
    means something else here, and what was left out, is listed on standard error.
    """
    try:
        parameters = parameters_of(read_settings(file))
        refuse_unknown_names(parameters)
        name = pipeline or algorithm_of(parameters)
        refuse_unknown(name)
        job = job_definition(f"{name}_pipeline")
        found = translate(parameters, str(job.metadata[ALGORITHM].value))
    except OsftError as problem:
        lines = str(problem).splitlines()
        raise click.ClickException("\n".join(f"{file}: {line}" for line in lines)) from None
    _write(job_config(job, found.settings), output, as_json)
    _tell(found, name, output)


def _write(config: dict[str, Any], output: Path | None, as_json: bool) -> None:
    text = json.dumps(config, indent=2) if as_json else yaml.safe_dump(config, sort_keys=False)
    if output:
        output.write_text(text.rstrip() + "\n")
    else:
        click.echo(text.rstrip())


def _tell(found: Translation, pipeline: str, output: Path | None) -> None:
    for title, lines in (
        ("Not quite what it was:", found.changed),
        ("Left out:", found.dropped),
        ("To be set:", () if "data_uri" in found.settings.get("dataset", {}) else _NO_ROWS),
    ):
        if lines:
            click.echo("\n".join([title, *(f"  {line}" for line in lines)]), err=True)
    place = output or "FILE, with this in it"
    click.echo(f"Next: osft-assets run {pipeline} --config {place}", err=True)

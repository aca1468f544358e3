"""`osft-assets list`: the pipelines of this code location."""

import json
from dataclasses import asdict

import click

from osft_assets.code_location import definitions
from osft_assets.core.redaction import redact
from osft_assets.pipeline_facts import pipeline_facts


@click.command("list")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def list_pipelines(as_json: bool) -> None:
    """List the pipelines: how each trains, on what, when, and what its model is called."""
    rows = [
        {key: value for key, value in asdict(one).items() if key != "registry"}
        | {"data_uri": redact(one.data_uri)}
        for one in pipeline_facts(definitions().defs)
    ]
    if as_json:
        click.echo(json.dumps(rows, indent=2))
        return
    for row in rows:
        data = row["data_uri"] or "no data_uri yet"
        when = f", {row['schedule']}" if row["schedule"] else ""
        click.echo(f"{row['name']:<20} {row['algorithm']:<5} {row['model']:<24} {data}{when}")

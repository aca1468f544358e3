"""The commands about registered models: which one is used, how it came to be, and the local
registry's own page.

Promoting runs the job that materializes `champion`, so the UI shows who did what; see
`osft_assets.assets.champion`. Registering is part of a pipeline's run.
"""

import getpass
import json
import os
import sys
from datetime import datetime
from typing import Any

import click
import dagster as dg

from osft_assets.code_location import definitions, execute, refuse_unknown
from osft_assets.console import RunProgress
from osft_assets.core.champion import ChampionRecord, champion_name, history_of
from osft_assets.core.errors import OsftError
from osft_assets.core.promotion import read_model
from osft_assets.core.recipes.registry import RegistryRecipe
from osft_assets.core.registered_properties import FORCED_BECAUSE
from osft_assets.core.registry_records import VersionListing
from osft_assets.run_report import print_report
from osft_assets.run_summary import list_claims, list_failures, summarize_entry
from resources.local_registry.serving import LOOPBACK, serve_until_interrupted

_json = click.option("--json", "as_json", is_flag=True, help="Print JSON.")
_reason = click.option("--reason", default="", help="Why, for the history.")


@click.command()
@click.argument("pipeline")
@click.option("--force", default="", metavar="REASON", help="Register it though it was blocked.")
@_json
def register(pipeline: str, force: str, as_json: bool) -> None:
    """Register the newest checkpoint of PIPELINE, which a run of it does by itself.

    For what the gate blocked, and for what a registry that was down has missed.
    """
    refuse_unknown(pipeline)
    ops = {f"{pipeline}__registry_entry": {"config": {"force": force}}} if force else {}
    result = execute(f"{pipeline}_register", {"ops": ops}, RunProgress())
    if as_json:
        print_report(result, pipeline)
        sys.exit(0 if result.success else 1)
    list_claims(result)
    list_failures(result)
    if not result.success:
        sys.exit(1)
    summarize_entry(result.asset_value(dg.AssetKey([pipeline, "registry_entry"])))
    _say_whether_it_is_kept()


@click.command()
@click.argument("pipeline")
@click.argument("version", default="")
@_reason
@_json
def promote(pipeline: str, version: str, reason: str, as_json: bool) -> None:
    """Make VERSION of the model of PIPELINE the champion; without VERSION, the newest one."""
    _change(pipeline, {"version": version, "reason": reason}, as_json)


@click.command()
@click.argument("pipeline")
@_reason
@_json
def rollback(pipeline: str, reason: str, as_json: bool) -> None:
    """Make the champion before this one of PIPELINE the champion again."""
    _change(pipeline, {"rollback": True, "reason": reason}, as_json)


@click.command()
@click.argument("pipeline")
@_json
def history(pipeline: str, as_json: bool) -> None:
    """List the versions of the model of PIPELINE, and every change of its champion."""
    refuse_unknown(pipeline)
    place, name = _registered_as(pipeline)
    try:
        model = read_model(definitions().registry(), place, name)
        changes = history_of(model)
        champion = champion_name(model)
    except OsftError as problem:
        raise click.ClickException(str(problem)) from None
    if as_json:
        told = {"name": model.name, "registry": model.registry, "champion": champion}
        versions = [version.model_dump(mode="json") for version in model.versions]
        made = [change.model_dump(mode="json") for change in changes]
        click.echo(json.dumps(told | {"versions": versions, "champions": made}, indent=2))
        return
    click.echo(f"{model.name} in {model.registry}")
    for version in model.versions:
        click.echo(_line(version, version.version == champion))
    if champion and champion not in {version.version for version in model.versions}:
        click.echo(f"The champion is {champion}, which is none of them: promote another version.")
    click.echo("\nChampions:" if changes else "\nNo version was promoted yet.")
    for change in changes:
        why = f": {change.reason}" if change.reason else ""
        click.echo(f"  {change.at}  {change.kind:<8}  {change.version}  by {change.by}{why}")


@click.group()
def registry() -> None:
    """The local registry: the file in the workspace that models are registered in by default."""


@registry.command()
@click.option("--port", default=8080, show_default=True, type=click.IntRange(0, 65535))
@click.option("--host", default=LOOPBACK, show_default=True, help="0.0.0.0 = for other machines.")
def serve(port: int, host: str) -> None:
    """Show its models in a browser, and answer the clients of a model registry, until Ctrl-C.

    Only this machine can reach it, or with --host all who have MODEL_REGISTRY_TOKEN. Runs on this
    machine need no such server: they open the same file.
    """
    token = os.environ.get("MODEL_REGISTRY_TOKEN", "").strip() if host != LOOPBACK else ""
    path = definitions().registry().local_path
    try:
        serve_until_interrupted(path, port, click.echo, host, token)
    except OsftError as problem:
        raise click.ClickException(str(problem)) from None


def _change(pipeline: str, settings: dict[str, Any], as_json: bool) -> None:
    refuse_unknown(pipeline)
    ops = {f"{pipeline}__champion": {"config": settings | {"by": _who()}}}
    result = execute(f"{pipeline}_promote", {"ops": ops})
    if not as_json or not result.success:
        list_failures(result)
    if not result.success:
        sys.exit(1)
    champion = result.asset_value(dg.AssetKey([pipeline, "champion"]))
    if as_json:
        click.echo(json.dumps(_told(champion), indent=2))
        return
    after = f", after {champion.replaced}" if champion.replaced else ""
    now = f"the champion now{after}" if champion.changed else "the champion already"
    forced = champion.version.properties.get(FORCED_BECAUSE)
    but = f" It was forced past the gate: {forced}." if forced else ""
    click.echo(f"{champion.name} {champion.version.version} is {now}.{but}")
    _say_whether_it_is_kept()


def _told(champion: ChampionRecord) -> dict[str, Any]:
    version = champion.version
    return {
        "name": champion.name,
        "version": version.version,
        "uri": version.uri,
        "changed": champion.changed,
        "replaced": champion.replaced,
    }


def _who() -> str:
    try:
        return getpass.getuser()
    except (KeyError, OSError):  # in a container, a user may be a number only
        return f"uid {os.getuid()}"


def _say_whether_it_is_kept() -> None:
    if not os.environ.get("DAGSTER_HOME"):
        click.echo("DAGSTER_HOME is not set, so the UI does not show this run.", err=True)


def _registered_as(pipeline: str) -> tuple[RegistryRecipe, str]:
    """The registry and the name that the pipeline's file gives, as its asset's definition says."""
    key = dg.AssetKey([pipeline, "champion"])
    graph = definitions().defs.resolve_asset_graph()
    metadata = graph.get(key).metadata
    return RegistryRecipe.model_validate(metadata["registry"].value), metadata["model"]


def _line(version: VersionListing, is_champion: bool) -> str:
    made = datetime.fromtimestamp(version.created_ms / 1000).astimezone().isoformat(" ", "minutes")
    forced = version.properties.get(FORCED_BECAUSE)
    told = (
        "champion" if is_champion else "",
        f"forced: {forced}" if forced else "",
        _state(version),
    )
    marks = [word for word in told if word]
    mark = f"  ({', '.join(marks)})" if marks else ""
    return f"  {version.version:<10} {made}  by {version.author}  {version.uri}{mark}"


def _state(version: VersionListing) -> str:
    if version.state != "LIVE":
        return version.state.lower()
    return "" if version.uri else "cut off: materialize registry_entry again"

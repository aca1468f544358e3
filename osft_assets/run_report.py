"""What came of a run, for scripts: the same as `run_summary` says, as data for `--json`."""

import json
from typing import Any

import click
import dagster as dg

from osft_assets.run_summary import failures, is_blocking


def print_report(result: dg.ExecuteInProcessResult, pipeline: str) -> None:
    """As JSON, on standard output."""
    click.echo(json.dumps(run_report(result, pipeline), indent=2))


def run_report(result: dg.ExecuteInProcessResult, pipeline: str) -> dict[str, Any]:
    """Checks, failures, and where checkpoint and registered version are, if there are any."""
    made = {event.asset_key for event in result.get_asset_materialization_events()}
    return {
        "success": bool(result.success),
        "run_id": result.run_id,
        "pipeline": pipeline,
        "checks": [
            {
                "asset": claim.asset_key.to_user_string(),
                "name": claim.check_name,
                "passed": claim.passed,
                "blocking": is_blocking(claim),
                "description": claim.description,
            }
            for claim in result.get_asset_check_evaluations()
        ],
        "failures": [{"step": step, "reason": reason} for step, reason in failures(result)],
        "checkpoint": _checkpoint(result, dg.AssetKey([pipeline, "checkpoint"]), made),
        "registered": _registered(result, dg.AssetKey([pipeline, "registry_entry"]), made),
    }


def _checkpoint(result: dg.ExecuteInProcessResult, key: dg.AssetKey, made: set[Any]) -> str | None:
    return str(result.asset_value(key).model.path) if key in made else None


def _registered(
    result: dg.ExecuteInProcessResult, key: dg.AssetKey, made: set[Any]
) -> dict[str, Any] | None:
    known = result.asset_value(key).registered if key in made else None
    if known is None:
        return None
    return {
        "name": known.name,
        "version": known.version,
        "uri": known.uri,
        "registry": known.registry,
    }

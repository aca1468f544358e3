"""`registry_entry`: the checkpoint as a version in a model registry, if its verdict allows.

The work is `core.registration`; that it stays there is claimed in `osft_assets.checks.registry`.
Which version is used is `assets.champion`.
"""

from pathlib import Path
from typing import Any

import dagster as dg

from osft_assets.config import launch_schema, parse_config
from osft_assets.core.checkpoint import CheckpointRecord
from osft_assets.core.ports import ModelRegistry, ModelStore
from osft_assets.core.recipes.pipeline import PipelineRecipe
from osft_assets.core.recipes.registry import RegistryRecipe
from osft_assets.core.registration import AskedBy, RegistrationStage
from osft_assets.core.registry_entry import RegistryEntry, model_name
from osft_assets.core.registry_records import LOCAL_REGISTRY, RunSource
from osft_assets.core.workspace import Workspace
from osft_assets.retries import retried


def registry_entry_asset(pipeline: PipelineRecipe) -> dg.AssetsDefinition:
    """The registry entry of one pipeline."""
    name = pipeline.name

    @dg.multi_asset(
        name=f"{name}__registry_entry",
        group_name=name,
        ins={"checkpoint": dg.AssetIn([name, "checkpoint"])},
        deps=[[name, "forgetting_report"]],
        outs={"registry_entry": _out(pipeline)},
        config_schema=launch_schema(pipeline.registry),
    )
    @retried(pipeline.retry)
    def registry_entry(  # noqa: PLR0913 - Dagster gives each by its name
        context: dg.AssetExecutionContext,
        checkpoint: CheckpointRecord,
        workspace: dg.ResourceParam[Workspace],
        model_registry: dg.ResourceParam[ModelRegistry],
        model_store: dg.ResourceParam[ModelStore],
        git_commit: dg.ResourceParam[str],
    ) -> dg.MaterializeResult[RegistryEntry]:
        recipe = parse_config(RegistryRecipe, context.op_execution_context.op_config)
        asked_by = AskedBy(_run(context, name), git_commit)
        stage = RegistrationStage(workspace, model_registry, model_store, asked_by)
        entry = stage.run(checkpoint, recipe, context.log.info)
        return dg.MaterializeResult(
            value=entry,
            data_version=dg.DataVersion(entry.fingerprint),
            metadata=_metadata(entry, pipeline),
        )

    return registry_entry


def _out(pipeline: PipelineRecipe) -> dg.AssetOut:
    return dg.AssetOut(
        key=[pipeline.name, "registry_entry"],
        dagster_type=RegistryEntry,
        description=(
            "The checkpoint in the model registry, once it passed the gate. Set the address and "
            f"the name in `{pipeline.defined_in}`."
        ),
        kinds={"registry"},
        metadata={
            "registered_as": model_name(pipeline.name, pipeline.registry),
            "registry": str(pipeline.registry.server or LOCAL_REGISTRY),
        },
    )


def _run(context: dg.AssetExecutionContext, pipeline: str) -> RunSource:
    return RunSource(
        kind="dagster",
        source_class="asset",
        group=pipeline,
        name=context.asset_key.to_user_string(),
        id=context.run.run_id,
    )


def _metadata(entry: RegistryEntry, pipeline: PipelineRecipe) -> dict[str, Any]:
    return {
        "verdict": entry.verdict,
        **({"forced_because": entry.forced_because} if entry.forced_because else {}),
        **_registered(entry),
        "checkpoint": entry.checkpoint_fingerprint,
        "model_fingerprint": entry.model_fingerprint,
        "defined_in": pipeline.defined_in,
    }


def _registered(entry: RegistryEntry) -> dict[str, Any]:
    known = entry.registered
    if known is None:
        return {"registered": "skipped: registry.skip is set"}
    return {
        "model": known.name,
        "version": known.version,
        "registered": "now" if known.created else "before: nothing changed",
        "registry": _link(known.registry),
        "uri": known.uri,
        "card": dg.MetadataValue.md(Path(entry.card_path).read_text(encoding="utf-8")),
        "card_path": dg.MetadataValue.path(entry.card_path),
        "lineage": dg.MetadataValue.path(entry.lineage_path),
        "version_id": known.version_id,
    }


def _link(registry: str) -> Any:
    is_url = registry.startswith(("http://", "https://"))
    return dg.MetadataValue.url(registry) if is_url else registry

"""The claims about the registry: before training, that it can be registered in; after, that it says
what was registered.
"""

from collections.abc import Iterator, Mapping, Set
from typing import Any

import dagster as dg

from osft_assets.checks.answers import answer, selected, specifications
from osft_assets.config import launch_schema, parse_config
from osft_assets.core import registry_claims, registry_preflight
from osft_assets.core.ports import ModelRegistry
from osft_assets.core.recipes.pipeline import PipelineRecipe
from osft_assets.core.recipes.registry import RegistryRecipe
from osft_assets.core.registry_entry import RegistryEntry, model_name
from osft_assets.core.registry_records import LOCAL_REGISTRY
from osft_assets.core.workspace import Workspace
from osft_assets.retries import retried


def registry_checks(pipeline: PipelineRecipe) -> dg.AssetChecksDefinition:
    """The claims about the registry entry of one pipeline."""
    asset = dg.AssetKey([pipeline.name, "registry_entry"])

    @dg.multi_asset_check(
        name=f"{pipeline.name}__registry_checks",
        specs=specifications(asset, registry_claims.CLAIMS, registry_claims.WARNINGS),
        ins={"registry_entry": dg.AssetIn(asset)},
        can_subset=True,
    )
    @retried(pipeline.retry)
    def registry_checks(
        context: dg.AssetCheckExecutionContext,
        registry_entry: RegistryEntry,
        model_registry: dg.ResourceParam[ModelRegistry],
    ) -> Iterator[dg.AssetCheckResult]:
        known = registry_entry.registered
        place = registry_entry.place(pipeline.registry)
        model = model_registry.read(place, known.name) if known else None
        problems = registry_claims.judge(registry_entry, model)
        seen = _seen(registry_entry)
        yield from selected(context, _answers(asset, problems, registry_claims.WARNINGS, seen))

    return registry_checks


def preflight_checks(pipeline: PipelineRecipe) -> dg.AssetChecksDefinition:
    """The claims about the registry of one pipeline, before anything is trained."""
    asset = dg.AssetKey([pipeline.name, "base_model"])

    @dg.multi_asset_check(
        name=f"{pipeline.name}__registry_preflight",
        specs=specifications(asset, registry_preflight.CLAIMS, registry_preflight.WARNINGS),
        can_subset=True,
        config_schema=launch_schema(pipeline.registry),
    )
    @retried(pipeline.retry)
    def registry_preflight_checks(
        context: dg.AssetCheckExecutionContext,
        workspace: dg.ResourceParam[Workspace],
        model_registry: dg.ResourceParam[ModelRegistry],
    ) -> Iterator[dg.AssetCheckResult]:
        recipe = parse_config(RegistryRecipe, context.op_execution_context.op_config)
        name = model_name(pipeline.name, recipe)
        model = None if recipe.skip else model_registry.read(recipe, name)
        problems = registry_preflight.judge(recipe, workspace, model)
        seen = {"registry": str(recipe.server or LOCAL_REGISTRY), "model": name}
        yield from selected(context, _answers(asset, problems, registry_preflight.WARNINGS, seen))

    return registry_preflight_checks


def _answers(
    asset: dg.AssetKey, problems: Mapping[str, str], warnings: Set[str], seen: Mapping[str, Any]
) -> list[dg.AssetCheckResult]:
    return [
        answer(dg.AssetCheckKey(asset, name), not problem, seen, problem, warns=name in warnings)
        for name, problem in problems.items()
    ]


def _seen(entry: RegistryEntry) -> Mapping[str, Any]:
    if entry.registered is None:
        return {"registered": "skipped"}
    return {"model": entry.registered.name, "version": entry.registered.version}

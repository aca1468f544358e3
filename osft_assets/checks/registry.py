"""The claims about a registry entry: the registry is read again, and must still say the same."""

from collections.abc import Iterator, Mapping
from typing import Any

import dagster as dg

from osft_assets.checks.answers import answer, selected
from osft_assets.core.ports import ModelRegistry
from osft_assets.core.recipes.pipeline import PipelineRecipe
from osft_assets.core.registry_claims import CLAIMS, WARNINGS, judge
from osft_assets.core.registry_entry import RegistryEntry


def registry_checks(pipeline: PipelineRecipe) -> dg.AssetChecksDefinition:
    """The claims about the registry entry of one pipeline."""
    asset = dg.AssetKey([pipeline.name, "registry_entry"])

    @dg.multi_asset_check(
        name=f"{pipeline.name}__registry_checks",
        specs=[
            dg.AssetCheckSpec(name, asset=asset, description=text, blocking=name not in WARNINGS)
            for name, text in CLAIMS.items()
        ],
        ins={"registry_entry": dg.AssetIn(asset)},
        can_subset=True,
    )
    def registry_checks(
        context: dg.AssetCheckExecutionContext,
        registry_entry: RegistryEntry,
        model_registry: dg.ResourceParam[ModelRegistry],
    ) -> Iterator[dg.AssetCheckResult]:
        known = registry_entry.registered
        place = registry_entry.place(pipeline.registry)
        model = model_registry.read(place, known.name) if known else None
        results = [
            answer(
                dg.AssetCheckKey(asset, name),
                not problem,
                _seen(registry_entry),
                problem,
                warns=name in WARNINGS,
            )
            for name, problem in judge(registry_entry, model).items()
        ]
        yield from selected(context, results)

    return registry_checks


def _seen(entry: RegistryEntry) -> Mapping[str, Any]:
    if entry.registered is None:
        return {"registered": "skipped"}
    return {"model": entry.registered.name, "version": entry.registered.version}

"""`champion`: the registered version to use. Materializing it promotes, or rolls back.

It is in a group of its own and in no pipeline's job: promoting is somebody's decision. The work is
`core.promotion`; training from the champion is `assets.start_from_champion`.
"""

from typing import Any

import dagster as dg

from osft_assets.config import launch_schema, parse_config
from osft_assets.core.champion import ChampionRecord
from osft_assets.core.ports import ModelRegistry
from osft_assets.core.promotion import PromotionStage
from osft_assets.core.recipes.pipeline import PipelineRecipe
from osft_assets.core.recipes.promotion import PromotionRecipe
from osft_assets.core.registered_properties import FORCED_BECAUSE, VERDICT
from osft_assets.core.registry_entry import model_name
from osft_assets.retries import retried


def champion_asset(pipeline: PipelineRecipe) -> dg.AssetsDefinition:
    """The champion of one pipeline's model."""
    name, registry = pipeline.name, pipeline.registry
    model = model_name(name, registry)

    @dg.multi_asset(
        name=f"{name}__champion",
        group_name=f"{name}_champion",
        deps=[[name, "registry_entry"]],
        outs={
            "champion": dg.AssetOut(
                key=[name, "champion"],
                dagster_type=ChampionRecord,
                description=(
                    "The registered version to use. Materialize it to promote the newest entry, or "
                    "another one: see the launchpad. `base_model: champion` trains on from it."
                ),
                kinds={"registry"},
                # Read by `osft-assets history`, too.
                metadata={
                    "model": model,
                    "registry": dg.MetadataValue.json(registry.model_dump()),
                },
            )
        },
        config_schema=launch_schema(PromotionRecipe()),
    )
    @retried(pipeline.retry)
    def champion(
        context: dg.AssetExecutionContext,
        model_registry: dg.ResourceParam[ModelRegistry],
    ) -> dg.MaterializeResult[ChampionRecord]:
        recipe = parse_config(PromotionRecipe, context.op_execution_context.op_config)
        stage = PromotionStage(model_registry, registry, model)
        record = stage.run(recipe, context.log.info)
        return dg.MaterializeResult(
            value=record,
            data_version=dg.DataVersion(record.version.version_id),
            metadata=_metadata(record),
        )

    return champion


def _metadata(record: ChampionRecord) -> dict[str, Any]:
    told = record.version.properties
    return {
        "model": record.name,
        "version": record.version.version,
        **{name: told[name] for name in (VERDICT, FORCED_BECAUSE) if name in told},
        "replaced": record.replaced or "none",
        "changed": record.changed,
        "how": record.promotion.kind,
        "by": record.promotion.by,
        "reason": record.promotion.reason or "none given",
        "at": record.promotion.at,
        "uri": record.version.uri,
        "registry": record.registry,
    }

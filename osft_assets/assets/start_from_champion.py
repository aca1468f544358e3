"""`base_model` of a pipeline that trains on from its own champion: `base_model: champion`.

The champion is looked up whenever this is materialized. It is no upstream asset: it would be one of
itself. A model from elsewhere is `assets.base_model`; from another pipeline, `assets.start_from`.
"""

import dagster as dg

from osft_assets.assets.model_metadata import model_metadata
from osft_assets.core.base_model import BaseModelStage
from osft_assets.core.champion_model import ChampionModel, refuse_no_champion
from osft_assets.core.model_records import ModelRecord
from osft_assets.core.ports import ModelInspector, ModelRegistry, ModelSource
from osft_assets.core.recipes.pipeline import PipelineRecipe
from osft_assets.core.registry_entry import model_name
from osft_assets.core.workspace import Workspace
from osft_assets.retries import retried


def start_from_champion_asset(pipeline: PipelineRecipe) -> dg.AssetsDefinition:
    """The champion of one pipeline's model, as its base model."""
    place = pipeline.registry
    name = model_name(pipeline.name, place)

    @dg.multi_asset(
        name=f"{pipeline.name}__base_model",
        group_name=pipeline.name,
        outs={
            "base_model": dg.AssetOut(
                key=[pipeline.name, "base_model"],
                dagster_type=ModelRecord,
                description=f"The model to start from: the champion of `{name}`.",
                kinds={"registry"},
            )
        },
    )
    @retried(pipeline.retry)
    def start_from_champion(
        context: dg.AssetExecutionContext,
        workspace: dg.ResourceParam[Workspace],
        model_registry: dg.ResourceParam[ModelRegistry],
        model_source: dg.ResourceParam[ModelSource],
        model_inspector: dg.ResourceParam[ModelInspector],
    ) -> dg.MaterializeResult[ModelRecord]:
        elsewhere = BaseModelStage(model_source, model_inspector)
        champions = ChampionModel(model_registry, workspace, elsewhere)
        champion = champions.find(place, name) or refuse_no_champion(name, place)
        model = champions.run(champion, name, context.log.info)
        return dg.MaterializeResult(
            value=model,
            data_version=dg.DataVersion(model.fingerprint),
            metadata={
                **model_metadata(model, pipeline.defined_in),
                "fingerprint": model.fingerprint,
            },
        )

    return start_from_champion

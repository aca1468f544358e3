"""`base_model`: the model that training starts from, on disk and examined.

The work is `core.base_model`; the claims about it are `osft_assets.checks.base_model`. A pipeline
that goes on where another one ended has `assets.start_from` instead.
"""

from pathlib import Path
from typing import Any

import dagster as dg

from osft_assets.assets.model_metadata import model_metadata
from osft_assets.config import launch_schema, parse_config
from osft_assets.core.base_model import BaseModelStage
from osft_assets.core.model_card import license_of
from osft_assets.core.model_records import ModelRecord
from osft_assets.core.model_sources import HubModel, OciImage, parse_model_location
from osft_assets.core.ports import ModelInspector, ModelSource
from osft_assets.core.recipes.base_model import BaseModelRecipe
from osft_assets.core.recipes.pipeline import PipelineRecipe
from osft_assets.core.sources import S3Location
from osft_assets.retries import retried

_HUB = "hf://"
_COMMIT = "commit:"


def base_model_asset(pipeline: PipelineRecipe) -> dg.AssetsDefinition:
    """The base model of one pipeline."""

    @dg.multi_asset(
        name=f"{pipeline.name}__base_model",
        group_name=pipeline.name,
        outs={"base_model": _out(pipeline)},
        config_schema=launch_schema(pipeline.base_model),
    )
    @retried(pipeline.retry)
    def base_model(
        context: dg.AssetExecutionContext,
        model_source: dg.ResourceParam[ModelSource],
        model_inspector: dg.ResourceParam[ModelInspector],
    ) -> dg.MaterializeResult[ModelRecord]:
        recipe = parse_config(BaseModelRecipe, context.op_execution_context.op_config)
        model = BaseModelStage(model_source, model_inspector).run(recipe, context.log.info)
        return dg.MaterializeResult(
            value=model,
            data_version=dg.DataVersion(model.fingerprint),
            metadata=_metadata(model, pipeline),
        )

    return base_model


def _out(pipeline: PipelineRecipe) -> dg.AssetOut:
    return dg.AssetOut(
        key=[pipeline.name, "base_model"],
        dagster_type=ModelRecord,
        description=(
            "The model to start from, downloaded once and every weight looked at. Set which in "
            f"`{pipeline.defined_in}`."
        ),
        kinds={_kind(pipeline.base_model.base_model)},
    )


def _kind(address: str) -> str:
    """The icon: where it comes from."""
    kinds = {HubModel: "huggingface", S3Location: "s3", OciImage: "docker"}
    return kinds.get(type(parse_model_location(address)), "pytorch")


def _metadata(model: ModelRecord, pipeline: PipelineRecipe) -> dict[str, Any]:
    return {
        **model_metadata(model, pipeline.defined_in),
        "license": license_of(Path(model.path)) or "not told",
        "fingerprint": model.fingerprint,
        **_page(model),
    }


def _page(model: ModelRecord) -> dict[str, Any]:
    """The model's page, as it was at this commit."""
    if not model.uri.startswith(_HUB) or not model.revision.startswith(_COMMIT):
        return {}
    name = model.uri.removeprefix(_HUB).partition("@")[0]
    url = f"https://huggingface.co/{name}/tree/{model.revision.removeprefix(_COMMIT)}"
    return {"page": dg.MetadataValue.url(url)}

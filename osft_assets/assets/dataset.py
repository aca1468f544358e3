"""`train_split` and `holdout_split`: one op, since one pass over the rows makes both.

The work is `core.dataset`; the claims about the result are `osft_assets.checks`.
"""

from collections.abc import Iterator

import dagster as dg

from osft_assets.assets.dataset_metadata import split_metadata
from osft_assets.config import launch_schema, parse_config
from osft_assets.core.dataset import DatasetStage, PreparedDataset, split_record
from osft_assets.core.ports import DatasetSource
from osft_assets.core.recipes.dataset import DatasetRecipe
from osft_assets.core.recipes.pipeline import PipelineRecipe
from osft_assets.core.records import DatasetSplit
from osft_assets.core.workspace import Workspace
from osft_assets.retries import retried

_DESCRIPTIONS = {
    "train_split": "The rows to train on: every row checked, duplicates removed, as JSONL.",
    "holdout_split": "The rows kept out of training, to measure what was learnt.",
}


def dataset_asset(pipeline: PipelineRecipe) -> dg.AssetsDefinition:
    """Both splits of one pipeline."""

    @dg.multi_asset(
        name=f"{pipeline.name}__dataset",
        group_name=pipeline.name,
        outs={name: _out(pipeline, name) for name in _DESCRIPTIONS},
        config_schema=launch_schema(pipeline.dataset),
    )
    @retried(pipeline.retry)
    def dataset(
        context: dg.AssetExecutionContext,
        workspace: dg.ResourceParam[Workspace],
        dataset_source: dg.ResourceParam[DatasetSource],
    ) -> Iterator[dg.MaterializeResult[DatasetSplit]]:
        recipe = parse_config(DatasetRecipe, context.op_execution_context.op_config)
        stage = DatasetStage(pipeline, workspace, dataset_source)
        prepared = stage.run(recipe, context.log.info)
        for key in context.selected_asset_keys:
            yield _result(pipeline, key, prepared)

    return dataset


def _out(pipeline: PipelineRecipe, name: str) -> dg.AssetOut:
    return dg.AssetOut(
        key=[pipeline.name, name],
        dagster_type=DatasetSplit,
        description=f"{_DESCRIPTIONS[name]} Set where they come from in `{pipeline.defined_in}`.",
        kinds={"json"},
    )


def _result(
    pipeline: PipelineRecipe, key: dg.AssetKey, prepared: PreparedDataset
) -> dg.MaterializeResult[DatasetSplit]:
    record = split_record(prepared, "train" if key.path[-1] == "train_split" else "holdout")
    return dg.MaterializeResult(
        asset_key=key,
        value=record,
        data_version=dg.DataVersion(record.sha256),
        metadata=split_metadata(prepared.version, record, pipeline),
    )

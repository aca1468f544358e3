"""All the definitions of one pipeline. Which ones there are, the YAML files in `defs/` say."""

import dagster as dg

from osft_assets.assets.base_model import base_model_asset
from osft_assets.assets.dataset import dataset_asset
from osft_assets.assets.evaluation import base_scores_asset, scores_asset
from osft_assets.assets.forgetting_report import forgetting_report_asset
from osft_assets.assets.start_from import start_from_asset
from osft_assets.assets.training import training_asset
from osft_assets.checks.base_model import base_model_checks
from osft_assets.checks.dataset import dataset_checks
from osft_assets.checks.gate import gate_checks
from osft_assets.checks.training import training_checks
from osft_assets.core.recipes.pipeline import PipelineRecipe


def build_pipeline(pipeline: PipelineRecipe) -> dg.Definitions:
    """Assets, checks and the job that makes them all."""
    job = dg.define_asset_job(
        f"{pipeline.name}_pipeline",
        selection=dg.AssetSelection.groups(pipeline.name),
        description=f"Everything of the pipeline {pipeline.name}, as {pipeline.defined_in} says.",
    )
    base_model = start_from_asset if pipeline.start_from else base_model_asset
    return dg.Definitions(
        assets=[
            base_model(pipeline),
            dataset_asset(pipeline),
            training_asset(pipeline),
            base_scores_asset(pipeline),
            scores_asset(pipeline),
            forgetting_report_asset(pipeline),
        ],
        asset_checks=[
            base_model_checks(pipeline),
            dataset_checks(pipeline),
            training_checks(pipeline),
            gate_checks(pipeline),
        ],
        jobs=[job],
    )

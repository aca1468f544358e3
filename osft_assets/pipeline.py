"""All the definitions of one pipeline. Which ones there are, the YAML files in `defs/` say."""

import dagster as dg

from osft_assets.assets.dataset import dataset_asset
from osft_assets.checks.dataset import dataset_checks
from osft_assets.core.recipes.pipeline import PipelineRecipe


def build_pipeline(pipeline: PipelineRecipe) -> dg.Definitions:
    """Assets, checks and the job that makes them all."""
    job = dg.define_asset_job(
        f"{pipeline.name}_pipeline",
        selection=dg.AssetSelection.groups(pipeline.name),
        description=f"Everything of the pipeline {pipeline.name}, as {pipeline.defined_in} says.",
    )
    return dg.Definitions(
        assets=[dataset_asset(pipeline)], asset_checks=[dataset_checks(pipeline)], jobs=[job]
    )

"""All the definitions of one pipeline. Which ones there are, the YAML files in `defs/` say."""

from typing import Any

import dagster as dg

from osft_assets.assets.base_model import base_model_asset
from osft_assets.assets.champion import champion_asset
from osft_assets.assets.champion_scores import champion_scores_asset
from osft_assets.assets.dataset import dataset_asset
from osft_assets.assets.evaluation import base_scores_asset, scores_asset
from osft_assets.assets.forgetting_report import forgetting_report_asset
from osft_assets.assets.labels import labelled
from osft_assets.assets.registry_entry import registry_entry_asset
from osft_assets.assets.start_from import start_from_asset
from osft_assets.assets.start_from_champion import start_from_champion_asset
from osft_assets.assets.training import training_asset
from osft_assets.automation import automated, schedules, sensors
from osft_assets.checks.base_model import base_model_checks
from osft_assets.checks.dataset import dataset_checks
from osft_assets.checks.gate import gate_checks
from osft_assets.checks.registry import preflight_checks, registry_checks
from osft_assets.checks.training import training_checks
from osft_assets.core.recipes.pipeline import PipelineRecipe
from osft_assets.parameters import ALGORITHM, flat_mapping


def build_pipeline(pipeline: PipelineRecipe) -> dg.Definitions:
    """Assets, checks, the job that makes them all, and those that register and promote alone."""
    job = dg.define_asset_job(
        f"{pipeline.name}_pipeline",
        selection=dg.AssetSelection.groups(pipeline.name),
        config=flat_mapping(pipeline),
        metadata={ALGORITHM: dg.MetadataValue.text(pipeline.algorithm)},
        description=f"Everything of the pipeline {pipeline.name}, as {pipeline.defined_in} says.",
    )
    return dg.Definitions(
        assets=automated(labelled(_assets(pipeline), pipeline), pipeline),
        asset_checks=[
            base_model_checks(pipeline),
            dataset_checks(pipeline),
            training_checks(pipeline),
            gate_checks(pipeline),
            preflight_checks(pipeline),
            registry_checks(pipeline),
        ],
        jobs=[job, *_jobs_of_one_asset(pipeline)],
        schedules=schedules(pipeline),
        sensors=sensors(pipeline),
    )


def _assets(pipeline: PipelineRecipe) -> list[dg.AssetsDefinition]:
    return [
        _beginning(pipeline),
        dataset_asset(pipeline),
        training_asset(pipeline),
        base_scores_asset(pipeline),
        scores_asset(pipeline),
        champion_scores_asset(pipeline),
        forgetting_report_asset(pipeline),
        registry_entry_asset(pipeline),
        champion_asset(pipeline),
    ]


def _beginning(pipeline: PipelineRecipe) -> dg.AssetsDefinition:
    if pipeline.start_from:
        return start_from_asset(pipeline)
    if pipeline.starts_from_champion:
        return start_from_champion_asset(pipeline)
    return base_model_asset(pipeline)


def _jobs_of_one_asset(pipeline: PipelineRecipe) -> list[Any]:
    """What `osft-assets register` and `promote` run."""
    purposes = {
        "register": ("registry_entry", "Register the newest checkpoint of {}, or force it."),
        "promote": ("champion", "Make a registered version of {} the champion, or roll back."),
    }
    return [
        dg.define_asset_job(
            f"{pipeline.name}_{verb}",
            selection=dg.AssetSelection.assets([pipeline.name, asset]),
            description=description.format(pipeline.name),
        )
        for verb, (asset, description) in purposes.items()
    ]

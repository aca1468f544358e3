"""`base_model` of a pipeline that goes on where another one ended.

A model from elsewhere is `assets.base_model`.
"""

from pathlib import Path

import dagster as dg

from osft_assets.assets.model_metadata import model_metadata
from osft_assets.core.checkpoint import MODEL, CheckpointRecord, read_version
from osft_assets.core.forgetting_report import read_report
from osft_assets.core.gate_claims import refuse_blocked, refuse_other_model
from osft_assets.core.model_files import content_fingerprint
from osft_assets.core.model_records import ModelRecord
from osft_assets.core.ports import ModelInspector
from osft_assets.core.recipes.pipeline import PipelineRecipe
from osft_assets.core.training_claims import refuse_broken
from osft_assets.core.workspace import Workspace
from osft_assets.retries import retried


def start_from_asset(pipeline: PipelineRecipe) -> dg.AssetsDefinition:
    """The other pipeline's newest checkpoint, as this one's base model.

    It comes after that one's report: in one run with it, a blocked checkpoint goes nowhere.
    """
    upstream = pipeline.start_from

    @dg.multi_asset(
        name=f"{pipeline.name}__base_model",
        group_name=pipeline.name,
        ins={"checkpoint": dg.AssetIn([upstream, "checkpoint"])},
        deps=[[upstream, "forgetting_report"]],
        outs={
            "base_model": dg.AssetOut(
                key=[pipeline.name, "base_model"],
                dagster_type=ModelRecord,
                description=f"The model to start from: the newest checkpoint of `{upstream}`.",
                kinds={"pytorch"},
            )
        },
    )
    @retried(pipeline.retry)
    def start_from(
        checkpoint: CheckpointRecord,
        workspace: dg.ResourceParam[Workspace],
        model_inspector: dg.ResourceParam[ModelInspector],
    ) -> dg.MaterializeResult[ModelRecord]:
        directory = Path(checkpoint.version_path)
        version = read_version(directory)
        refuse_broken(directory, version, model_inspector.inspect(directory / MODEL))
        model = checkpoint.model
        report = read_report(workspace, upstream, checkpoint.fingerprint)
        if report:
            refuse_other_model(report, content_fingerprint(Path(model.path)))
            refuse_blocked(report)
        return dg.MaterializeResult(
            value=model,
            data_version=dg.DataVersion(model.fingerprint),
            metadata={
                **model_metadata(model, pipeline.defined_in),
                "trained_from": version.base_model.uri,
                "verdict": "passed" if report else f"none: {upstream} was not evaluated",
            },
        )

    return start_from

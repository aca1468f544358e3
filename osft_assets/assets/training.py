"""`checkpoint` and `training_metrics`: one op, since one training makes both.

The work is `core.training`; the claims about the result are `osft_assets.checks.training`; what the
pages show is in `training_metadata`.
"""

from collections.abc import Iterator
from typing import Any

import dagster as dg

from osft_assets.assets.training_metadata import (
    checkpoint_metadata,
    metrics_metadata,
    observed_metadata,
)
from osft_assets.config import launch_schema, parse_config
from osft_assets.core.checkpoint import (
    CheckpointRecord,
    TrainingMetricsRecord,
    checkpoint_record,
    metrics_record,
)
from osft_assets.core.model_records import ModelRecord
from osft_assets.core.ports import ModelInspector, Trainer
from osft_assets.core.recipes.pipeline import PipelineRecipe, pod_recipe, training_recipe
from osft_assets.core.records import DatasetSplit
from osft_assets.core.training import Listener, TrainedCheckpoint, TrainingStage
from osft_assets.core.training_inputs import TrainingInputs, asked_settings
from osft_assets.core.training_progress import Observation
from osft_assets.core.workspace import Workspace
from osft_assets.executor import computing
from osft_assets.retries import retried

_DESCRIPTIONS = {
    "checkpoint": "The trained model, as the Hugging Face Hub lays one out.",
    "training_metrics": "Every step of the training: loss, learning rate, speed.",
}


def training_asset(pipeline: PipelineRecipe) -> dg.AssetsDefinition:
    """The checkpoint of one pipeline and the metrics of its training."""
    name = pipeline.name

    @dg.multi_asset(
        name=f"{name}__training",
        group_name=name,
        ins={
            upstream: dg.AssetIn([name, upstream])
            for upstream in ("base_model", "train_split", "holdout_split")
        },
        outs={
            "checkpoint": _out(pipeline, "checkpoint", CheckpointRecord, "pytorch"),
            "training_metrics": _out(
                pipeline, "training_metrics", TrainingMetricsRecord, "parquet"
            ),
        },
        config_schema={
            "train": dg.Field(launch_schema(pipeline.train)),
            "pod": dg.Field(launch_schema(pipeline.pod)),
        },
        **computing(pipeline.pod),
    )
    @retried(pipeline.retry)
    def training(  # noqa: PLR0913 - Dagster gives each by its name
        context: dg.AssetExecutionContext,
        base_model: ModelRecord,
        train_split: DatasetSplit,
        holdout_split: DatasetSplit,
        workspace: dg.ResourceParam[Workspace],
        trainer: dg.ResourceParam[Trainer],
        model_inspector: dg.ResourceParam[ModelInspector],
    ) -> Iterator[dg.MaterializeResult[Any]]:
        config = context.op_execution_context.op_config
        pod = parse_config(pod_recipe(pipeline.algorithm), config["pod"])
        train = parse_config(training_recipe(pipeline.algorithm), config["train"])
        inputs = TrainingInputs(
            recipe=train,
            pod=pod,
            asked=asked_settings(pod, train, pipeline.pod, pipeline.train),
            base_model=base_model,
            train=train_split,
            holdout=holdout_split,
            run_id=context.run.run_id,
        )
        stage = TrainingStage(pipeline, workspace, trainer, model_inspector)
        trained = stage.run(inputs, _listener(context, pipeline))
        yield from _results(pipeline, trained)

    return training


def _out(pipeline: PipelineRecipe, name: str, kind: type[Any], icon: str) -> dg.AssetOut:
    return dg.AssetOut(
        key=[pipeline.name, name],
        dagster_type=kind,
        description=f"{_DESCRIPTIONS[name]} Set how in `{pipeline.defined_in}`.",
        kinds={icon},
    )


def _listener(context: dg.AssetExecutionContext, pipeline: PipelineRecipe) -> Listener:
    key = dg.AssetKey([pipeline.name, "training_metrics"])

    def observe(observation: Observation) -> None:
        context.log.info(observation.sentence)
        context.log_event(dg.AssetObservation(key, metadata=observed_metadata(observation)))

    return Listener(context.log.info, observe)


def _results(
    pipeline: PipelineRecipe, trained: TrainedCheckpoint
) -> Iterator[dg.MaterializeResult[Any]]:
    directory, version = trained.directory, trained.version
    version_id = dg.DataVersion(version.fingerprint)
    yield dg.MaterializeResult(
        asset_key=[pipeline.name, "checkpoint"],
        value=checkpoint_record(directory, version, trained.base_model),
        data_version=version_id,
        metadata=checkpoint_metadata(trained, pipeline),
    )
    yield dg.MaterializeResult(
        asset_key=[pipeline.name, "training_metrics"],
        value=metrics_record(directory, version),
        data_version=version_id,
        metadata=metrics_metadata(trained),
    )

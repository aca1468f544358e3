"""`base_scores` and `scores`: the same questions, before the training and after it.

The work is `core.evaluation`; what the scores mean is `assets.forgetting_report`.
"""

from typing import Any

import dagster as dg

from osft_assets.assets.columns import SCORES
from osft_assets.config import launch_schema, parse_config
from osft_assets.core.checkpoint import CheckpointRecord
from osft_assets.core.evaluation import Evaluated, EvaluationStage, Which
from osft_assets.core.evaluation_job import EvaluationPod, evaluation_pod
from osft_assets.core.model_records import ModelRecord
from osft_assets.core.ports import DatasetSource, Evaluator
from osft_assets.core.recipes.evaluation import EvaluationRecipe
from osft_assets.core.recipes.pipeline import PipelineRecipe
from osft_assets.core.recipes.pod import EvaluationPodRecipe
from osft_assets.core.records import DatasetSplit
from osft_assets.core.score_tables import SCORED, overall_rows, score_table
from osft_assets.core.scores import ScoresRecord
from osft_assets.core.workspace import Workspace
from osft_assets.executor import computing
from osft_assets.retries import retried

_DESCRIPTIONS = {
    "base_scores": "What the base model scores, before anything is learned or forgotten.",
    "scores": "What the checkpoint scores, asked exactly the same.",
}


def base_scores_asset(pipeline: PipelineRecipe) -> dg.AssetsDefinition:
    """The scores of the base model of one pipeline."""

    @dg.multi_asset(**_parts(pipeline, "base_scores", "base_model"))
    @retried(pipeline.retry)
    def base_scores(  # noqa: PLR0913 - Dagster gives each by its name
        context: dg.AssetExecutionContext,
        base_model: ModelRecord,
        holdout_split: DatasetSplit,
        workspace: dg.ResourceParam[Workspace],
        evaluator: dg.ResourceParam[Evaluator],
        dataset_source: dg.ResourceParam[DatasetSource],
    ) -> dg.MaterializeResult[ScoresRecord]:
        where = evaluation_pod_of(context, pipeline)
        stage = EvaluationStage(pipeline, workspace, evaluator, dataset_source, where)
        return _scored(context, stage, "base_scores", base_model, holdout_split)

    return base_scores


def scores_asset(pipeline: PipelineRecipe) -> dg.AssetsDefinition:
    """The scores of the checkpoint of one pipeline."""

    @dg.multi_asset(**_parts(pipeline, "scores", "checkpoint"))
    @retried(pipeline.retry)
    def scores(  # noqa: PLR0913 - Dagster gives each by its name
        context: dg.AssetExecutionContext,
        checkpoint: CheckpointRecord,
        holdout_split: DatasetSplit,
        workspace: dg.ResourceParam[Workspace],
        evaluator: dg.ResourceParam[Evaluator],
        dataset_source: dg.ResourceParam[DatasetSource],
    ) -> dg.MaterializeResult[ScoresRecord]:
        where = evaluation_pod_of(context, pipeline)
        stage = EvaluationStage(pipeline, workspace, evaluator, dataset_source, where)
        return _scored(context, stage, "scores", checkpoint.model, holdout_split)

    return scores


def _parts(pipeline: PipelineRecipe, which: Which, model: str) -> dict[str, Any]:
    name = pipeline.name
    return {
        "name": f"{name}__{which}",
        "group_name": name,
        "ins": {upstream: dg.AssetIn([name, upstream]) for upstream in (model, "holdout_split")},
        "outs": {
            which: dg.AssetOut(
                key=[name, which],
                dagster_type=ScoresRecord,
                description=f"{_DESCRIPTIONS[which]} Set what in `{pipeline.defined_in}`.",
                kinds={"table"},
            )
        },
        "config_schema": launch_schema(pipeline.evaluate, pod=pipeline.evaluation_pod),
        **computing(pipeline.evaluation_pod),
    }


def _scored(
    context: dg.AssetExecutionContext,
    stage: EvaluationStage,
    which: Which,
    model: ModelRecord,
    holdout: DatasetSplit,
) -> dg.MaterializeResult[ScoresRecord]:
    recipe = evaluation_recipe(context)
    found = stage.run(which, model, recipe, holdout, context.log.info)
    return dg.MaterializeResult(
        value=found.record,
        data_version=dg.DataVersion(found.record.fingerprint),
        metadata=evaluation_metadata(found, recipe, stage.pipeline),
    )


def evaluation_recipe(context: dg.AssetExecutionContext) -> EvaluationRecipe:
    """What the step was told to ask."""
    config = dict(context.op_execution_context.op_config)
    del config["pod"]
    return parse_config(EvaluationRecipe, config)


def evaluation_pod_of(context: dg.AssetExecutionContext, pipeline: PipelineRecipe) -> EvaluationPod:
    """Where the step was told to run."""
    pod = parse_config(EvaluationPodRecipe, context.op_execution_context.op_config["pod"])
    return evaluation_pod(pod, pipeline.evaluation_pod)


def evaluation_metadata(
    found: Evaluated, recipe: EvaluationRecipe, pipeline: PipelineRecipe
) -> dict[str, Any]:
    """What the page of an asset of scores shows."""
    record, outcome = found.record, found.outcome
    caveats = [f"{task.name}: {task.caveat}" for task in record.tasks if task.caveat]
    notes = "\n".join(f"- {note}" for note in (*outcome.notes, *caveats))
    return {
        "scores": _in_place(record),
        "every_score": dg.MetadataValue.md(score_table(record.tasks)),
        "model": record.model_uri,
        "model_hash": record.model_fingerprint,
        "table": dg.MetadataValue.path(record.table_path),
        "reused": ", ".join(outcome.reused) or "none",
        "notes": dg.MetadataValue.md(notes or "none"),
        "backend": outcome.backend,
        "device": outcome.device,
        "library_versions": outcome.versions,
        "seconds": outcome.seconds,
        "defined_in": pipeline.defined_in,
        **_plotted(record),
        "files": record.directories,
        "settings": recipe.model_dump(),
        "dagster/row_count": sum(len(task.scores) for task in record.tasks),
        "dagster/column_schema": SCORES,
    }


def _in_place(record: ScoresRecord) -> Any:
    """A score a row, without the parts of groups: markdown as long is hidden behind a link."""
    rows = [dict(zip(SCORED, row, strict=True)) for row in overall_rows(record.tasks)]
    return dg.MetadataValue.table(
        [dg.TableRecord(row) for row in rows], dg.TableSchema([dg.TableColumn(c) for c in SCORED])
    )


def _plotted(record: ScoresRecord) -> dict[str, float]:
    """A number a score, so that the page plots its history."""
    return {
        f"{task.name}/{score.metric}": score.value
        for task in record.tasks
        for score in task.overall()
    }

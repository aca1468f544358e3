"""`champion_scores`: what the version in use scores, asked the same as base and checkpoint.

For the report alone: it decides nothing. Empty while the model has no champion, and when
`gate.champion` is off. The champion itself is `assets.champion`.
"""

from typing import Any

import dagster as dg

from osft_assets.assets.evaluation import (
    evaluation_metadata,
    evaluation_pod_of,
    evaluation_recipe,
)
from osft_assets.config import launch_schema
from osft_assets.core.base_model import BaseModelStage
from osft_assets.core.champion_model import ChampionModel
from osft_assets.core.evaluation import Evaluated, EvaluationStage
from osft_assets.core.ports import (
    DatasetSource,
    Evaluator,
    ModelInspector,
    ModelRegistry,
    ModelSource,
)
from osft_assets.core.recipes.evaluation import EvaluationRecipe
from osft_assets.core.recipes.pipeline import PipelineRecipe
from osft_assets.core.records import DatasetSplit
from osft_assets.core.registry_entry import model_name
from osft_assets.core.scores import ChampionScores
from osft_assets.core.workspace import Workspace
from osft_assets.executor import computing
from osft_assets.retries import retried


def champion_scores_asset(pipeline: PipelineRecipe) -> dg.AssetsDefinition:
    """The scores of the champion of one pipeline's model."""
    name = pipeline.name

    @dg.multi_asset(
        name=f"{name}__champion_scores",
        group_name=name,
        ins={"holdout_split": dg.AssetIn([name, "holdout_split"])},
        outs={"champion_scores": _out(pipeline)},
        config_schema=launch_schema(pipeline.evaluate, pod=pipeline.evaluation_pod),
        **computing(pipeline.evaluation_pod),
    )
    @retried(pipeline.retry)
    def champion_scores(  # noqa: PLR0913 - Dagster gives each by its name
        context: dg.AssetExecutionContext,
        holdout_split: DatasetSplit,
        workspace: dg.ResourceParam[Workspace],
        evaluator: dg.ResourceParam[Evaluator],
        dataset_source: dg.ResourceParam[DatasetSource],
        model_registry: dg.ResourceParam[ModelRegistry],
        model_source: dg.ResourceParam[ModelSource],
        model_inspector: dg.ResourceParam[ModelInspector],
    ) -> dg.MaterializeResult[ChampionScores]:
        recipe = evaluation_recipe(context)
        elsewhere = BaseModelStage(model_source, model_inspector)
        champions = ChampionModel(model_registry, workspace, elsewhere)
        called = model_name(name, pipeline.registry)
        place = pipeline.registry
        champion = champions.find(place, called) if pipeline.gate.champion else None
        if champion is None:
            return _none(called, pipeline)
        model = champions.run_to_compare(champion, called, context.log.info)
        where = evaluation_pod_of(context, pipeline)
        stage = EvaluationStage(pipeline, workspace, evaluator, dataset_source, where)
        found = stage.run("champion_scores", model, recipe, holdout_split, context.log.info)
        record = ChampionScores(name=called, version=champion.version, scores=found.record)
        return _made(record, found, recipe, pipeline)

    return champion_scores


def _out(pipeline: PipelineRecipe) -> dg.AssetOut:
    return dg.AssetOut(
        key=[pipeline.name, "champion_scores"],
        dagster_type=ChampionScores,
        description="What the champion scores, asked exactly the same; empty while there is none.",
        kinds={"table"},
    )


def _none(name: str, pipeline: PipelineRecipe) -> dg.MaterializeResult[ChampionScores]:
    why = f"{name} has no champion" if pipeline.gate.champion else "gate.champion is off"
    record = ChampionScores(name=name, why_not=why)
    return dg.MaterializeResult(
        value=record,
        data_version=dg.DataVersion(record.fingerprint),
        metadata={"champion": f"none: {why}", "defined_in": pipeline.defined_in},
    )


def _made(
    record: ChampionScores, found: Evaluated, recipe: EvaluationRecipe, pipeline: PipelineRecipe
) -> dg.MaterializeResult[ChampionScores]:
    shown: dict[str, Any] = evaluation_metadata(found, recipe, pipeline)
    return dg.MaterializeResult(
        value=record,
        data_version=dg.DataVersion(record.fingerprint),
        metadata={"champion": f"{record.name} {record.version}", **shown},
    )
